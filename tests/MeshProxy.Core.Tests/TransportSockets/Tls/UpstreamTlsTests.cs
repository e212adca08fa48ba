using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Server;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Tests.Server;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class UpstreamSslStreamTests() : UpstreamTlsTests(TlsImplementation.SslStream);

public sealed class UpstreamOpenSslTests() : UpstreamTlsTests(TlsImplementation.OpenSsl);

/// <summary>The same for either library.</summary>
public abstract class UpstreamTlsTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost");
    private static readonly TestCertificate s_otherRoot = TestPki.Root("CN=Other Root");

    protected UpstreamTlsTests(TlsImplementation implementation) => TestTls.Implementation = implementation;

    [Fact]
    public async Task Cluster_WithTls_ReachesServer()
    {
        await using var upstream = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        await using var proxy = await StartProxyAsync(upstream, Context("localhost", s_root));
        using (var client = await Client.ConnectAsync(proxy.GetListenerAddress("main")))
        {
            (await client.EchoAsync("hello")).ShouldBe("hello");
        }

        await upstream.NothingIsLeftAsync();
        Counter(proxy, "cluster.upstream.ssl.handshake").ShouldBe(1);
    }

    [Fact]
    public async Task Cluster_AuthorityNotTrusted_DoesNotConnect()
    {
        await using var upstream = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        await using var proxy = await StartProxyAsync(upstream, Context("localhost", s_otherRoot));
        using var client = await Client.ConnectAsync(proxy.GetListenerAddress("main"));
        await client.ShouldBeClosedAsync();
        Counter(proxy, "cluster.upstream.ssl.fail_verify_error").ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Cluster_NameOfAnotherServer_DoesNotConnect()
    {
        await using var upstream = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        await using var proxy = await StartProxyAsync(upstream, Context("example.com", s_root));
        using var client = await Client.ConnectAsync(proxy.GetListenerAddress("main"));
        await client.ShouldBeClosedAsync();
        Counter(proxy, "cluster.upstream.ssl.fail_verify_san").ShouldBeGreaterThan(0);
    }

    [Fact]
    public async Task Cluster_WithTheSystemsRoots_RefusesAnUnknownAuthority()
    {
        await using var upstream = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        await using var proxy = await StartProxyAsync(upstream, new UpstreamTlsContextConfig { Sni = "localhost" });
        using var client = await Client.ConnectAsync(proxy.GetListenerAddress("main"));
        await client.ShouldBeClosedAsync();
        Counter(proxy, "cluster.upstream.ssl.fail_verify_error").ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData(TlsProtocolVersion.Tls12)]
    [InlineData(TlsProtocolVersion.Tls13)]
    public void Session_OfAClusterThatAcceptsAnybody_IsNoPassForAnotherCluster(TlsProtocolVersion version)
    {
        var name = $"cross-{version}.test"; // the platform's cache is the process's
        var server = TlsServer.Context(TestPki.Leaf(s_root, name));
        server = server with
        {
            CommonTlsContext = server.CommonTlsContext with { TlsParams = new TlsParametersConfig { TlsMinimumProtocolVersion = version, TlsMaximumProtocolVersion = version } },
        };
        var careless = Context(name, s_otherRoot);
        careless = careless with
        {
            CommonTlsContext = careless.CommonTlsContext with
            {
                ValidationContext = new CertificateValidationContextConfig { TrustChainVerification = TrustChainVerification.AcceptUntrusted },
            },
        };
        var pair = new TlsPair(server, careless);
        for (var i = 0; i < 2; i++)
        {
            pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
            pair.Server.WriteAsync("x");
            pair.Client.Read().IsOk.ShouldBeTrue();
            pair.Client.Close(CloseType.FlushWrite);
            pair.Connect();
        }

        pair.Counter("client.ssl.session_reused").ShouldBe(1);
        pair.UseClient(Context(name, s_otherRoot));
        pair.Handshake().Client.Status.ShouldBe(IoStatus.TransportFailed);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("other.test", false)]
    public async Task Cluster_AutoHostSni_AsksForTheEndpointsName(string hostname, bool reached)
    {
        await using var upstream = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        await using var proxy = await StartProxyAsync(
            upstream.Server.GetListenerAddress("main"), Context("", s_root) with { AutoHostSni = true }, hostname);
        using var client = await Client.ConnectAsync(proxy.GetListenerAddress("main"));
        if (reached)
        {
            (await client.EchoAsync("hello")).ShouldBe("hello");
        }
        else
        {
            await client.ShouldBeClosedAsync();
        }
    }

    internal static UpstreamTlsContextConfig Context(string sni, TestCertificate root) => new()
    {
        Sni = sni,
        CommonTlsContext = new CommonTlsContextConfig { ValidationContext = new CertificateValidationContextConfig { TrustedCa = root.Ca } },
    };

    internal static async Task<MeshProxyServer> StartProxyAsync(ServerHarness upstream, UpstreamTlsContextConfig tls) =>
        await StartProxyAsync(upstream.Server.GetListenerAddress("main"), tls);

    internal static async Task<MeshProxyServer> StartProxyAsync(NetworkAddress upstream, UpstreamTlsContextConfig tls, string hostname = "")
    {
        var listener = ServerHarness.Listener();
        var proxy = new MeshProxyServer(new MeshProxyOptions { Concurrency = 1, TlsImplementation = TestTls.Implementation }, new ServerConfig
        {
            Listeners =
            [
                listener with
                {
                    FilterChains =
                    [
                        new FilterChainConfig
                        {
                            Filters = [new ExtensionConfig("envoy.filters.network.tcp_proxy", new TcpProxyConfig { StatPrefix = "tcp", Cluster = "upstream" })],
                        },
                    ],
                },
            ],
            Clusters =
            [
                new ClusterConfig
                {
                    Name = "upstream",
                    LoadAssignment = [new LocalityLbEndpointsConfig { LbEndpoints = [new LbEndpointConfig { Address = upstream, Hostname = hostname }] }],
                    TransportSocket = new ExtensionConfig("envoy.transport_sockets.tls", tls),
                },
            ],
        });
        await proxy.StartAsync().WaitAsync(ServerHarness.Patience);
        return proxy;
    }

    internal static long Counter(MeshProxyServer server, string name) =>
        (server.Stats.Find(name) as CellStat)?.Value ?? throw new ArgumentException($"no stat {name}");
}
