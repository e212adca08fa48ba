using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport;

namespace MeshProxy.Http.Tests.Config;

public sealed class HttpConnectionManagerConfigValidatorTests
{
    private const string Router = "envoy.filters.http.router";

    private static readonly TestExtensionCatalog Catalog = new TestExtensionCatalog()
        .Add(ExtensionCategory.HttpFilter, ExtensionDescription.Create(Router, isTerminal: true))
        .Add(ExtensionCategory.HttpFilter, ExtensionDescription.Create("message", validator: new MessageValidator()));

    private static readonly RouteConfig Forward = new() { Match = new() { Prefix = "/" }, Route = new() { Cluster = "up" } };

    private static readonly RouteConfig Direct = new() { Match = new() { Path = "/hello" }, DirectResponse = new() { Status = 200, Body = "hello" } };

    private static readonly HttpConnectionManagerConfig Sound = new()
    {
        StatPrefix = "in",
        HttpFilters = [new("message", new MessageConfig("long enough")), new(Router)],
        RouteConfig = new()
        {
            VirtualHosts =
            [
                new()
                {
                    Name = "foo",
                    Domains = ["foo.com", "foo.com:8080", "*.foo.com", "*-bar.foo.com", "foo.*", "foo-*", "[::1]:80"],
                    Routes = [Direct, Forward],
                    TypedPerFilterConfig = [new("message", new MessageConfig("long enough"))],
                },
                new()
                {
                    Name = "rest",
                    Domains = ["*"],
                    Routes =
                    [
                        new() { Match = new() { SafeRegex = "/[a-z]+/(\\d{3}|x)" }, Route = Forward.Route },
                        new() { Match = new() { PathSeparatedPrefix = "/api" }, Route = Forward.Route },
                        new() { Match = new() { ConnectMatcher = true }, Route = new() { Cluster = "up", UpgradeConfigs = [new("CONNECT")] } },
                        new() { Match = new() { Path = "*" }, Route = Forward.Route },
                    ],
                },
            ],
        },
    };

    [Fact]
    public void Validate_SoundConfig_HasNoErrors() => Errors(Sound).ShouldBeEmpty();

    [Fact]
    public void Defaults_AreEnvoys()
    {
        var config = new HttpConnectionManagerConfig { StatPrefix = "in", RouteConfig = new() };

        config.CodecType.ShouldBe(CodecType.Auto);
        config.MaxRequestHeadersKb.ShouldBe(60);
        config.StreamIdleTimeout.ShouldBe(TimeSpan.FromMinutes(5));
        config.RequestTimeout.ShouldBe(TimeSpan.Zero);
        config.RequestHeadersTimeout.ShouldBe(TimeSpan.Zero);
        config.DrainTimeout.ShouldBe(TimeSpan.FromSeconds(5));
        config.DelayedCloseTimeout.ShouldBe(TimeSpan.FromSeconds(1));
        config.CommonHttpProtocolOptions.IdleTimeout.ShouldBe(TimeSpan.FromHours(1));
        config.CommonHttpProtocolOptions.MaxHeadersCount.ShouldBe(100);
        config.GenerateRequestId.ShouldBeTrue();
        config.UseRemoteAddress.ShouldBeFalse();
        config.RouteConfig.MaxDirectResponseBodySizeBytes.ShouldBe(4096);
        new RouteActionConfig { Cluster = "up" }.Timeout.ShouldBe(TimeSpan.FromSeconds(15));
        new RouteMatchConfig().CaseSensitive.ShouldBeTrue();
    }

