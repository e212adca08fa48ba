using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>Checks a cluster by itself.</summary>
internal sealed class ClusterConfigValidator(ExtensionValidator extensions) : IConfigValidator<ClusterConfig>
{
    private const int MaxPriority = 128;

    public void Validate(ClusterConfig config, ConfigErrors errors)
    {
        errors.RequireText(config.Name, "name");
        errors.RequireDefined(config.Type, "type");
        errors.RequireDefined(config.LbPolicy, "lb_policy");
        errors.RequirePositiveDuration(config.ConnectTimeout, "connect_timeout");
        CommonConfigValidation.ValidateBufferLimit(config.PerConnectionBufferLimitBytes, errors);
        CommonConfigValidation.ValidateKeepalive(config.TcpKeepalive, errors.Field("upstream_connection_options").Field("tcp_keepalive"));
        CommonConfigValidation.ValidateHttpProtocolOptions(config.CommonHttpProtocolOptions, errors.Field("common_http_protocol_options"));
        extensions.ValidateTransportSocket(ExtensionCategory.UpstreamTransportSocket, config.TransportSocket, errors.Field("transport_socket"));
        ValidateProtocolOptions(config, errors);
        ValidateLoadAssignment(config.LoadAssignment, errors.Field("load_assignment"));
    }

    private void ValidateProtocolOptions(ClusterConfig config, ConfigErrors errors)
    {
        var isSecure = config.TransportSocket is not (null or { Name: ExtensionValidator.RawBuffer });
        var seen = new HashSet<string>();
        foreach (var options in config.TypedExtensionProtocolOptions)
        {
            var at = errors.Field("typed_extension_protocol_options", options.Name);
            at.Require(seen.Add(options.Name), "", "is given twice");
            extensions.ValidateProtocolOptions(options, at);
            at.Require(
                isSecure || options.TypedConfig is not INeedsSecureTransport { NeedsSecureTransport: true },
                "",
                "chooses the protocol in the TLS handshake: the cluster needs a transport_socket with TLS");
        }
    }

    private static void ValidateLoadAssignment(EquatableArray<LocalityLbEndpointsConfig> localities, ConfigErrors errors)
    {
        for (var i = 0; i < localities.Count; i++)
        {
            ValidateLocality(localities[i], errors.Field("endpoints", i));
        }

        var priorities = localities.Select(locality => locality.Priority).Where(priority => priority is >= 0 and <= MaxPriority).ToHashSet();
        for (var priority = 0; priority < priorities.Count; priority++)
        {
            if (!priorities.Contains(priority))
            {
                errors.Add("endpoints", $"the priorities are {string.Join(", ", priorities.Order())}; they must begin with 0 and leave none out");
                break;
            }
        }

        foreach (var group in localities.GroupBy(locality => locality.Priority))
        {
            RequireSum(group.Select(locality => (long)(locality.LoadBalancingWeight ?? 0)), "endpoints", $"the weights of the localities of priority {group.Key}", errors);
        }
    }

    private static void ValidateLocality(LocalityLbEndpointsConfig locality, ConfigErrors errors)
    {
        errors.RequireRange(locality.Priority, 0, MaxPriority, "priority");
        errors.RequireAtLeast(locality.LoadBalancingWeight, 1, "load_balancing_weight");
        for (var i = 0; i < locality.LbEndpoints.Count; i++)
        {
            var endpoint = locality.LbEndpoints[i];
            var at = errors.Field("lb_endpoints", i);
            at.RequireAtLeast(endpoint.LoadBalancingWeight, 1, "load_balancing_weight");
            at.RequireDefined(endpoint.HealthStatus, "health_status");
            if (endpoint.Address is null)
            {
                at.Add("endpoint.address", "is required");
                continue;
            }

            CommonConfigValidation.ValidateAddress(endpoint.Address, at.Field("endpoint").Field("address"));
            at.Require(endpoint.Address is not SocketAddress { Port: 0 }, "endpoint.address", $"{endpoint.Address} has port 0, which nothing can be reached on");
        }

        RequireSum(locality.LbEndpoints.Select(endpoint => (long)endpoint.LoadBalancingWeight), "lb_endpoints", "the weights of the endpoints", errors);
    }

    private static void RequireSum(IEnumerable<long> weights, string field, string what, ConfigErrors errors) =>
        errors.Require(weights.Sum() <= uint.MaxValue, field, $"{what} add up to more than {uint.MaxValue}");
}
