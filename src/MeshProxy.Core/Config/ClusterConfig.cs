namespace MeshProxy.Core.Config;

/// <summary>A group of upstream hosts (Envoy: <c>config.cluster.v3.Cluster</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record ClusterConfig
{
    /// <summary>Unique among the clusters (Envoy: <c>name</c>).</summary>
    public required string Name { get; init; }

    /// <summary>The name in stats, <c>cluster.NAME.</c> (Envoy: <c>alt_stat_name</c>).</summary>
    /// <value>Empty: <see cref="Name"/>.</value>
    public string AltStatName { get; init; } = "";

    /// <summary>How the hosts are found (Envoy: <c>type</c>).</summary>
    /// <value>Static.</value>
    public DiscoveryType Type { get; init; }

    /// <summary>How a host is chosen (Envoy: <c>lb_policy</c>).</summary>
    /// <value>RoundRobin.</value>
    public LbPolicy LbPolicy { get; init; }

    /// <summary>How long to wait for a new connection; more than zero (Envoy: <c>connect_timeout</c>).</summary>
    /// <value>5 seconds.</value>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The soft limit of an upstream connection's read and write buffers, in bytes (Envoy: <c>per_connection_buffer_limit_bytes</c>).</summary>
    /// <value>1 MiB.</value>
    public int PerConnectionBufferLimitBytes { get; init; } = 1024 * 1024;

    /// <summary>The hosts by locality and priority (Envoy: <c>load_assignment.endpoints</c>).</summary>
    public EquatableArray<LocalityLbEndpointsConfig> LoadAssignment { get; init; }

    /// <summary>Limits on what is under way to this cluster, over all workers (Envoy: <c>circuit_breakers</c>).</summary>
    /// <value>Envoy's limits for both priorities.</value>
    public CircuitBreakersConfig CircuitBreakers { get; init; } = CircuitBreakersConfig.Default;

    /// <summary>What lies between the socket and the codec, for example TLS (Envoy: <c>transport_socket</c>).</summary>
    /// <value>Null: plain bytes.</value>
    public ExtensionConfig? TransportSocket { get; init; }

    /// <summary>TCP keepalive of upstream connections (Envoy: <c>upstream_connection_options.tcp_keepalive</c>).</summary>
    /// <value>Null: off.</value>
    public TcpKeepaliveConfig? TcpKeepalive { get; init; }

    /// <summary>HTTP limits of upstream connections (Envoy: <c>common_http_protocol_options</c> of the cluster, which Envoy deprecates). Those of
    /// <see cref="TypedExtensionProtocolOptions"/>, if there are some, count instead.</summary>
    /// <value>1 hour of idle time, no other limits.</value>
    public HttpProtocolOptions CommonHttpProtocolOptions { get; init; } = new();

    /// <summary>What protocols above want of this cluster's connections, by name (Envoy: <c>typed_extension_protocol_options</c>). MeshProxy.Http
    /// brings <c>envoy.extensions.upstreams.http.v3.HttpProtocolOptions</c>: which version of HTTP the hosts speak.</summary>
    /// <value>Empty: HTTP/1.1.</value>
    public EquatableArray<ExtensionConfig> TypedExtensionProtocolOptions { get; init; }
}

/// <summary>Envoy: <c>Cluster.DiscoveryType</c>.</summary>
public enum DiscoveryType : byte
{
    /// <summary>The hosts are those of the config.</summary>
    Static,
}

/// <summary>Envoy: <c>Cluster.LbPolicy</c>.</summary>
public enum LbPolicy : byte
{
    /// <summary>Each healthy host in turn, by weight.</summary>
    RoundRobin,
}
