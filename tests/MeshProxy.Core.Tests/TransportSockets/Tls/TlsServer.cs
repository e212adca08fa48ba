using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Tests.Server;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

/// <summary>A real server that ends TLS before its filter, and clients of it.</summary>
internal static class TlsServer
{
    public static DownstreamTlsContextConfig Context(params TestCertificate[] certificates) =>
        new() { CommonTlsContext = new CommonTlsContextConfig { TlsCertificates = certificates.Select(c => c.Config).ToArray() } };

    public static ListenerConfig Listener(DownstreamTlsContextConfig tls, string filter = "echo", TimeSpan handshakeTimeout = default)
    {
        var listener = ServerHarness.Listener(filter: filter);
        return listener with
        {
            FilterChains =
            [
                listener.FilterChains[0] with
                {
                    TransportSocket = new ExtensionConfig("envoy.transport_sockets.tls", tls),
                    TransportSocketConnectTimeout = handshakeTimeout,
                },
            ],
        };
    }

    public static Task<ServerHarness> StartAsync(DownstreamTlsContextConfig tls, string filter = "echo") =>
        new ServerHarness(EventLoopKind.Auto).StartAsync(Listener(tls, filter));
}

/// <summary>A client by SslStream.</summary>
internal sealed class TlsClient : IDisposable
{
    private readonly Client _client;

    private TlsClient(Client client, SslStream stream)
    {
        _client = client;
        Stream = stream;
    }

    public SslStream Stream { get; }

    public System.Net.Sockets.Socket Socket => _client.Socket;

    /// <summary>Shakes hands; trusts any server unless the options say otherwise.</summary>
    /// <param name="server">To connect to.</param>
    /// <param name="configure">Changes the options.</param>
    /// <param name="over">What is to stand between TLS and the socket's stream.</param>
    public static async Task<TlsClient> ConnectAsync(
        ServerHarness server, Action<SslClientAuthenticationOptions>? configure = null, Func<Stream, Stream>? over = null)
    {
        var client = await server.ConnectAsync();
        Stream socket = new System.Net.Sockets.NetworkStream(client.Socket, ownsSocket: false);
        var stream = new SslStream(over?.Invoke(socket) ?? socket);
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            EnabledSslProtocols = SslProtocols.None,
            RemoteCertificateValidationCallback = static (_, _, _, _) => true,
        };
        configure?.Invoke(options);
        try
        {
            await stream.AuthenticateAsClientAsync(options).WaitAsync(ServerHarness.Patience);
        }
        catch
        {
            client.Dispose();
            throw;
        }

        return new TlsClient(client, stream);
    }

    public async Task<string> EchoAsync(string text)
    {
        await Stream.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask().WaitAsync(ServerHarness.Patience);
        return await ReceiveAsync(text.Length);
    }

    public async Task<string> ReceiveAsync(int count)
    {
        var buffer = new byte[count];
        var n = await Stream.ReadAtLeastAsync(buffer, count, throwOnEndOfStream: false).AsTask().WaitAsync(ServerHarness.Patience);
        return Encoding.UTF8.GetString(buffer, 0, n);
    }

    public void Dispose()
    {
        Stream.Dispose();
        _client.Dispose();
    }
}
