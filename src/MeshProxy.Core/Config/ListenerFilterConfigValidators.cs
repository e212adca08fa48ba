namespace MeshProxy.Core.Config;

internal sealed class TlsInspectorConfigValidator : IConfigValidator<TlsInspectorConfig>
{
    public void Validate(TlsInspectorConfig config, ConfigErrors errors) =>
        errors.RequireRange(config.MaxClientHelloSize, 256, 16 * 1024, "max_client_hello_size");
}

internal sealed class ProxyProtocolListenerConfigValidator : IConfigValidator<ProxyProtocolListenerConfig>
{
    public void Validate(ProxyProtocolListenerConfig config, ConfigErrors errors)
    {
        for (var i = 0; i < config.Rules.Count; i++)
        {
            var at = errors.Field("rules", i);
            at.RequireRange(config.Rules[i].TlvType, 0, 255, "tlv_type");
            if (config.Rules[i].OnTlvPresent is { } target)
            {
                at.Field("on_tlv_present").RequireText(target.Key, "key");
            }
            else
            {
                at.Add("on_tlv_present", "is required");
            }
        }

        for (var i = 0; i < config.DisallowedVersions.Count; i++)
        {
            errors.Field("disallowed_versions", i).RequireDefined(config.DisallowedVersions[i], "");
        }

        errors.Require(
            !(config.DisallowedVersions.Contains(ProxyProtocolVersion.V1) && config.DisallowedVersions.Contains(ProxyProtocolVersion.V2)),
            "disallowed_versions",
            "disallows both versions: leave the filter out instead");
        ValidatePassThrough(config.PassThroughTlvs, errors.Field("pass_through_tlvs"));
    }

    public static void ValidatePassThrough(ProxyProtocolPassThroughTlvsConfig? config, ConfigErrors errors)
    {
        if (config is null)
        {
            return;
        }

        errors.RequireDefined(config.MatchType, "match_type");
        for (var i = 0; i < config.TlvType.Count; i++)
        {
            errors.Field("tlv_type", i).RequireRange(config.TlvType[i], 0, 255, "");
        }
    }
}

internal sealed class ProxyProtocolUpstreamTransportConfigValidator(ExtensionValidator extensions) : IConfigValidator<ProxyProtocolUpstreamTransportConfig>
{
    public void Validate(ProxyProtocolUpstreamTransportConfig config, ConfigErrors errors)
    {
        extensions.ValidateTransportSocket(ExtensionCategory.UpstreamTransportSocket, config.TransportSocket, errors.Field("transport_socket"));
        if (config.Config is null)
        {
            errors.Add("config", "is required");
            return;
        }

        errors.Field("config").RequireDefined(config.Config.Version, "version");
        ProxyProtocolListenerConfigValidator.ValidatePassThrough(config.Config.PassThroughTlvs, errors.Field("config").Field("pass_through_tlvs"));
    }
}
