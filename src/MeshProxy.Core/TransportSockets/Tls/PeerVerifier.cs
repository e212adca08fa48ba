using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Decides on peers' certificates by a <see cref="CertificateValidationContextConfig"/>.</summary>
/// <remarks>
/// Immutable but for what it remembers of issuers, shared by all workers. It does no I/O: roots and revocation lists were loaded on the control side, and chains are built from
/// those and from what the peer has sent, never from what a certificate says is to be found on the network.
/// </remarks>
internal sealed class PeerVerifier
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    /// <summary>Further intermediate authorities are not remembered.</summary>
    private const int MaxKnownIssuers = 64;

    private readonly CertificateValidationContextConfig _config;
    private readonly bool _isClient;
    private readonly bool _required;
    private readonly bool _checksChain;
    private readonly X509Certificate2Collection _roots;
    private readonly SanMatcher[] _names;
    private readonly HashSet<string> _certificateHashes;
    private readonly HashSet<string> _keyHashes;
    private readonly RevocationLists? _revocation;
    private X509Certificate2[] _knownIssuers = [];

    /// <param name="config">The validated config.</param>
    /// <param name="isClient">Whether the peer is a server.</param>
    /// <param name="required">Whether a peer without a certificate is refused.</param>
    /// <param name="roots">Whom to trust; null where no chain is checked.</param>
    /// <param name="revocation">Null without lists.</param>
    public PeerVerifier(CertificateValidationContextConfig config, bool isClient, bool required, X509Certificate2Collection? roots, RevocationLists? revocation)
    {
        _config = config;
        _isClient = isClient;
        _required = required;
        _roots = roots ?? [];
        _checksChain = roots is not null;
        _revocation = revocation;
        _names = [.. config.MatchTypedSubjectAltNames.Select(static name => new SanMatcher(name))];
        _certificateHashes = [.. config.VerifyCertificateHash.Select(static hash => hash.Replace(":", "", StringComparison.Ordinal).ToUpperInvariant())];
        _keyHashes = [.. config.VerifyCertificateSpki];
        ChainPolicy = CreateChainPolicy();
    }

    /// <summary>How chains are built. Never changed.</summary>
    public X509ChainPolicy ChainPolicy { get; }

    /// <summary>Whether any certificate passes, so that the peer may be anybody.</summary>
    public bool AcceptsAnybody => _config.TrustChainVerification == TrustChainVerification.AcceptUntrusted;

    /// <summary>The policy of a side that asks for no certificate: it reaches for nothing either.</summary>
    public static X509ChainPolicy CreateOfflinePolicy() => new()
    {
        DisableCertificateDownloads = true,
        RevocationMode = X509RevocationMode.NoCheck,
        TrustMode = X509ChainTrustMode.CustomRootTrust,
    };

    /// <summary>Decides. On a worker, within the handshake.</summary>
    /// <param name="certificate">The peer's; null if it has shown none.</param>
    /// <param name="chain">Built from it by <see cref="ChainPolicy"/>.</param>
    /// <param name="expected">What this connection asks for.</param>
    public PeerVerdict Verify(X509Certificate2? certificate, X509Chain? chain, in PeerNames expected)
    {
        if (certificate is null || chain is null)
        {
            return _required
                ? PeerVerdict.Refused(PeerOutcome.NoCertificate, "the peer has shown no certificate")
                : new PeerVerdict(PeerOutcome.Accepted, Presented: false, Validated: false);
        }

        var refusal = Refusal(certificate, chain, expected);
        if (refusal is { } refused && !AcceptsAnybody)
        {
            return refused;
        }

        var validated = refusal is null && (_checksChain || HasPins);
        return new PeerVerdict(
            PeerOutcome.Accepted, Presented: true, validated, Chain: _isClient ? null : Sent(certificate, chain), ValidUntil: validated ? ValidUntil(chain) : null);
    }

    /// <summary>Decides on a client that takes up an earlier session: what was found good then still is, unless it has expired since. A
    /// session could else outlive its certificate for ever, as each connection brings a new ticket (RFC 8446, section 4.6.1).</summary>
    /// <param name="certificate">The peer's own; null if the session has none.</param>
    /// <param name="validated">What was found then.</param>
    /// <param name="now">The time.</param>
    public PeerVerdict Resume(X509Certificate2? certificate, bool validated, DateTimeOffset now)
    {
        if (certificate is null)
        {
            return Verify(null, null, default);
        }

        return validated && _checksChain && !_config.AllowExpiredCertificate && !AcceptsAnybody && now > certificate.NotAfter.ToUniversalTime()
            ? PeerVerdict.Refused(PeerOutcome.Untrusted, "the certificate of the session has expired")
            : new PeerVerdict(PeerOutcome.Accepted, Presented: true, validated);
    }

    /// <summary>Keeps the intermediate certificates of a good chain, for the sessions that follow.</summary>
    public void RememberIssuers(X509Chain chain)
    {
        var elements = chain.ChainElements;
        var anchor = FindAnchor(elements);
        for (var i = 1; i < anchor; i++)
        {
            var bytes = elements[i].Certificate.RawDataMemory;
            var known = Volatile.Read(ref _knownIssuers);
            if (known.Length < MaxKnownIssuers && !Array.Exists(known, issuer => issuer.RawDataMemory.Span.SequenceEqual(bytes.Span)))
            {
                // Of two workers one may lose: the next handshake brings it again.
                Volatile.Write(ref _knownIssuers, [.. known, X509CertificateLoader.LoadCertificate(bytes.Span)]);
            }
        }
    }

    /// <summary>Decides anew, with the intermediate certificates of earlier peers at hand. They are no more trusted than if this one had sent
    /// them.</summary>
    public PeerVerdict VerifyWithKnownIssuers(X509Certificate2 certificate, in PeerNames expected)
    {
        using var chain = new X509Chain { ChainPolicy = ChainPolicy.Clone() };
        chain.ChainPolicy.ExtraStore.AddRange(Volatile.Read(ref _knownIssuers));
        chain.Build(certificate);
        return Verify(certificate, chain, expected) with { Chain = null };
    }

    private DateTimeOffset? ValidUntil(X509Chain chain)
    {
        if (!_checksChain || _config.AllowExpiredCertificate || AcceptsAnybody)
        {
            return null;
        }

        var first = DateTime.MaxValue;
        var elements = chain.ChainElements;
        var anchor = FindAnchor(elements);
        for (var i = 0; i <= anchor; i++)
        {
            var notAfter = elements[i].Certificate.NotAfter.ToUniversalTime();
            first = notAfter < first ? notAfter : first;
        }

        return new DateTimeOffset(first, TimeSpan.Zero);
    }

    private PeerVerdict? Refusal(X509Certificate2 certificate, X509Chain chain, in PeerNames expected)
    {
        if (_checksChain && CheckChain(chain) is { } fault)
        {
            return PeerVerdict.Refused(PeerOutcome.Untrusted, fault);
        }

        if (!CheckNames(certificate, expected, out var wanted))
        {
            return PeerVerdict.Refused(PeerOutcome.NameMismatch, $"no subject alternative name of the certificate is {wanted}");
        }

        return CheckPins(certificate) ? null : PeerVerdict.Refused(PeerOutcome.PinMismatch, "the certificate is none of those that are pinned");
    }

    /// <summary>The certificates that a client has sent after its own: they go on in a header.</summary>
    private static byte[][]? Sent(X509Certificate2 certificate, X509Chain chain)
    {
        List<byte[]>? sent = null;
        foreach (var other in chain.ChainPolicy.ExtraStore)
        {
            if (!other.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span))
            {
                (sent ??= []).Add(other.RawData);
            }
        }

        return sent?.ToArray();
    }

    private bool HasPins => _certificateHashes.Count + _keyHashes.Count > 0;

    /// <returns>What is wrong; null if nothing is.</returns>
    private string? CheckChain(X509Chain chain)
    {
        var elements = chain.ChainElements;
        var anchor = FindAnchor(elements);
        if (anchor < 0)
        {
            return "no trusted authority has issued it (" + Describe(chain) + ")";
        }

        for (var i = 0; i <= anchor; i++)
        {
            foreach (var status in elements[i].ChainElementStatus)
            {
                if (!IsAllowed(status.Status))
                {
                    return $"{elements[i].Certificate.Subject}: {status.Status}";
                }
            }
        }

        if (anchor - 1 > _config.MaxVerifyDepth)
        {
            return $"the chain has {anchor - 1} certificates between the peer's and the root, more than {_config.MaxVerifyDepth}";
        }

        return _revocation?.Check(elements, anchor, _config.OnlyVerifyLeafCertCrl, DateTimeOffset.UtcNow);
    }

    /// <summary>The first certificate of the chain that is trusted by itself: a root, or an intermediate one that the config names.</summary>
    private int FindAnchor(X509ChainElementCollection elements)
    {
        for (var i = 0; i < elements.Count; i++)
        {
            // Byte by byte: the collection's own comparison takes issuer and serial number for the whole.
            var bytes = elements[i].Certificate.RawDataMemory.Span;
            foreach (var root in _roots)
            {
                if (root.RawDataMemory.Span.SequenceEqual(bytes))
                {
                    return i;
                }
            }
        }

        return -1;
    }

    private bool IsAllowed(X509ChainStatusFlags status) => (status & ~(X509ChainStatusFlags.PartialChain | X509ChainStatusFlags.UntrustedRoot)) switch
    {
        X509ChainStatusFlags.NoError => true, // whom to trust was settled by finding the anchor
        X509ChainStatusFlags.NotTimeValid => _config.AllowExpiredCertificate,
        _ => false,
    };

    private bool CheckNames(X509Certificate2 certificate, in PeerNames expected, out string wanted)
    {
        var alternatives = expected.Alternatives;
        var useServerName = alternatives.IsEmpty && _names.Length == 0 && _isClient && !AcceptsAnybody && _checksChain && !string.IsNullOrEmpty(expected.ServerName);
        wanted = useServerName ? expected.ServerName! : alternatives.IsEmpty ? "one that the config asks for" : string.Join(" or ", alternatives);
        if (!useServerName && alternatives.IsEmpty && _names.Length == 0)
        {
            // The system's roots vouch for any server of the world: without a name, which may be missing at an endpoint only, nobody is known.
            wanted = "asked for: the connection has no server name, and trusted_ca is the system's";
            return !_isClient || !_checksChain || _config.TrustedCa is not null || HasPins;
        }

        var names = SubjectAltNames.Of(certificate);
        if (useServerName)
        {
            return SanMatcher.IsFor(names, expected.ServerName!);
        }

        foreach (var alternative in alternatives)
        {
            if (SanMatcher.IsFor(names, alternative))
            {
                return true;
            }
        }

        return alternatives.IsEmpty && Array.Exists(_names, matcher => matcher.IsMatch(names));
    }

    private bool CheckPins(X509Certificate2 certificate) =>
        !HasPins
        || (_certificateHashes.Count > 0 && _certificateHashes.Contains(certificate.GetCertHashString(HashAlgorithmName.SHA256)))
        || (_keyHashes.Count > 0 && _keyHashes.Contains(Convert.ToBase64String(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()))));

    private X509ChainPolicy CreateChainPolicy()
    {
        var policy = CreateOfflinePolicy();
        policy.VerificationFlags = X509VerificationFlags.NoFlag;
        policy.CustomTrustStore.AddRange(_roots);
        policy.ApplicationPolicy.Add(new Oid(_isClient ? ServerAuthentication : ClientAuthentication));
        return policy;
    }

    private static string Describe(X509Chain chain) => string.Join(", ", chain.ChainStatus.Select(static status => status.Status.ToString()).Distinct());
}