    public static TheoryData<string, HttpConnectionManagerConfig, string, string> BadConfigs => new()
    {
        { "prefix", Sound with { StatPrefix = "" }, "stat_prefix", "must not be empty" },
        { "codec", Sound with { CodecType = (CodecType)9 }, "codec_type", "Auto, Http1" },
        { "no filters", Sound with { HttpFilters = [] }, "http_filters", "such as envoy.filters.http.router" },
        { "not terminal", Sound with { HttpFilters = [Sound.HttpFilters[0]] }, "http_filters[0]", "message is not terminal" },
        { "terminal twice", Sound with { HttpFilters = [new(Router), new(Router)] }, "http_filters[0]", "is terminal" },
        { "unknown filter", Sound with { HttpFilters = [new("fault"), new(Router)] }, "http_filters[0].name", "no HTTP filter 'fault' is registered; there are envoy.filters.http.router, message" },
        { "filter's own", Sound with { HttpFilters = [new("message", new MessageConfig("short")), new(Router)] }, "http_filters[0].typed_config.message", "must be from 8 to 25, is 5" },
        { "kb", Sound with { MaxRequestHeadersKb = 65 }, "max_request_headers_kb", "from 1 to 64" },
        { "idle", Sound with { StreamIdleTimeout = TimeSpan.FromTicks(-1) }, "stream_idle_timeout", "must be 0, or from 1 ms" },
        { "request", Sound with { RequestTimeout = TimeSpan.FromTicks(-1) }, "request_timeout", "must be 0, or from 1 ms" },
        { "headers", Sound with { RequestHeadersTimeout = TimeSpan.FromTicks(-1) }, "request_headers_timeout", "must be 0, or from 1 ms" },
        { "drain", Sound with { DrainTimeout = TimeSpan.FromTicks(-1) }, "drain_timeout", "must be 0, or from 1 ms" },
        { "close", Sound with { DelayedCloseTimeout = TimeSpan.FromTicks(-1) }, "delayed_close_timeout", "must be 0, or from 1 ms" },
        { "count", Sound with { CommonHttpProtocolOptions = new() { MaxHeadersCount = 0 } }, "common_http_protocol_options.max_headers_count", "at least 1" },
        { "server", Sound with { ServerName = "a\r\nb" }, "server_name", "no control characters" },
        { "no server", Sound with { ServerName = "" }, "server_name", "must not be empty" },
        { "via", Sound with { Via = " a" }, "via", "no space at its ends" },
        { "hops", Sound with { XffNumTrustedHops = -1 }, "xff_num_trusted_hops", "at least 0" },
        { "ports", Sound with { StripAnyHostPort = true, StripMatchingHostPort = true }, "strip_any_host_port", "only one of" },
        { "slashes", Sound with { PathWithEscapedSlashesAction = (PathWithEscapedSlashesAction)9 }, "path_with_escaped_slashes_action", "KeepUnchanged" },
        { "upgrade", Sound with { UpgradeConfigs = [new("websocket"), new("WebSocket")] }, "upgrade_configs[1].upgrade_type", "given twice" },
        { "upgrade name", Sound with { UpgradeConfigs = [new("web socket")] }, "upgrade_configs[0].upgrade_type", "not a protocol name" },
        { "log", Sound with { AccessLog = [new()] }, "access_log[0]", "exactly one of" },
    };

    [Theory]
    [MemberData(nameof(BadConfigs))]
    public void Validate_BadConfig_NamesPathAndWhatIsAccepted(string what, HttpConnectionManagerConfig config, string path, string message)
    {
        what.ShouldNotBeEmpty();
        var error = Errors(config).ShouldHaveSingleItem();

        error.Path.ShouldBe(path);
        error.Message.ShouldContain(message);
    }

