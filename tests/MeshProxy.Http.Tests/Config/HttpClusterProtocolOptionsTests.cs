using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Http.Tests.Config;

public class HttpClusterProtocolOptionsTests
{
    private static readonly HttpClusterProtocolOptions Http2 = new() { ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = new() } };

    public static TheoryData<string, HttpClusterProtocolOptions, string, string> Wrong => new()
    {
        { "none", new(), "", "exactly one of explicit_http_config" },
        { "two", Http2 with { UseDownstreamProtocolConfig = new() }, "", "exactly one of explicit_http_config" },
        { "explicit none", new() { ExplicitHttpConfig = new() }, "explicit_http_config", "exactly one of http_protocol_options" },
        { "explicit both", new() { ExplicitHttpConfig = new() { HttpProtocolOptions = new(), Http2ProtocolOptions = new() } }, "explicit_http_config", "exactly one of" },
        {
            "streams", new() { ExplicitHttpConfig = new() { Http2ProtocolOptions = new() { MaxConcurrentStreams = 0 } } },
            "explicit_http_config.http2_protocol_options.max_concurrent_streams", "at least 1"
        },
        {
            "window", new() { UseDownstreamProtocolConfig = new() { Http2ProtocolOptions = new() { InitialStreamWindowSize = 1 } } },
            "use_downstream_protocol_config.http2_protocol_options.initial_stream_window_size", "at least 65535"
        },
        { "common", Http2 with { CommonHttpProtocolOptions = new() { MaxHeadersCount = 0 } }, "common_http_protocol_options.max_headers_count", "at least 1" },
        {
            "header", Http2 with { UpstreamHttpProtocolOptions = new() { OverrideAutoSniHeader = "a b" } },
            "upstream_http_protocol_options.override_auto_sni_header", "is not a header's name"
        },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Validate_Wrong_NamesThePath(string name, HttpClusterProtocolOptions options, string path, string message)
    {
        var errors = new ConfigErrors();
        new HttpClusterProtocolOptionsValidator().Validate(options, errors);

        errors.All.ShouldContain(e => e.Path == path && e.Message.Contains(message), name);
    }

    [Fact]
    public void Validate_Sound_SaysNothing()
    {
        var errors = new ConfigErrors();
        new HttpClusterProtocolOptionsValidator().Validate(Http2, errors);
        new HttpClusterProtocolOptionsValidator().Validate(new() { UseDownstreamProtocolConfig = new() }, errors);
        new HttpClusterProtocolOptionsValidator().Validate(new() { AutoConfig = new() }, errors);

        errors.All.ShouldBeEmpty();
    }

    [Fact]
    public void Builder_Auto_WithoutTls_IsRefusedWithItsPath()
    {
        var builder = new MeshProxyBuilder();
        builder.Cluster("c", c => c.Endpoints("127.0.0.1:1").AutoHttp());

        Should.Throw<ConfigException>(() => builder.Build()).Errors.ShouldContain(e =>
            e.Path == "static_resources.clusters[0].typed_extension_protocol_options[\"envoy.extensions.upstreams.http.v3.HttpProtocolOptions\"]"
            && e.Message.Contains("needs a transport_socket with TLS"));
    }

    [Fact]
    public void Builder_LastChoice_Counts_AndKeepsTheRest()
    {
        var config = Build(c => c
            .HttpProtocol(o => o with { CommonHttpProtocolOptions = new() { MaxRequestsPerConnection = 5 } })
            .Http2(new Http2ProtocolOptions { MaxConcurrentStreams = 7 })
            .UseDownstreamProtocol());

        var options = config.TypedExtensionProtocolOptions.Single().TypedConfig.ShouldBeOfType<HttpClusterProtocolOptions>();
        options.ExplicitHttpConfig.ShouldBeNull();
        options.UseDownstreamProtocolConfig.ShouldNotBeNull();
        options.CommonHttpProtocolOptions!.MaxRequestsPerConnection.ShouldBe(5);
    }

    [Fact]
    public void Upgrade_ConnectConfigForAnother_IsRefused()
    {
        var errors = new ConfigErrors();
        RouteConfigValidator.ValidateUpgrades([new UpgradeConfig("websocket") { ConnectConfig = new ConnectConfig() }], errors);

        errors.All.ShouldContain(e => e.Path == "upgrade_configs[0].connect_config");
    }

    private static ClusterConfig Build(Action<ClusterBuilder> configure)
    {
        ClusterConfig? built = null;
        new MeshProxyBuilder().Cluster("c", c =>
        {
            configure(c);
            c.Configure(config => built = config);
        });
        return built!;
    }
}
