using MeshProxy.Core.Stats;

namespace MeshProxy.Http.Router;

/// <summary>The router's counters, <c>http.STAT_PREFIX.*</c>.</summary>
internal sealed class RouterStats(StatsScope scope)
{
    public Counter NoRoute { get; } = scope.Counter("no_route");

    public Counter NoCluster { get; } = scope.Counter("no_cluster");

    public Counter DirectResponse { get; } = scope.Counter("rq_direct_response");

    public Counter RequestsTotal { get; } = scope.Counter("rq_total");
}
