namespace MeshProxy.Core.Config;

/// <summary>Turns SO_KEEPALIVE on (Envoy: <c>config.core.v3.TcpKeepalive</c>).</summary>
public sealed record TcpKeepaliveConfig
{
    /// <summary>Probes without an answer before the connection counts as dead (Envoy: <c>keepalive_probes</c>).</summary>
    /// <value>Null: the system's, 9 on Linux.</value>
    public int? KeepaliveProbes { get; init; }

    /// <summary>Idle time before the first probe, in whole seconds (Envoy: <c>keepalive_time</c>).</summary>
    /// <value>Null: the system's, 2 hours on Linux.</value>
    public TimeSpan? KeepaliveTime { get; init; }

    /// <summary>Time between probes, in whole seconds (Envoy: <c>keepalive_interval</c>).</summary>
    /// <value>Null: the system's, 75 seconds on Linux.</value>
    public TimeSpan? KeepaliveInterval { get; init; }
}
