namespace MeshProxy.Core.Config;

/// <summary>Limits for each routing priority (Envoy: <c>config.cluster.v3.CircuitBreakers</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record CircuitBreakersConfig
{
    /// <summary>Envoy's limits.</summary>
    public static CircuitBreakersConfig Default { get; } = new();

    /// <summary>For requests of priority DEFAULT (Envoy: <c>thresholds</c>).</summary>
    public CircuitBreakerThresholdsConfig DefaultPriority { get; init; } = new();

    /// <summary>For requests of priority HIGH (Envoy: <c>thresholds</c>). Routes of this version have no priority: all requests are DEFAULT.</summary>
    public CircuitBreakerThresholdsConfig HighPriority { get; init; } = new();
}

/// <summary>Envoy: <c>CircuitBreakers.Thresholds</c>. Each counts over all workers.</summary>
public sealed record CircuitBreakerThresholdsConfig
{
    /// <summary>Envoy: <c>max_connections</c>.</summary>
    /// <value>1024.</value>
    public uint MaxConnections { get; init; } = 1024;

    /// <summary>Requests that wait for a connection (Envoy: <c>max_pending_requests</c>).</summary>
    /// <value>1024.</value>
    public uint MaxPendingRequests { get; init; } = 1024;

    /// <summary>Envoy: <c>max_requests</c>.</summary>
    /// <value>1024.</value>
    public uint MaxRequests { get; init; } = 1024;

    /// <summary>Retries under way at once (Envoy: <c>max_retries</c>).</summary>
    /// <value>3.</value>
    public uint MaxRetries { get; init; } = 3;
}
