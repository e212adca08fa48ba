namespace MeshProxy.Http.Grpc;

/// <summary>Where a service of ours is, and what every call to it has in common (Envoy: <c>config.core.v3.GrpcService</c>).</summary>
internal sealed record GrpcClientOptions
{
    /// <summary>The cluster; its hosts must speak HTTP/2 (Envoy: <c>envoy_grpc.cluster_name</c>).</summary>
    public required string ClusterName { get; init; }

    /// <summary>What the service sees as its host (Envoy: <c>envoy_grpc.authority</c>).</summary>
    /// <value>Empty: the cluster's name.</value>
    public string Authority { get; init; } = "";

    /// <summary>For calls that have no time of their own (Envoy: <c>timeout</c>).</summary>
    /// <value>Zero: no limit.</value>
    public TimeSpan Timeout { get; init; }

    /// <summary>Goes with every call (Envoy: <c>initial_metadata</c>).</summary>
    public IReadOnlyList<GrpcMetadata> InitialMetadata { get; init; } = [];

    /// <summary>The longest message that is received; status 8 past it (Envoy: <c>envoy_grpc.max_receive_message_length</c>, there without limit).</summary>
    /// <value>4 MiB.</value>
    public int MaxReceiveMessageBytes { get; init; } = 4 << 20;
}

/// <summary>What one call has otherwise.</summary>
internal sealed record GrpcCallOptions
{
    /// <summary>Goes behind the client's own.</summary>
    public IReadOnlyList<GrpcMetadata> Metadata { get; init; } = [];

    /// <value>Null: the client's. Zero: no limit.</value>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Cancels the call, from any thread.</summary>
    public CancellationToken Cancellation { get; init; }
}