    public static TheoryData<string, RouteConfig, string, string> BadRoutes => new()
    {
        { "no match", Forward with { Match = new() }, "match", "exactly one of prefix, path" },
        { "two matches", Forward with { Match = new() { Prefix = "/", Path = "/" } }, "match", "exactly one of prefix, path" },
        { "prefix", Forward with { Match = new() { Prefix = "api" } }, "match.prefix", "must begin with a slash" },
        { "query", Forward with { Match = new() { Path = "/a?b=c" } }, "match.path", "neither ? nor #" },
        { "separated", Forward with { Match = new() { PathSeparatedPrefix = "/api/" } }, "match.path_separated_prefix", "must not end with a slash" },
        { "regex", Forward with { Match = new() { SafeRegex = "/(" } }, "match.safe_regex", "without backtracking" },
        { "regex group", Forward with { Match = new() { SafeRegex = "a)|(b" } }, "match.safe_regex", "without backtracking" },
        { "regex back", Forward with { Match = new() { SafeRegex = "/(a)\\1" } }, "match.safe_regex", "without backtracking" },
        { "regex look", Forward with { Match = new() { SafeRegex = "/(?=a)" } }, "match.safe_regex", "without backtracking" },
        { "regex empty", Forward with { Match = new() { SafeRegex = "" } }, "match.safe_regex", "must not be empty" },
        { "no action", Forward with { Route = null }, "", "exactly one of route and direct_response" },
        { "two actions", Forward with { DirectResponse = Direct.DirectResponse }, "", "exactly one of route and direct_response" },
        { "cluster", Forward with { Route = new() { Cluster = "" } }, "route.cluster", "must not be empty" },
        { "timeout", Forward with { Route = new() { Cluster = "up", Timeout = TimeSpan.FromTicks(-1) } }, "route.timeout", "must be 0, or from 1 ms" },
        { "duration", Forward with { Route = new() { Cluster = "up", MaxStreamDuration = new() { MaxStreamDuration = TimeSpan.FromTicks(-1) } } }, "route.max_stream_duration.max_stream_duration", "must be 0, or from 1 ms" },
        { "grpc cap", Forward with { Route = new() { Cluster = "up", MaxStreamDuration = new() { GrpcTimeoutHeaderMax = TimeSpan.FromTicks(-1) } } }, "route.max_stream_duration.grpc_timeout_header_max", "must be 0, or from 1 ms" },
        { "grpc offset", Forward with { Route = new() { Cluster = "up", MaxStreamDuration = new() { GrpcTimeoutHeaderOffset = TimeSpan.FromTicks(-1) } } }, "route.max_stream_duration.grpc_timeout_header_offset", "must be 0, or from 1 ms" },
        { "rewrite", Forward with { Route = new() { Cluster = "up", PrefixRewrite = "/a b" } }, "route.prefix_rewrite", "%20" },
        { "host", Forward with { Route = new() { Cluster = "up", HostRewriteLiteral = "a\nb" } }, "route.host_rewrite_literal", "control" },
        { "status", Direct with { DirectResponse = new() { Status = 600 } }, "direct_response.status", "from 200 to 599, is 600" },
        { "body", Direct with { DirectResponse = new() { Status = 200, Body = new string('ä', 2049) } }, "direct_response.body", "has 4098 bytes; max_direct_response_body_size_bytes allows 4096" },
        { "per filter", Forward with { TypedPerFilterConfig = [new("message", new MessageConfig("short"))] }, "typed_per_filter_config[\"message\"].message", "from 8 to 25" },
        { "per filter unknown", Forward with { TypedPerFilterConfig = [new("fault")] }, "typed_per_filter_config[\"fault\"].name", "no HTTP filter 'fault'" },
    };

    [Theory]
    [MemberData(nameof(BadRoutes))]
    public void Validate_BadRoute_NamesPathAndWhatIsAccepted(string what, RouteConfig route, string path, string message)
    {
        what.ShouldNotBeEmpty();
        var error = Errors(Hosts(new VirtualHostConfig { Name = "a", Domains = ["*"], Routes = [Direct, route] })).ShouldHaveSingleItem();

        error.Path.ShouldBe("route_config.virtual_hosts[0].routes[1]" + (path.Length == 0 ? "" : "." + path));
        error.Message.ShouldContain(message);
    }

    [Theory]
    [InlineData("", "must not be empty")]
    [InlineData("*.foo.*", "star in a wrong place")]
    [InlineData("foo*bar", "star in a wrong place")]
    [InlineData("**", "star in a wrong place")]
    [InlineData("https://foo.com", "without scheme and path")]
    [InlineData("foo.com/path", "without scheme and path")]
    [InlineData("foo com", "is not a host")]
    public void Validate_BadDomain_SaysWhatIsAccepted(string domain, string message)
    {
        var error = Errors(Hosts(new VirtualHostConfig { Name = "a", Domains = ["ok.com", domain] })).ShouldHaveSingleItem();

        error.Path.ShouldBe("route_config.virtual_hosts[0].domains[1]");
        error.Message.ShouldContain(message);
    }

