using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Config;

public sealed class ServerConfigValidatorTests
{
    private const string TcpProxy = "envoy.filters.network.tcp_proxy";
    private const string Limit = "envoy.filters.network.connection_limit";
    private const string Echo = "envoy.filters.network.echo";

    private static readonly TestExtensionCatalog Catalog = new TestExtensionCatalog()
        .Add(ExtensionCategory.NetworkFilter, ExtensionDescription.Create(TcpProxy, isTerminal: true, new TcpProxyConfigValidator()))
        .Add(ExtensionCategory.NetworkFilter, ExtensionDescription.Create(Limit, isTerminal: false, new ConnectionLimitConfigValidator()))
        .Add(ExtensionCategory.NetworkFilter, ExtensionDescription.Create<LocalRateLimitConfig>("rate", validator: new LocalRateLimitConfigValidator()))
        .Add(ExtensionCategory.NetworkFilter, ExtensionDescription.Create(Echo, isTerminal: true))
        .Add(ExtensionCategory.ListenerFilter, ExtensionDescription.Create("inspector"));

    private static readonly FilterChainConfig EchoChain = new() { Filters = [new(Echo)] };

    private static readonly TcpProxyConfig Proxy = new() { StatPrefix = "in", Cluster = "up" };

    private static readonly ListenerConfig Listener = new()
    {
        Name = "in",
        Address = NetworkAddress.Loopback(80),
        FilterChains = [new() { Filters = [new(Limit, new ConnectionLimitConfig { StatPrefix = "l", MaxConnections = 5 }), new(TcpProxy, Proxy)] }],
        DefaultFilterChain = EchoChain,
        ListenerFilters = [new("inspector")],
    };

    private static readonly ClusterConfig Cluster = new()
    {
        Name = "up",
        LoadAssignment =
        [
            new() { LbEndpoints = [new() { Address = NetworkAddress.Loopback(9000) }] },
            new() { Priority = 1, LbEndpoints = [new() { Address = NetworkAddress.Parse("unix:/run/up") }] },
        ],
    };

    private static readonly ServerConfig Sound = new() { Listeners = [Listener], Clusters = [Cluster] };

    [Fact]
    public void Validate_SoundConfig_HasNoErrors() => Errors(Sound).ShouldBeEmpty();

    [Fact]
    public void Validate_EmptyConfig_HasNoErrors() => Errors(new()).ShouldBeEmpty();

    [Fact]
    public void Validate_ManyErrors_ReportsAll()
    {
        var errors = Errors(new()
        {
            Listeners = [Listener with { Name = "", PerConnectionBufferLimitBytes = 0 }],
            Clusters = [Cluster with { Name = "", ConnectTimeout = TimeSpan.Zero }],
        });

        errors.Select(error => error.Path).ShouldBe(
            [
                "listeners[0].name",
                "listeners[0].per_connection_buffer_limit_bytes",
                "listeners[0].filter_chains[0].filters[1].typed_config.cluster",
                "clusters[0].name",
                "clusters[0].connect_timeout",
            ],
            ignoreOrder: true);
    }

