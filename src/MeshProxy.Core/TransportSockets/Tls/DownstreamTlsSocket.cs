using System.Net.Security;
using System.Runtime.CompilerServices;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>The server's side of TLS: reads the ClientHello, picks the certificate, lets SslStream go on.</summary>
internal sealed class DownstreamTlsSocket : TlsTransportSocket
{
    private readonly TlsServerState? _state;
    private string? _serverName;
    private SslServerAuthenticationOptions? _options;
    private TlsCertificate? _certificate;

    /// <param name="lower">The layer below.</param>
    /// <param name="state">The present version; null while there is no certificate.</param>
    /// <param name="stats">The listener's.</param>
    public DownstreamTlsSocket(ITransportSocketCallbacks lower, TlsServerState? state, TlsStats stats)
        : base(lower, stats)
    {
        _state = state;
        Wire.Watch = ServerHelloSide.Out;
    }

    protected override PeerVerifier? Verifier => _state?.Verifier;

    protected override PeerNames ExpectedNames => default;

    /// <summary>What is not a ClientHello costs no SslStream, and no exception.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    protected override async ValueTask<IoResult> PrepareAsync()
    {
        if (_state is null)
        {
            return Fail(IoStatus.TransportFailed, "no certificate has come yet");
        }

        using var hello = new ClientHelloReader(In);
        var read = await ReadClientHelloAsync(hello);
        return read.IsOk ? Choose(_state, hello) : read;
    }

    protected override Task StartHandshake(SslStream ssl) => ssl.AuthenticateAsServerAsync(_options!);

    protected override SslTlsInfo CreateInfo(SslStream ssl) => new(
        _serverName,
        ssl.NegotiatedApplicationProtocol.Protocol.IsEmpty ? null : TlsNames.Protocol(ssl.NegotiatedApplicationProtocol),
        ssl.SslProtocol,
        ssl.NegotiatedCipherSuite,
        Wire.IsResumed,
        Verdict,
        Verdict.Presented ? ssl.RemoteCertificate?.GetRawCertData() : null,
        _certificate);

    private IoResult Choose(TlsServerState state, ClientHelloReader hello)
    {
        _serverName = hello.Parser.ServerName;
        var index = state.Selector.Select(hello.Parser);
        if (index < 0)
        {
            return Fail(IoStatus.TransportFailed, NoCertificateForName);
        }

        _certificate = state.Certificate(index);
        _options = state.Options(index, hello.Parser);
        return IoResult.Success;
    }
}
