using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Network;
using MeshProxy.Core.Tests.Server;

namespace MeshProxy.Core.Tests.Hosting;

public sealed class MeshProxyBuilderTests
{
    [Fact]
    public void Builder_WithListenerAndCluster_WritesTheirRecords()
    {
        var config = new MeshProxyBuilder()
            .Listener("ingress", "127.0.0.1:10000", l => l
                .AdditionalAddress("127.0.0.1:10001")
                .MaxConnections(10)
                .FilterChain("chain", c => c.TcpProxy("tcp", cluster: "orders")))
            .Cluster("orders", c => c.Endpoints("127.0.0.1:9000", "127.0.0.1:9001").ConnectTimeout(TimeSpan.FromSeconds(1)))
            .BuildConfig();

        config.ShouldBe(new ServerConfig
        {
            Listeners =
            [
                new ListenerConfig
                {
                    Name = "ingress",
                    Address = NetworkAddress.Loopback(10000),
                    AdditionalAddresses = [NetworkAddress.Loopback(10001)],
                    MaxConnections = 10,
                    FilterChains =
                    [
                        new FilterChainConfig
                        {
                            Name = "chain",
                            Filters = [new ExtensionConfig("envoy.filters.network.tcp_proxy", new TcpProxyConfig { StatPrefix = "tcp", Cluster = "orders" })],
                        },
                    ],
                },
            ],
            Clusters =
            [
                new ClusterConfig
                {
                    Name = "orders",
                    ConnectTimeout = TimeSpan.FromSeconds(1),
                    LoadAssignment =
                    [
                        new LocalityLbEndpointsConfig
                        {
                            LbEndpoints =
                            [
                                new LbEndpointConfig { Address = NetworkAddress.Loopback(9000) },
                                new LbEndpointConfig { Address = NetworkAddress.Loopback(9001) },
                            ],
                        },
                    ],
                },
            ],
        });
    }

    [Fact]
    public void Build_WithErrorsOfEveryKind_NamesThemAllAtOnce()
    {
        var builder = new MeshProxyBuilder()
            .Configure(options => options.Concurrency = 0)
            .Listener("main", "127.0.0.1:0", l => l
                .AdditionalAddress("nonsense")
                .FilterChain(c => c.TcpProxy("tcp", cluster: "nobody")))
            .Cluster("orders", c => c.Endpoints("127.0.0.1"));
        var error = Should.Throw<ConfigException>(() => builder.Build());
        error.Errors.Select(e => e.Path).ShouldBe(
        [
            "static_resources.listeners[0].additional_addresses[0]",
            "static_resources.clusters[0].load_assignment.endpoints[0].lb_endpoints[0].endpoint.address",
            "options.concurrency",
            "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.cluster",
        ]);
    }

    [Fact]
    public void InlineFilter_WithANameThatIsTaken_IsRefused()
    {
        var builder = new MeshProxyBuilder().Listener("main", "127.0.0.1:0", l => l
            .FilterChain(c => c
                .TerminalFilter("acme.echo", _ => new EchoFilter("")))
            .DefaultFilterChain(c => c
                .TerminalFilter("acme.echo", _ => new EchoFilter("!"))));
        Should.Throw<ConfigException>(() => builder.Build()).Errors[0].ShouldBe(
            new ConfigError("static_resources.listeners[0].default_filter_chain.filters[0].name", "'acme.echo' is the name of another network filter"));
    }

    [Fact]
    public async Task CustomFilters_ByConfigRecordAndByDelegate_RunInTheirChain()
    {
        await using var server = new MeshProxyBuilder()
            .AddNetworkFilter<GreetingConfig>(
                "acme.greeting",
                (config, _) => new GreetingFactory(config),
                isTerminal: true,
                new GreetingValidator())
            .Listener("typed", "127.0.0.1:0", l => l.FilterChain(c => c.Filter("acme.greeting", new GreetingConfig("hello "))))
            .Listener("inline", "127.0.0.1:0", l => l.FilterChain(c => c.TerminalFilter("acme.inline", _ => new EchoFilter("hi "))))
            .Build();
        await server.StartAsync().WaitAsync(ServerHarness.Patience);
        using var typed = await Client.ConnectAsync(server.GetListenerAddress("typed"));
        (await typed.ReceiveAsync(6)).ShouldBe("hello ");
        using var inline = await Client.ConnectAsync(server.GetListenerAddress("inline"));
        (await inline.ReceiveAsync(3)).ShouldBe("hi ");
    }

    [Fact]
    public void CustomFilter_WithAWrongConfig_IsRefusedWithItsPath()
    {
        var builder = new MeshProxyBuilder()
            .AddNetworkFilter<GreetingConfig>("acme.greeting", (config, _) => new GreetingFactory(config), isTerminal: true, new GreetingValidator())
            .Listener("main", "127.0.0.1:0", l => l.FilterChain(c => c.Filter("acme.greeting", new GreetingConfig(""))));
        Should.Throw<ConfigException>(() => builder.Build()).Errors[0].ShouldBe(
            new ConfigError("static_resources.listeners[0].filter_chains[0].filters[0].typed_config.text", "must not be empty"));
    }

    private sealed record GreetingConfig(string Text);

    private sealed class GreetingValidator : IConfigValidator<GreetingConfig>
    {
        public void Validate(GreetingConfig config, ConfigErrors errors) => errors.RequireText(config.Text, "text");
    }

    private sealed class GreetingFactory(GreetingConfig config) : MeshProxy.Core.NetworkFilters.INetworkFilterFactory
    {
        public bool IsTerminal => true;

        public INetworkFilterBase Create(MeshProxy.Core.Event.EventLoop worker) => new EchoFilter(config.Text);

        public void Dispose()
        {
        }
    }
}