    public static TheoryData<string, ListenerConfig, string, string> BadListeners => new()
    {
        { "name", Listener with { Name = "" }, "name", "must not be empty" },
        { "unix", Listener with { Address = new UnixSocketAddress("/" + new string('x', 107)) }, "address", "at most 107 bytes, this one has 108" },
        { "unix empty", Listener with { Address = new UnixSocketAddress("@") }, "address", "must name a Unix socket" },
        { "unix mode", Listener with { Address = new UnixSocketAddress("@a", UnixFileMode.UserRead) }, "address.mode", "abstract" },
        { "internal", Listener with { Address = new InternalAddress("") }, "address", "must not be empty" },
        { "kinds", Listener with { AdditionalAddresses = [new UnixSocketAddress("/a")] }, "additional_addresses[0].address", "same kind" },
        { "twice", Listener with { AdditionalAddresses = [Listener.Address] }, "additional_addresses[0].address", "is bound by listeners[0].address too" },
        { "ipv4_compat", Listener with { Ipv4Compat = true }, "ipv4_compat", "[::]:80" },
        { "timeout", Listener with { ListenerFiltersTimeout = TimeSpan.FromSeconds(-1) }, "listener_filters_timeout", "must be 0, or from 1 ms" },
        { "buffer", Listener with { PerConnectionBufferLimitBytes = int.MaxValue }, "per_connection_buffer_limit_bytes", "from 1 to 1073741824" },
        { "backlog", Listener with { TcpBacklogSize = 0 }, "tcp_backlog_size", "at least 1, is 0" },
        { "accepts", Listener with { MaxConnectionsToAcceptPerSocketEvent = 0 }, "max_connections_to_accept_per_socket_event", "at least 1" },
        { "limit", Listener with { MaxConnections = -1 }, "max_connections", "at least 0" },
        { "balance", Listener with { ConnectionBalanceConfig = (ConnectionBalance)9 }, "connection_balance_config", "None, ExactBalance" },
        { "probes", Listener with { TcpKeepalive = new() { KeepaliveProbes = 0 } }, "tcp_keepalive.keepalive_probes", "from 1 to 127" },
        { "keepalive", Listener with { TcpKeepalive = new() { KeepaliveTime = TimeSpan.FromMilliseconds(1500) } }, "tcp_keepalive.keepalive_time", "whole seconds" },
        { "log none", Listener with { AccessLog = [new()] }, "access_log[0]", "exactly one of path" },
        { "log both", Listener with { AccessLog = [new() { Path = "a", Logger = "b" }] }, "access_log[0]", "exactly one of path" },
        { "log empty", Listener with { AccessLog = [new() { Path = "" }] }, "access_log[0].path", "must not be empty" },
        { "listener filter", Listener with { ListenerFilters = [new("spy")] }, "listener_filters[0].name", "no listener filter 'spy' is registered; there are inspector" },
        { "no chain", Listener with { FilterChains = [], DefaultFilterChain = null }, "filter_chains", "there is no filter chain" },
        { "transport", Chain(EchoChain with { TransportSocket = new("tls") }), "filter_chains[0].transport_socket.name", "there are envoy.transport_sockets.raw_buffer" },
        { "raw buffer", Chain(EchoChain with { TransportSocket = new("envoy.transport_sockets.raw_buffer", new DirectResponseConfig()) }), "filter_chains[0].transport_socket.typed_config", "takes no config" },
        { "transport timeout", Chain(EchoChain with { TransportSocketConnectTimeout = TimeSpan.FromTicks(-1) }), "filter_chains[0].transport_socket_connect_timeout", "must be 0, or from 1 ms" },
        { "match", Chain(EchoChain with { FilterChainMatch = new() { DestinationPort = 0 } }), "filter_chains[0].filter_chain_match.destination_port", "from 1 to 65535, is 0" },
        { "source port", Chain(EchoChain with { FilterChainMatch = new() { SourcePorts = [1, 65536] } }), "filter_chains[0].filter_chain_match.source_ports[1]", "from 1 to 65535" },
        { "alpn", Chain(EchoChain with { FilterChainMatch = new() { ApplicationProtocols = ["h2", "h2"] } }), "filter_chains[0].filter_chain_match.application_protocols[1]", "'h2' is given twice" },
        { "same match", Chain(EchoChain, EchoChain), "filter_chains[1].filter_chain_match", "filter_chains[1] has the same matching rules as filter chain filter_chains[0]" },
        { "filter name", Filters(new(""), new(Echo)), "filter_chains[0].filters[0].name", "must not be empty" },
        { "filter unknown", Filters(new("x"), new(Echo)), "filter_chains[0].filters[0].name", $"no network filter 'x' is registered; there are {Limit}, {Echo}, {TcpProxy}, rate" },
        { "terminal first", Filters(new(Echo), new(Echo)), "filter_chains[0].filters[0]", "is terminal: it must be the last filter" },
        { "not terminal", Filters(new ExtensionConfig(Limit, new ConnectionLimitConfig { StatPrefix = "l", MaxConnections = 5 })), "filter_chains[0].filters[0]", $"is not terminal: the last filter must be, such as {Echo}, {TcpProxy}" },
        { "no config", Filters(new ExtensionConfig(TcpProxy)), "filter_chains[0].filters[0].typed_config", "is required: envoy.filters.network.tcp_proxy takes a TcpProxyConfig" },
        { "wrong config", Filters(new ExtensionConfig(TcpProxy, new DirectResponseConfig())), "filter_chains[0].filters[0].typed_config", "must be a TcpProxyConfig, is a DirectResponseConfig" },
        { "config too much", Filters(new ExtensionConfig(Echo, new DirectResponseConfig())), "filter_chains[0].filters[0].typed_config", "takes no config" },
        { "tcp prefix", Tcp(Proxy with { StatPrefix = "" }), "filter_chains[0].filters[0].typed_config.stat_prefix", "must not be empty" },
        { "tcp none", Tcp(Proxy with { Cluster = null }), "filter_chains[0].filters[0].typed_config", "exactly one of cluster" },
        { "tcp both", Tcp(Proxy with { WeightedClusters = [new("up", 1)] }), "filter_chains[0].filters[0].typed_config", "exactly one of cluster" },
        { "tcp empty", Tcp(Proxy with { Cluster = "" }), "filter_chains[0].filters[0].typed_config.cluster", "must not be empty" },
        { "tcp unknown", Tcp(Proxy with { Cluster = "down" }), "filter_chains[0].filters[0].typed_config.cluster", "no cluster 'down'; there are up" },
        { "tcp weighted unknown", Tcp(Proxy with { Cluster = null, WeightedClusters = [new("up", 1), new("down", 1)] }), "filter_chains[0].filters[0].typed_config.weighted_clusters.clusters[1].name", "no cluster 'down'" },
        { "tcp weight", Tcp(Proxy with { Cluster = null, WeightedClusters = [new("up", 0)] }), "filter_chains[0].filters[0].typed_config.weighted_clusters.clusters[0].weight", "at least 1" },
        { "tcp weights", Tcp(Proxy with { Cluster = null, WeightedClusters = [new("up", uint.MaxValue), new("up", 1)] }), "filter_chains[0].filters[0].typed_config.weighted_clusters", "more than 4294967295" },
        { "tcp attempts", Tcp(Proxy with { MaxConnectAttempts = 0 }), "filter_chains[0].filters[0].typed_config.max_connect_attempts", "at least 1" },
        { "tcp duration", Tcp(Proxy with { MaxDownstreamConnectionDuration = TimeSpan.Zero }), "filter_chains[0].filters[0].typed_config.max_downstream_connection_duration", "from 1 ms" },
        { "tcp idle", Tcp(Proxy with { IdleTimeout = TimeSpan.FromTicks(-1) }), "filter_chains[0].filters[0].typed_config.idle_timeout", "must be 0, or from 1 ms" },
        { "limit max", Filters(new(Limit, new ConnectionLimitConfig { StatPrefix = "l", MaxConnections = 0 }), new(Echo)), "filter_chains[0].filters[0].typed_config.max_connections", "at least 1" },
        { "rate interval", Filters(new("rate", Rate(5, 1, 49)), new(Echo)), "filter_chains[0].filters[0].typed_config.token_bucket.fill_interval", "at least 50 ms" },
        { "rate tokens", Filters(new("rate", Rate(0, 1, 50)), new(Echo)), "filter_chains[0].filters[0].typed_config.token_bucket.max_tokens", "at least 1" },
        { "rate fill", Filters(new("rate", Rate(5, 0, 50)), new(Echo)), "filter_chains[0].filters[0].typed_config.token_bucket.tokens_per_fill", "at least 1" },
    };

