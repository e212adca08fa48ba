using MeshProxy.Core.Config;

namespace MeshProxy.Core.Upstream;

/// <summary>One limit of a circuit breaker, shared by all workers.</summary>
internal sealed class ResourceLimit(long max)
{
    private readonly long[] _padded = new long[24];

    public long Current => Volatile.Read(ref _padded[8]);

    public long Max { get; } = max;

    /// <summary>Takes one unit, or refuses. Two workers that race at the limit may both be refused; neither exceeds it.</summary>
    public bool TryAcquire()
    {
        if (Interlocked.Increment(ref _padded[8]) <= Max)
        {
            return true;
        }

        Interlocked.Decrement(ref _padded[8]);
        return false;
    }

    /// <summary>Takes one unit above the limit.</summary>
    public void Acquire() => Interlocked.Increment(ref _padded[8]);

    public void Release() => Interlocked.Decrement(ref _padded[8]);
}

/// <summary>A cluster's circuit breakers at one priority (Envoy: <c>circuit_breakers.thresholds</c>).</summary>
internal sealed class ResourceManager(CircuitBreakerThresholdsConfig thresholds)
{
    public ResourceLimit Connections { get; } = new(thresholds.MaxConnections);

    public ResourceLimit PendingRequests { get; } = new(thresholds.MaxPendingRequests);

    public ResourceLimit Requests { get; } = new(thresholds.MaxRequests);

    public ResourceLimit Retries { get; } = new(thresholds.MaxRetries);
}
