using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>The client's side.</summary>
internal sealed unsafe class OpenSslClientSocket : OpenSslTransportSocket
{
    private const int HostName = 0; // TLSEXT_NAMETYPE_host_name

    private readonly OpenSslClientState? _state;
    private readonly PeerNames _expected;
    private readonly EquatableArray<string> _protocols;
    private OpenSslSession? _offered;
    private bool _certificateAskedFor;

    /// <param name="lower">The layer below.</param>
    /// <param name="state">The present version; null while there is none.</param>
    /// <param name="options">What this connection wants otherwise.</param>
    /// <param name="stats">The cluster's.</param>
    public OpenSslClientSocket(ITransportSocketCallbacks lower, OpenSslClientState? state, TransportSocketOptions? options, TlsStats stats)
        : base(lower, stats)
    {
        _state = state;
        if (state is not null)
        {
            _expected = UpstreamTlsNames.Expected(state.Config, options, lower.Connection.RemoteHostname);
            _protocols = UpstreamTlsNames.Protocols(state.Config, options);
        }
    }

    protected override PeerVerifier? Verifier => _state?.Verifier;

    protected override PeerNames ExpectedNames => _expected;

    protected override OpenSslContext Context => _state!.Context;

    private string ServerName => _expected.ServerName ?? "";

    private OpenSslSessionKey SessionKey => new(Connection.DirectRemoteAddress, _expected);

    /// <summary>From OpenSSL, when the server wants to see a certificate.</summary>
    public void NoteCertificateAskedFor() => _certificateAskedFor = true;

    /// <summary>From OpenSSL: a session that can be taken up by a later connection.</summary>
    /// <returns>Whether the reference to it was taken over.</returns>
    public bool Keep(nint session)
    {
        if (LibSsl.SSL_SESSION_is_resumable(session) == 0)
        {
            return false;
        }

        // What the handshake has found is what a connection that skips it has to go by.
        var (verdict, peer) = LibSsl.SSL_session_reused(Ssl) == 1 && _offered is { } before ? (before.Verdict, before.Peer) : (Verdict, Peer);
        return verdict.Accepted && _state!.Sessions.TryAdd(SessionKey, session, verdict, peer);
    }

    protected override ValueTask<IoResult> PrepareAsync() =>
        new(_state is null ? Fail(IoStatus.TransportFailed, "the secrets have not come yet") : IoResult.Success);

    protected override bool Configure(nint ssl)
    {
        LibSsl.SSL_set_connect_state(ssl);
        return SetServerName(ssl) && SetProtocols(ssl) && OfferSession(ssl);
    }

    protected override byte[]? Recall(nint ssl)
    {
        Verdict = _offered!.Verdict;
        return _offered.Peer;
    }

    protected override SslTlsInfo CreateInfo(string? protocol, SslProtocols version, TlsCipherSuite cipher, bool resumed, byte[]? peer) => new(
        ServerName.Length == 0 ? null : ServerName,
        protocol,
        version,
        cipher,
        resumed,
        Verdict,
        peer,
        _certificateAskedFor || resumed ? _state!.Certificate : null);

    protected override void Release()
    {
        base.Release();
        _offered?.Dispose();
        _offered = null;
    }

    /// <summary>RFC 6066, section 3: an IP address is no name to ask for.</summary>
    private bool SetServerName(nint ssl)
    {
        if (ServerName.Length == 0 || System.Net.IPAddress.TryParse(ServerName, out _))
        {
            return true;
        }

        Span<byte> name = stackalloc byte[256];
        if (!Encoding.ASCII.TryGetBytes(ServerName.TrimEnd('.'), name[..^1], out var length))
        {
            return false;
        }

        name[length] = 0;
        fixed (byte* p = name)
        {
            return LibSsl.SSL_ctrl(ssl, LibSsl.CtrlSetServerName, new CLong(HostName), (nint)p).Value == 1;
        }
    }

    private bool SetProtocols(nint ssl)
    {
        if (_protocols.IsEmpty)
        {
            return true;
        }

        var bytes = _state!.Encode(_protocols);
        fixed (byte* p = bytes)
        {
            return LibSsl.SSL_set_alpn_protos(ssl, p, (uint)bytes.Length) == 0; // the one call whose 0 is good
        }
    }

    private bool OfferSession(nint ssl)
    {
        _offered = _state!.Sessions.Take(SessionKey, DateTimeOffset.UtcNow);
        return _offered is null || LibSsl.SSL_set_session(ssl, _offered.Pointer) == 1;
    }
}
