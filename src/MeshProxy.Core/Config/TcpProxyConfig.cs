namespace MeshProxy.Core.Config;

/// <summary>Relays bytes to a cluster; terminal (<c>envoy.filters.network.tcp_proxy</c>). Exactly one of <see cref="Cluster"/> and
/// <see cref="WeightedClusters"/> is set.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record TcpProxyConfig : IReferencesClusters
{
    /// <summary>Stats are <c>tcp.PREFIX.</c>; not empty (Envoy: <c>stat_prefix</c>).</summary>
    public required string StatPrefix { get; init; }

    /// <summary>Envoy: <c>cluster</c>.</summary>
    public string? Cluster { get; init; }

    /// <summary>A connection goes to one of these, by weight (Envoy: <c>weighted_clusters.clusters</c>).</summary>
    public EquatableArray<TcpClusterWeightConfig> WeightedClusters { get; init; }

    /// <summary>How long no byte may pass in either direction; zero means no limit (Envoy: <c>idle_timeout</c>).</summary>
    /// <value>1 hour.</value>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How many hosts are tried before the client's connection is closed; at least 1 (Envoy: <c>max_connect_attempts</c>).</summary>
    /// <value>1.</value>
    public int MaxConnectAttempts { get; init; } = 1;

    /// <summary>How long a connection may live, at least 1 ms (Envoy: <c>max_downstream_connection_duration</c>).</summary>
    /// <value>Null: no limit.</value>
    public TimeSpan? MaxDownstreamConnectionDuration { get; init; }

    /// <summary>A line when the connection ends (Envoy: <c>access_log</c>).</summary>
    public EquatableArray<AccessLogConfig> AccessLog { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ClusterReference> ReferencedClusters()
    {
        if (Cluster is { Length: > 0 } cluster)
        {
            yield return new("cluster", cluster);
        }

        for (var i = 0; i < WeightedClusters.Count; i++)
        {
            if (WeightedClusters[i].Name is { Length: > 0 } name)
            {
                yield return new($"weighted_clusters.clusters[{i}].name", name);
            }
        }
    }
}

/// <summary>Envoy: <c>TcpProxy.WeightedCluster.ClusterWeight</c>.</summary>
/// <param name="Name">The cluster's name.</param>
/// <param name="Weight">At least 1; the share is this over the sum of all, which fits 32 bits.</param>
public sealed record TcpClusterWeightConfig(string Name, uint Weight);
