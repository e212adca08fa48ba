using MeshProxy.Core.Stats;

namespace MeshProxy.Core.NetworkFilters.ConnectionLimit;

/// <summary><c>connection_limit.PREFIX.*</c>, under Envoy's names.</summary>
internal sealed class ConnectionLimitStats(StatsScope scope)
{
    /// <summary>Connections that were closed for the limit.</summary>
    public Counter LimitedConnections { get; } = scope.Counter("limited_connections");

    public Gauge ActiveConnections { get; } = scope.Gauge("active_connections");
}