    [Theory]
    [MemberData(nameof(BadListeners))]
    public void Validate_BadListener_NamesPathAndWhatIsAccepted(string what, ListenerConfig listener, string path, string message)
    {
        what.ShouldNotBeEmpty();
        var error = Errors(Sound with { Listeners = [listener] }).ShouldHaveSingleItem();

        error.Path.ShouldBe("listeners[0]." + path);
        error.Message.ShouldContain(message);
    }

    [Fact]
    public void Validate_PlainBytesByName_AreSound()
    {
        var plain = new ExtensionConfig("envoy.transport_sockets.raw_buffer");

        Errors(Sound with
        {
            Listeners = [Chain(EchoChain with { TransportSocket = plain })],
            Clusters = [Cluster with { TransportSocket = plain }],
        }).ShouldBeEmpty();
    }

    public static TheoryData<string, ClusterConfig, string, string> BadClusters => new()
    {
        { "timeout", Cluster with { ConnectTimeout = TimeSpan.Zero }, "connect_timeout", "must be from 1 ms" },
        { "type", Cluster with { Type = (DiscoveryType)9 }, "type", "must be one of Static" },
        { "buffer", Cluster with { PerConnectionBufferLimitBytes = 0 }, "per_connection_buffer_limit_bytes", "from 1 to" },
        { "headers", Cluster with { CommonHttpProtocolOptions = new() { MaxHeadersCount = 0 } }, "common_http_protocol_options.max_headers_count", "at least 1" },
        { "transport", Cluster with { TransportSocket = new("tls") }, "transport_socket.name", "no upstream transport socket 'tls'" },
        { "gap", Endpoints(new() { Priority = 0 }, new() { Priority = 2 }), "load_assignment.endpoints", "the priorities are 0, 2; they must begin with 0" },
        { "no 0", Endpoints(new LocalityLbEndpointsConfig { Priority = 1 }), "load_assignment.endpoints", "the priorities are 1;" },
        { "priority", Endpoints(new(), new() { Priority = 129 }), "load_assignment.endpoints[1].priority", "from 0 to 128, is 129" },
        { "locality weight", Endpoints(new LocalityLbEndpointsConfig { LoadBalancingWeight = 0 }), "load_assignment.endpoints[0].load_balancing_weight", "at least 1" },
        { "port 0", Endpoint(new LbEndpointConfig() { Address = NetworkAddress.Loopback(0) }), "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address", "has port 0" },
        { "weight", Endpoint(new LbEndpointConfig() { Address = NetworkAddress.Loopback(1), LoadBalancingWeight = 0 }), "load_assignment.endpoints[0].lb_endpoints[0].load_balancing_weight", "at least 1" },
        { "weights", Endpoint(new() { Address = NetworkAddress.Loopback(1), LoadBalancingWeight = uint.MaxValue }, new() { Address = NetworkAddress.Loopback(2) }), "load_assignment.endpoints[0].lb_endpoints", "more than 4294967295" },
        { "internal", Endpoint(new LbEndpointConfig { Address = new InternalAddress("nobody") }), "load_assignment.endpoints[0].lb_endpoints[0].endpoint.address", "no listener has the address internal:nobody" },
    };

