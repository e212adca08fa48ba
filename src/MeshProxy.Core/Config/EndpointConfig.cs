using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>Hosts of one locality and priority (Envoy: <c>config.endpoint.v3.LocalityLbEndpoints</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record LocalityLbEndpointsConfig
{
    /// <summary>Envoy: <c>locality</c>.</summary>
    /// <value>No locality.</value>
    public LocalityConfig Locality { get; init; } = LocalityConfig.None;

    /// <summary>0 is used first; 0 to 128, without gaps over the cluster (Envoy: <c>priority</c>).</summary>
    /// <value>0.</value>
    public int Priority { get; init; }

    /// <summary>The locality's share, for balancers that weigh localities; at least 1 (Envoy: <c>load_balancing_weight</c>).</summary>
    /// <value>Null.</value>
    public uint? LoadBalancingWeight { get; init; }

    /// <summary>Envoy: <c>lb_endpoints</c>.</summary>
    public EquatableArray<LbEndpointConfig> LbEndpoints { get; init; }
}

/// <summary>Where hosts stand (Envoy: <c>config.core.v3.Locality</c>).</summary>
public sealed record LocalityConfig(string Region = "", string Zone = "", string SubZone = "")
{
    public static LocalityConfig None { get; } = new();
}

/// <summary>One upstream host (Envoy: <c>config.endpoint.v3.LbEndpoint</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record LbEndpointConfig
{
    /// <summary>The port is not 0 (Envoy: <c>endpoint.address</c>).</summary>
    public required NetworkAddress Address { get; init; }

    /// <summary>A name for stats and host rewrites; not resolved (Envoy: <c>endpoint.hostname</c>).</summary>
    /// <value>Empty.</value>
    public string Hostname { get; init; } = "";

    /// <summary>The host's share, at least 1 (Envoy: <c>load_balancing_weight</c>).</summary>
    /// <value>1.</value>
    public uint LoadBalancingWeight { get; init; } = 1;

    /// <summary>Envoy: <c>health_status</c>.</summary>
    /// <value>Unknown, which counts as healthy.</value>
    public HealthStatus HealthStatus { get; init; }
}

/// <summary>Envoy: <c>config.core.v3.HealthStatus</c>.</summary>
public enum HealthStatus : byte
{
    /// <summary>Counts as healthy.</summary>
    Unknown,
    Healthy,
    Unhealthy,

    /// <summary>Counts as unhealthy: finishes what it has.</summary>
    Draining,

    /// <summary>Counts as unhealthy: a health check ran out of time.</summary>
    Timeout,

    /// <summary>Used when not enough healthy hosts are left.</summary>
    Degraded,
}
