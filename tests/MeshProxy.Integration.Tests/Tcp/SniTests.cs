using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;

namespace MeshProxy.Integration.Tests.Tcp;

public sealed class SniTests
{
    [SkippableTheory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task PassThrough_ByChainMatch_ReachesTheUpstreamOfTheName(SslProtocols version)
    {
        await using var a = await NamedTlsUpstream.StartAsync("a.example");
        await using var b = await NamedTlsUpstream.StartAsync("b.example");
        await using var plain = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.TlsInspector()
                .FilterChain(chain => chain.Match(new FilterChainMatchConfig { ServerNames = ["a.example"] }).TcpProxy("a", "a"))
                .FilterChain(chain => chain.Match(new FilterChainMatchConfig { ServerNames = ["*.example"] }).TcpProxy("b", "b"))
                .FilterChain(chain => chain.Match(new FilterChainMatchConfig { TransportProtocol = "raw_buffer" }).TcpProxy("plain", "plain")))
            .Cluster("a", cluster => cluster.Endpoints(a.Address))
            .Cluster("b", cluster => cluster.Endpoints(b.Address))
            .Cluster("plain", cluster => cluster.Endpoints(plain.Address)));

        (await GetAsync(proxy, "A.example", version)).ShouldBe("a.example HTTP/1.1");
        (await GetAsync(proxy, "b.example", version)).ShouldBe("b.example HTTP/1.1");
        (await proxy.Client.GetStringAsync("/plain")).ShouldStartWith("GET /plain");
        await Should.ThrowAsync<Exception>(() => GetAsync(proxy, "elsewhere.test", version));

        await proxy.StatIsAsync("tls_inspector.tls_found", 3);
        await proxy.StatIsAsync("tls_inspector.sni_found", 3);
        await proxy.StatIsAsync("tls_inspector.tls_not_found", 1);
    }

    [SkippableFact]
    public async Task SniCluster_GoesToTheClusterOfTheName()
    {
        await using var a = await NamedTlsUpstream.StartAsync("a.example");
        await using var b = await NamedTlsUpstream.StartAsync("b.example");
        await using var proxy = await SniClusterProxyAsync(a, b);

        (await GetAsync(proxy, "a.example", SslProtocols.None)).ShouldStartWith("a.example ");
        (await GetAsync(proxy, "b.example", SslProtocols.None)).ShouldStartWith("b.example ");
        await Should.ThrowAsync<Exception>(() => GetAsync(proxy, "no-such-cluster.example", SslProtocols.None));

        await proxy.StatIsAsync("tcp.ingress.downstream_cx_no_route", 1);
    }

    [SkippableFact]
    public async Task PassThrough_OfHttpClient_SpeaksHttp2ToTheUpstream()
    {
        await using var a = await NamedTlsUpstream.StartAsync("a.example");
        await using var b = await NamedTlsUpstream.StartAsync("b.example");
        await using var proxy = await SniClusterProxyAsync(a, b);
        using var client = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true },
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Loopback, proxy.Port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        { DefaultRequestVersion = HttpVersion.Version20 };

        (await client.GetStringAsync("https://b.example/")).ShouldBe("b.example HTTP/2");
        await proxy.StatIsAsync("tls_inspector.alpn_found", 1);
    }

    [SkippableFact]
    public async Task PassThrough_OfCurl_ReachesTheUpstreamOfTheName()
    {
        var curl = Peers.Require("curl");
        await using var a = await NamedTlsUpstream.StartAsync("a.example");
        await using var b = await NamedTlsUpstream.StartAsync("b.example");
        await using var proxy = await SniClusterProxyAsync(a, b);

        foreach (var name in (string[])["a.example", "b.example"])
        {
            var (exitCode, output) = await ChildProcess.RunAsync(
                curl, "-sSk", "--noproxy", "*", "--connect-to", $"::127.0.0.1:{proxy.Port}", $"https://{name}/");
            exitCode.ShouldBe(0, output);
            output.ShouldStartWith($"{name} HTTP/");
        }
    }

    [SkippableFact]
    public async Task PassThrough_OfOpenSsl_ShowsTheUpstreamsCertificate()
    {
        var openssl = Peers.Require("openssl");
        await using var a = await NamedTlsUpstream.StartAsync("a.example");
        await using var b = await NamedTlsUpstream.StartAsync("b.example");
        await using var proxy = await SniClusterProxyAsync(a, b);

        foreach (var name in (string[])["b.example", "a.example"])
        {
            await using var child = ChildProcess.Start(
                openssl, "s_client", "-connect", string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{proxy.Port}"), "-servername", name);
            await child.OutputAsync($"subject=CN ?= ?{name}");
            child.EndInput();
            await child.ExitAsync();
        }
    }

    private static Task<Proxy> SniClusterProxyAsync(NamedTlsUpstream a, NamedTlsUpstream b) => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.TlsInspector()
            .FilterChain(chain => chain.SniCluster().TcpProxy(Proxy.Ingress, "a.example")))
        .Cluster("a.example", cluster => cluster.Endpoints(a.Address))
        .Cluster("b.example", cluster => cluster.Endpoints(b.Address)));

    private static async Task<string> GetAsync(Proxy proxy, string name, SslProtocols version)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, proxy.Port).WaitAsync(Settings.Patience);
        await using var ssl = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: false, static (_, _, _, _) => true);
        await ssl.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = name, EnabledSslProtocols = version }).WaitAsync(Settings.Patience);
        await ssl.WriteAsync("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"u8.ToArray());
        var answer = await new StreamReader(ssl).ReadToEndAsync().WaitAsync(Settings.Patience);
        var body = answer.Split("\r\n\r\n", 2)[1];
        return body.Contains("\r\n", StringComparison.Ordinal) ? body.Split("\r\n")[1] : body; // one chunk
    }
}