    [Theory]
    [MemberData(nameof(BadClusters))]
    public void Validate_BadCluster_NamesPathAndWhatIsAccepted(string what, ClusterConfig cluster, string path, string message)
    {
        what.ShouldNotBeEmpty();
        var error = Errors(Sound with { Clusters = [cluster] }).ShouldHaveSingleItem();

        error.Path.ShouldBe("clusters[0]." + path);
        error.Message.ShouldContain(message);
    }

    [Fact]
    public void Validate_NamesTwice_AreRefused()
    {
        var errors = Errors(new()
        {
            Listeners = [Listener, Listener with { Address = NetworkAddress.Loopback(81) }],
            Clusters = [Cluster, Cluster],
        });

        errors.Select(error => error.ToString()).ShouldBe(
            ["listeners[1].name: 'in' is the name of listeners[0] too; names are unique", "clusters[1].name: 'up' is the name of clusters[0] too; names are unique"]);
    }

    [Fact]
    public void Validate_AddressOfTwoListeners_IsRefusedUnlessNotBound()
    {
        var other = Listener with { Name = "other" };

        Errors(Sound with { Listeners = [Listener, other] }).ShouldHaveSingleItem().ToString()
            .ShouldBe("listeners[1].address: 127.0.0.1:80 is bound by listeners[0].address too; addresses are unique");
        Errors(Sound with { Listeners = [Listener, other with { BindToPort = false }] }).ShouldBeEmpty();
        Errors(Sound with { Listeners = [Listener with { Address = NetworkAddress.Loopback(0) }, other with { Address = NetworkAddress.Loopback(0) }] }).ShouldBeEmpty();
        Errors(Sound with { Listeners = [Listener with { Address = new UnixSocketAddress("/a") }, other with { Address = new UnixSocketAddress("/a", UnixFileMode.UserRead) }] })
            .ShouldHaveSingleItem().Path.ShouldBe("listeners[1].address");
    }

    [Fact]
    public void Validate_InternalEndpointWithListener_IsAccepted() => Errors(new()
    {
        Listeners = [Listener with { Address = new InternalAddress("a") }],
        Clusters = [Endpoint(new LbEndpointConfig { Address = new InternalAddress("a") })],
    }).ShouldBeEmpty();

    [Fact]
    public void Validate_ChainNamesTwice_AreRefused() =>
        Errors(Sound with { Listeners = [Chain(EchoChain with { Name = "a" }, EchoChain with { Name = "a", FilterChainMatch = new() { DestinationPort = 1 } })] })
            .ShouldHaveSingleItem().Path.ShouldBe("listeners[0].filter_chains[1].name");

    [Fact]
    public void Validate_ChainWithoutFilters_IsAccepted() => Errors(Sound with { Listeners = [Chain(new FilterChainConfig())] }).ShouldBeEmpty();

    private static ListenerConfig Chain(params FilterChainConfig[] chains) => Listener with { FilterChains = chains };

    private static ListenerConfig Filters(params ExtensionConfig[] filters) => Chain(new FilterChainConfig { Filters = filters });

    private static ListenerConfig Tcp(TcpProxyConfig config) => Filters(new ExtensionConfig(TcpProxy, config));

    private static ClusterConfig Endpoints(params LocalityLbEndpointsConfig[] localities) => Cluster with { LoadAssignment = localities };

    private static ClusterConfig Endpoint(params LbEndpointConfig[] endpoints) => Endpoints(new LocalityLbEndpointsConfig { LbEndpoints = endpoints });

    private static LocalRateLimitConfig Rate(uint max, uint perFill, int intervalMs) => new()
    {
        StatPrefix = "r",
        TokenBucket = new() { MaxTokens = max, TokensPerFill = perFill, FillInterval = TimeSpan.FromMilliseconds(intervalMs) },
    };

    private static IReadOnlyList<ConfigError> Errors(ServerConfig config)
    {
        var errors = new ConfigErrors();
        new ServerConfigValidator(Catalog).Validate(config, errors);
        return errors.All;
    }
}
