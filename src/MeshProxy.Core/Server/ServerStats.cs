using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Server;

/// <summary><c>server.</c></summary>
internal sealed class ServerStats(StatsScope scope) : ILoopStats
{
    public Gauge Live { get; } = scope.Gauge("live");

    /// <summary>Envoy's numbers: 0 live, 1 draining, 2 pre-initializing, 3 initializing.</summary>
    public Gauge State { get; } = scope.Gauge("state");

    public Gauge Concurrency { get; } = scope.Gauge("concurrency");

    /// <summary>Seconds since the start, as of the last flush.</summary>
    public Gauge Uptime { get; } = scope.Gauge("uptime");

    public Gauge TotalConnections { get; } = scope.Gauge("total_connections");

    /// <summary>Exceptions of filters and other callbacks that a loop has caught. Ours; Envoy has none.</summary>
    public Counter CaughtExceptions { get; } = scope.Counter("caught_exceptions");

    void ILoopStats.Fault(int worker) => CaughtExceptions.Increment();
}