    [Fact]
    public void Validate_DomainOfTwoVirtualHosts_IsRefusedWithoutCase() =>
        Errors(Hosts(new() { Name = "a", Domains = ["*.foo.com"] }, new() { Name = "b", Domains = ["x.com", "*.FOO.com"] })).ShouldHaveSingleItem().ToString()
            .ShouldStartWith("route_config.virtual_hosts[1].domains[1]: '*.FOO.com' stands at route_config.virtual_hosts[0].domains[0] too");

    [Fact]
    public void Validate_VirtualHosts_NeedNamesAndDomains() =>
        Errors(Hosts(new() { Name = "a" }, new() { Name = "a", Domains = ["a"] }, new() { Name = "", Domains = ["b"] })).Select(error => error.Path).ShouldBe(
            ["route_config.virtual_hosts[0].domains", "route_config.virtual_hosts[1].name", "route_config.virtual_hosts[2].name"],
            ignoreOrder: true);

    [Fact]
    public void ReferencedClusters_OfRoutes_HavePaths()
    {
        Sound.ReferencedClusters().First().ShouldBe(new ClusterReference("route_config.virtual_hosts[0].routes[1].route.cluster", "up"));
        (Sound with { RouteConfig = Sound.RouteConfig with { ValidateClusters = false } }).ReferencedClusters().ShouldBeEmpty();
        (Sound with { RouteConfig = new(), HttpFilters = [new("auth", new TcpProxyConfig { StatPrefix = "a", Cluster = "auth" }), new(Router)] })
            .ReferencedClusters().ShouldBe([new ClusterReference("http_filters[0].typed_config.cluster", "auth")]);
    }

    [Fact]
    public void Validate_WholeServer_FindsClustersThatRoutesLack()
    {
        const string Hcm = "envoy.filters.network.http_connection_manager";
        var catalog = new TestExtensionCatalog()
            .Add(ExtensionCategory.NetworkFilter, ExtensionDescription.Create(Hcm, isTerminal: true, new HttpConnectionManagerConfigValidator(Catalog)));
        var errors = new ConfigErrors();

        new ServerConfigValidator(catalog).Validate(
            new()
            {
                Listeners =
                [
                    new()
                    {
                        Name = "in",
                        Address = NetworkAddress.Loopback(0),
                        FilterChains = [new() { Filters = [new(Hcm, Hosts(new VirtualHostConfig { Name = "a", Domains = ["*"], Routes = [Forward] }))] }],
                    },
                ],
            },
            errors);

        errors.All.ShouldHaveSingleItem().ToString().ShouldBe(
            "listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[0].route.cluster: no cluster 'up'; there is none");
    }

    [Theory]
    [InlineData("/a|/ab", "/ab", true)]
    [InlineData("/a", "/ab", false)]
    [InlineData("/a", "/a\n", false)]
    [InlineData("a", "/a", false)]
    public void RouteRegex_Pattern_FitsWholePath(string pattern, string path, bool expected)
    {
        RouteRegex.TryCreate(pattern, out var regex, out _).ShouldBeTrue();

        regex.IsMatch(path).ShouldBe(expected);
    }

    private static HttpConnectionManagerConfig Hosts(params VirtualHostConfig[] hosts) => Sound with { RouteConfig = new() { VirtualHosts = hosts } };

    private static IReadOnlyList<ConfigError> Errors(HttpConnectionManagerConfig config)
    {
        var errors = new ConfigErrors();
        new HttpConnectionManagerConfigValidator(Catalog).Validate(config, errors);
        return errors.All;
    }

    private sealed record MessageConfig(string Message);

    private sealed class MessageValidator : IConfigValidator<MessageConfig>
    {
        public void Validate(MessageConfig config, ConfigErrors errors) => errors.RequireRange(config.Message.Length, 8, 25, "message");
    }
}
