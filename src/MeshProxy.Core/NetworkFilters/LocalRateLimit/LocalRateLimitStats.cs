using MeshProxy.Core.Stats;

namespace MeshProxy.Core.NetworkFilters.LocalRateLimit;

/// <summary><c>local_rate_limit.PREFIX.*</c>, under Envoy's names.</summary>
internal sealed class LocalRateLimitStats(StatsScope scope)
{
    /// <summary>Connections that were closed for the rate.</summary>
    public Counter RateLimited { get; } = scope.Counter("rate_limited");
}
