using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>The server's side: reads the ClientHello, picks the certificate, lets OpenSSL go on.</summary>
internal sealed class OpenSslServerSocket : OpenSslTransportSocket
{
    private readonly OpenSslServerState? _state;
    private string? _serverName;
    private int _index = -1;

    /// <param name="lower">The layer below.</param>
    /// <param name="state">The present version; null while there is no certificate.</param>
    /// <param name="stats">The listener's.</param>
    public OpenSslServerSocket(ITransportSocketCallbacks lower, OpenSslServerState? state, TlsStats stats)
        : base(lower, stats) => _state = state;

    /// <summary>What may be negotiated, best first.</summary>
    public byte[][] Protocols => _state!.Protocols;

    protected override PeerVerifier? Verifier => _state?.Verifier;

    protected override PeerNames ExpectedNames => default;

    protected override OpenSslContext Context => _state!.Context(_index);

    protected override ValueTask<IoResult> PrepareAsync() =>
        _state is null ? new(Fail(IoStatus.TransportFailed, "no certificate has come yet")) : ReadHelloAsync(_state);

    protected override bool Configure(nint ssl)
    {
        LibSsl.SSL_set_accept_state(ssl);
        return true;
    }

    /// <summary>The ticket holds the client's certificate, and whether it was checked; it was given under this very state.</summary>
    protected override byte[]? Recall(nint ssl)
    {
        if (Verifier is null)
        {
            return null;
        }

        var peer = OpenSslPeer.ReadOwn(ssl);
        using var certificate = peer is null ? null : X509CertificateLoader.LoadCertificate(peer);
        Verdict = Verifier.Resume(certificate, LibSsl.SSL_get_verify_result(ssl).Value == LibCrypto.VerifyOk, DateTimeOffset.UtcNow);
        return peer;
    }

    protected override SslTlsInfo CreateInfo(string? protocol, SslProtocols version, TlsCipherSuite cipher, bool resumed, byte[]? peer) =>
        new(_serverName, protocol, version, cipher, resumed, Verdict, peer, _state!.Certificate(_index));

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<IoResult> ReadHelloAsync(OpenSslServerState state)
    {
        using var hello = new ClientHelloReader(In);
        var read = await ReadClientHelloAsync(hello);
        return read.IsOk ? Choose(state, hello) : read;
    }

    private IoResult Choose(OpenSslServerState state, ClientHelloReader hello)
    {
        _serverName = hello.Parser.ServerName;
        _index = state.Selector.Select(hello.Parser);
        return _index < 0 ? Fail(IoStatus.TransportFailed, NoCertificateForName) : IoResult.Success;
    }
}
