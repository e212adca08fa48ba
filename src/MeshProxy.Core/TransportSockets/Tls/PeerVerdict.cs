namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>What a check of the peer's certificate has found.</summary>
/// <param name="Outcome">What decides.</param>
/// <param name="Presented">Whether there was a certificate.</param>
/// <param name="Validated">Whether it was checked, and good: not so where anything is accepted.</param>
/// <param name="Reason">Why not, for logs.</param>
/// <param name="Chain">The encoded certificates after the peer's own, where there are some.</param>
/// <param name="ValidUntil">When the first certificate of the chain expires, where that matters: so long a session may stand for the check.</param>
internal readonly record struct PeerVerdict(
    PeerOutcome Outcome, bool Presented, bool Validated, string? Reason = null, byte[][]? Chain = null, DateTimeOffset? ValidUntil = null)
{
    /// <summary>No certificate was asked for.</summary>
    public static readonly PeerVerdict NotAsked;

    public bool Accepted => Outcome == PeerOutcome.Accepted;

    /// <summary>Whether a revocation list is what speaks against it.</summary>
    public bool IsRevoked => Reason?.EndsWith(RevocationLists.Revoked, StringComparison.Ordinal) ?? false;

    public static PeerVerdict Refused(PeerOutcome outcome, string reason) =>
        new(outcome, outcome != PeerOutcome.NoCertificate, Validated: false, "TLS_error: certificate verify failed: " + reason);
}

internal enum PeerOutcome : byte
{
    Accepted,

    NoCertificate,

    Untrusted,

    NameMismatch,

    PinMismatch,
}

/// <summary>The names that one connection expects of its peer, beside those of the config.</summary>
/// <param name="ServerName">The name that was asked for; null on a listener, and where there is none.</param>
/// <param name="Alternatives">Names of which the certificate must hold one, in the place of the config's; empty for the config's.</param>
internal readonly record struct PeerNames(string? ServerName, Config.EquatableArray<string> Alternatives = default);
