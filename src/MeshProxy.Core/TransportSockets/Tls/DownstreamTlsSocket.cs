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

        var hello = new HelloReader(Wire.In);
        try
        {
            while (true)
            {
                var read = await ReadLowerAsync();
                if (!read.IsOk)
                {
                    return Fail(
                        read.Status == IoStatus.EndOfStream ? IoStatus.TransportFailed : read.Status, "connection closed during the handshake");
                }

                switch (hello.Advance())
                {
                    case ClientHelloStatus.NeedMore:
                        continue;
                    case ClientHelloStatus.Complete:
                        return Choose(_state, hello);
                    case ClientHelloStatus.NotTls:
                        return Fail(IoStatus.TransportFailed, "TLS_error: the client does not speak TLS");
                    case ClientHelloStatus.TooLarge:
                        return Fail(IoStatus.TransportFailed, "TLS_error: the client's hello is too long");
                    default:
                        return Fail(IoStatus.TransportFailed, "TLS_error: the client's hello is malformed");
                }
            }
        }
        finally
        {
            hello.Dispose();
        }
    }

    protected override Task StartHandshake(SslStream ssl) => ssl.AuthenticateAsServerAsync(_options!);

    protected override TlsInfo CreateInfo(SslStream ssl) => new SslTlsInfo(
        _serverName,
        ssl.NegotiatedApplicationProtocol.Protocol.IsEmpty ? null : TlsNames.Protocol(ssl.NegotiatedApplicationProtocol),
        ssl.SslProtocol,
        ssl.NegotiatedCipherSuite,
        Wire.IsResumed,
        Verdict,
        Verdict.Presented ? ssl.RemoteCertificate as System.Security.Cryptography.X509Certificates.X509Certificate2 : null,
        _certificate);

    private IoResult Choose(TlsServerState state, HelloReader hello)
    {
        _serverName = hello.Parser.ServerName;
        var index = state.Selector.Select(hello.Parser);
        if (index < 0)
        {
            return Fail(IoStatus.TransportFailed, "TLS_error: no certificate for the name that the client asks for");
        }

        _certificate = state.Certificate(index);
        _options = state.Options(index, hello.Parser);
        return IoResult.Success;
    }

    /// <summary>Reads the hello where it stands, and leaves it there for SslStream.</summary>
    private sealed class HelloReader(Buffers.IoBuffer source) : IDisposable
    {
        private long _seen;

        public ClientHelloParser Parser = new(ClientHelloParser.DefaultMaxBytes);

        public ClientHelloStatus Advance()
        {
            long at = 0;
            var status = Parser.Status;
            for (var i = 0; i < source.SliceCount && status == ClientHelloStatus.NeedMore; i++)
            {
                ref var slice = ref source.SliceAt(i);
                var skip = (int)Math.Clamp(_seen - at, 0, slice.Length);
                status = Parser.Append(slice.Slab.Span(slice.Start + skip, slice.Length - skip));
                at += slice.Length;
            }

            _seen = source.Length;
            return status;
        }

        public void Dispose() => Parser.Dispose();
    }
}
