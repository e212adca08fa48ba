using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Checks a connection manager's config with its route table and HTTP filters.</summary>
internal sealed class HttpConnectionManagerConfigValidator(IExtensionCatalog catalog) : IConfigValidator<HttpConnectionManagerConfig>
{
    private readonly ExtensionValidator _extensions = new(catalog);

    public void Validate(HttpConnectionManagerConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.StatPrefix, "stat_prefix");
        errors.RequireDefined(config.CodecType, "codec_type");
        ValidateFilters(config, errors);
        if (errors.Require(config.RouteConfig is not null, "route_config", "is required"))
        {
            new RouteConfigurationValidator(_extensions).Validate(config.RouteConfig!, errors.Field("route_config"));
        }

        CommonConfigValidation.ValidateHttpProtocolOptions(config.CommonHttpProtocolOptions, errors.Field("common_http_protocol_options"));
        errors.RequireHeaderValue(config.HttpProtocolOptions.DefaultHostForHttp10, "http_protocol_options.default_host_for_http_10");
        Http2ProtocolOptionsValidator.Validate(config.Http2ProtocolOptions, errors.Field("http2_protocol_options"));
        ValidateLimits(config, errors);
        errors.RequireText(config.ServerName, "server_name");
        errors.RequireHeaderValue(config.ServerName, "server_name");
        errors.RequireDefined(config.ServerHeaderTransformation, "server_header_transformation");
        errors.RequireHeaderValue(config.Via, "via");
        errors.RequireAtLeast(config.XffNumTrustedHops, 0, "xff_num_trusted_hops");
        errors.RequireDefined(config.ForwardClientCertDetails, "forward_client_cert_details");
        errors.RequireDefined(config.PathWithEscapedSlashesAction, "path_with_escaped_slashes_action");
        errors.Require(
            !(config.StripMatchingHostPort && config.StripAnyHostPort),
            "strip_any_host_port",
            "set only one of strip_matching_host_port and strip_any_host_port");
        errors.Require(
            config.SchemeHeaderTransformation?.SchemeToOverwrite is null or "" or "http" or "https",
            "scheme_header_transformation.scheme_to_overwrite",
            $"must be http or https, is '{config.SchemeHeaderTransformation?.SchemeToOverwrite}'");
        RouteConfigValidator.ValidateUpgrades(config.UpgradeConfigs, errors);
        for (var i = 0; i < config.UpgradeConfigs.Count; i++)
        {
            errors.Field("upgrade_configs", i).Require(
                config.UpgradeConfigs[i].ConnectConfig is null, "connect_config", "stands in the upgrade_configs of a route, which says where the tunnel goes");
        }

        CommonConfigValidation.ValidateAccessLogs(config.AccessLog, errors);
    }

    private void ValidateFilters(HttpConnectionManagerConfig config, ConfigErrors errors)
    {
        errors.Require(
            config.HttpFilters.Count > 0, "http_filters", "there is no filter: the last one answers or forwards requests, such as envoy.filters.http.router");
        _extensions.ValidateChain(ExtensionCategory.HttpFilter, config.HttpFilters, "http_filters", errors);
    }

    private static void ValidateLimits(HttpConnectionManagerConfig config, ConfigErrors errors)
    {
        errors.RequireRange(config.MaxRequestHeadersKb, 1, HttpConnectionManagerConfig.LargestMaxRequestHeadersKb, "max_request_headers_kb");
        errors.RequireDuration(config.StreamIdleTimeout, "stream_idle_timeout");
        errors.RequireDuration(config.RequestTimeout, "request_timeout");
        errors.RequireDuration(config.RequestHeadersTimeout, "request_headers_timeout");
        errors.RequireDuration(config.DrainTimeout, "drain_timeout");
        errors.RequireDuration(config.DelayedCloseTimeout, "delayed_close_timeout");
    }
}
