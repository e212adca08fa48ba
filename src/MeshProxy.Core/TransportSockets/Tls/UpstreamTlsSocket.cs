using System.Net.Security;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>The client's side of TLS.</summary>
internal sealed class UpstreamTlsSocket : TlsTransportSocket
{
    private readonly TlsClientState? _state;
    private readonly SslClientAuthenticationOptions? _options;
    private readonly PeerNames _expected;

    /// <param name="lower">The layer below.</param>
    /// <param name="state">The present version; null while there is none.</param>
    /// <param name="options">What this connection wants otherwise.</param>
    /// <param name="stats">The cluster's.</param>
    public UpstreamTlsSocket(ITransportSocketCallbacks lower, TlsClientState? state, TransportSocketOptions? options, TlsStats stats)
        : base(lower, stats)
    {
        _state = state;
        Wire.Watch = ServerHelloSide.In;
        if (state is not null)
        {
            var hostname = lower.Connection.RemoteHostname;
            _options = state.Options(options, hostname);
            _expected = state.ExpectedNames(options, hostname);
        }
    }

    protected override PeerVerifier? Verifier => _state?.Verifier;

    protected override PeerNames ExpectedNames => _expected;

    protected override ValueTask<IoResult> PrepareAsync() =>
        new(_state is null ? Fail(IoStatus.TransportFailed, "the secrets have not come yet") : IoResult.Success);

    protected override Task StartHandshake(SslStream ssl) => ssl.AuthenticateAsClientAsync(_options!);

    protected override SslTlsInfo CreateInfo(SslStream ssl) => new(
        string.IsNullOrEmpty(_options!.TargetHost) ? null : _options.TargetHost,
        ssl.NegotiatedApplicationProtocol.Protocol.IsEmpty ? null : TlsNames.Protocol(ssl.NegotiatedApplicationProtocol),
        ssl.SslProtocol,
        ssl.NegotiatedCipherSuite,
        Wire.IsResumed,
        Verdict,
        ssl.RemoteCertificate?.GetRawCertData(),
        ssl.LocalCertificate is null ? null : _state!.Certificate);
}
