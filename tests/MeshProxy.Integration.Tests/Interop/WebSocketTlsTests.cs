using System.Net;
using System.Net.Security;
using System.Net.WebSockets;
using System.Text;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>WebSocket over TLS (wss) on both sides of the proxy, over HTTP/1.1 and over HTTP/2's extended CONNECT.</summary>
public sealed class WebSocketTlsTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public static TheoryData<string, string, string, string> Scenarios
    {
        get
        {
            var data = new TheoryData<string, string, string, string>();
            foreach (var (name, outcome) in new[]
            {
                ("echo", "protocol chat\n6 messages\nclosed 1000 done"), ("flood", "32 MiB\nclosed 1000 "), ("close", "closed 4001 that is all"), ("abort", "closed 1006 "),
            })
            {
                data.Add(name, "h1", "h1", outcome);
                data.Add(name, "h1", "h2", outcome);
                data.Add(name, "h2", "h1", outcome);
                data.Add(name, "h2", "h2", outcome);
            }

            return data;
        }
    }

    public void Dispose() => _files.Dispose();

    [SkippableTheory]
    [MemberData(nameof(Scenarios))]
    public async Task Ws_OverTlsOnBothSides_PlaysItsScenario(string scenario, string downstream, string upstream, string expected)
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js", upstream, _files.ServerCertificate, _files.ServerKey);
        await using var proxy = await StartAsync(server.Address, upstream);

        var (exitCode, output) = await ChildProcess.RunAsync(
            Peers.Require("node"), Peers.RequireNodeProgram("websocket-client.js"), $"{proxy.Port}", scenario, downstream, _files.Ca);
        exitCode.ShouldBe(0, output);

        // A stream's reset is an error to node's HTTP/2 client, besides being the end of the socket.
        string.Join('\n', output.Split('\n').Where(line => !line.StartsWith("stream: ERR_HTTP2_STREAM_ERROR", StringComparison.Ordinal))).ShouldBe(expected);
        proxy.Stat($"listener.{Proxy.Ingress}.ssl.handshake").ShouldBe(1);
        proxy.Stat($"cluster.{Proxy.Service}.ssl.handshake").ShouldBe(1);
    }

    /// <summary>
    /// Kestrel ends an HTTP/1.1 connection over TLS without a close_notify, so its close frame comes with a cut: it must still get through, and over HTTP/2
    /// no RST_STREAM may follow it, at which HttpClient throws away what it has not read.
    /// </summary>
    [Theory]
    [InlineData("h1", "h1")]
    [InlineData("h1", "h2")]
    [InlineData("h2", "h2")]
    [InlineData("h2", "h1")]
    public async Task ClientWebSocket_OverTlsToKestrel_WorksBothWaysToTheCloseHandshake(string downstream, string upstream)
    {
        using var leaf = MeshProxy.TestSupport.Tls.TestPki.Leaf(_files.Root, "localhost");
        await using var kestrel = await KestrelUpstream.StartAsync(EchoAsync, upstream == "h2" ? HttpProtocols.Http2 : HttpProtocols.Http1, leaf.WithKey);
        await using var proxy = await StartAsync(kestrel.Address, upstream);
        using var invoker = new HttpMessageInvoker(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
        });
        using var client = new ClientWebSocket();
        client.Options.HttpVersion = downstream == "h2" ? HttpVersion.Version20 : HttpVersion.Version11;
        client.Options.HttpVersionPolicy = HttpVersionPolicy.RequestVersionExact;
        client.Options.AddSubProtocol("chat");
        using var patience = new CancellationTokenSource(2 * Settings.Patience);
        await client.ConnectAsync(new Uri($"wss://localhost:{proxy.Port}/chat"), invoker, patience.Token);
        var payload = Payload.Create(1_000_000);
        var received = new byte[payload.Length];

        await client.SendAsync(Encoding.UTF8.GetBytes("hello"), WebSocketMessageType.Text, true, patience.Token);
        var first = await client.ReceiveAsync(received, patience.Token);
        Encoding.UTF8.GetString(received, 0, first.Count).ShouldBe("hello");
        var sending = client.SendAsync(payload, WebSocketMessageType.Binary, true, patience.Token);
        for (var count = 0; count < payload.Length;)
        {
            count += (await client.ReceiveAsync(received.AsMemory(count), patience.Token)).Count;
        }

        await sending;
        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", patience.Token);

        client.SubProtocol.ShouldBe("chat");
        received.ShouldBe(payload);
        client.CloseStatus.ShouldBe(WebSocketCloseStatus.NormalClosure);
        client.CloseStatusDescription.ShouldBe("bye");
        proxy.Stat($"http.{Proxy.Ingress}.downstream_cx_http{(downstream == "h2" ? 2 : 1)}_total").ShouldBe(1);
    }

    private static async Task EchoAsync(HttpContext context)
    {
        using var socket = await context.WebSockets.AcceptWebSocketAsync("chat");
        var buffer = new byte[16 * 1024];
        while (await socket.ReceiveAsync(buffer, context.RequestAborted) is { CloseStatus: null } part)
        {
            await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, context.RequestAborted);
        }

        await socket.CloseAsync(socket.CloseStatus!.Value, socket.CloseStatusDescription, context.RequestAborted);
    }

    private Task<Proxy> StartAsync(string address, string upstream) => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.Configure(l => l with { StatPrefix = Proxy.Ingress }).FilterChain(chain => chain
            .Tls(tls => tls.Certificate(_files.ServerCertificate, _files.ServerKey).Alpn("h2", "http/1.1"))
            .HttpConnectionManager(Proxy.Ingress, http => http
                .With(config => config with
                {
                    UpgradeConfigs = [new UpgradeConfig("websocket")],
                    Http2ProtocolOptions = config.Http2ProtocolOptions with { AllowConnect = true },
                })
                .RouteAllTo(Proxy.Service))))
        .Cluster(Proxy.Service, cluster =>
        {
            cluster.Endpoints(address).Tls(tls => tls.Sni("localhost").TrustedCa(_files.Ca));
            if (upstream == "h2")
            {
                cluster.Http2(new Http2ProtocolOptions { AllowConnect = true });
            }
        }));
}
