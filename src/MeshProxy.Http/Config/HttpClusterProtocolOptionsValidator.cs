using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Checks the options that a cluster has for HTTP.</summary>
internal sealed class HttpClusterProtocolOptionsValidator : IConfigValidator<HttpClusterProtocolOptions>
{
    public void Validate(HttpClusterProtocolOptions config, ConfigErrors errors)
    {
        var chosen = (config.ExplicitHttpConfig is null ? 0 : 1) + (config.UseDownstreamProtocolConfig is null ? 0 : 1) + (config.AutoConfig is null ? 0 : 1);
        errors.Require(chosen == 1, "", "set exactly one of explicit_http_config, use_downstream_protocol_config and auto_config");
        if (config.CommonHttpProtocolOptions is { } common)
        {
            CommonConfigValidation.ValidateHttpProtocolOptions(common, errors.Field("common_http_protocol_options"));
        }

        if (config.UpstreamHttpProtocolOptions is { OverrideAutoSniHeader: not "" } upstream)
        {
            errors.Require(
                upstream.OverrideAutoSniHeader.All(c => char.IsAsciiLetterOrDigit(c) || "!#$%&'*+-.^_`|~".Contains(c, StringComparison.Ordinal)),
                "upstream_http_protocol_options.override_auto_sni_header",
                $"'{upstream.OverrideAutoSniHeader}' is not a header's name");
        }

        if (config.ExplicitHttpConfig is { } fixedConfig)
        {
            var at = errors.Field("explicit_http_config");
            at.Require(
                fixedConfig.HttpProtocolOptions is null != fixedConfig.Http2ProtocolOptions is null,
                "",
                "set exactly one of http_protocol_options and http2_protocol_options");
            ValidateHttp2(fixedConfig.Http2ProtocolOptions, at);
        }

        ValidateHttp2(config.UseDownstreamProtocolConfig?.Http2ProtocolOptions, errors.Field("use_downstream_protocol_config"));
        ValidateHttp2(config.AutoConfig?.Http2ProtocolOptions, errors.Field("auto_config"));
    }

    private static void ValidateHttp2(Http2ProtocolOptions? options, ConfigErrors errors)
    {
        if (options is not null)
        {
            Http2ProtocolOptionsValidator.Validate(options, errors.Field("http2_protocol_options"));
        }
    }
}
