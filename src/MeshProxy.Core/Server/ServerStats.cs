using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Server;

/// <summary><c>server.</c></summary>
internal sealed class ServerStats(StatsScope scope) : ILoopStats, IWatchdogStats
{
    private readonly Counter _caughtExceptions = scope.Counter("caught_exceptions");
    private readonly Counter _watchdogMiss = scope.Counter("watchdog_miss");
    private readonly Counter _watchdogMegaMiss = scope.Counter("watchdog_mega_miss");

    public Gauge Live { get; } = scope.Gauge("live");

    /// <summary>Envoy's numbers: 0 live, 1 draining, 3 initializing.</summary>
    public Gauge State { get; } = scope.Gauge("state");

    public Gauge Concurrency { get; } = scope.Gauge("concurrency");

    /// <summary>Seconds since the start, as of the last flush.</summary>
    public Gauge Uptime { get; } = scope.Gauge("uptime");

    /// <summary>Exceptions of filters and other callbacks that a loop has caught. Ours; Envoy has none.</summary>
    void ILoopStats.Fault(int worker) => _caughtExceptions.Increment();

    void IWatchdogStats.Miss(int worker) => _watchdogMiss.Increment();

    void IWatchdogStats.MegaMiss(int worker) => _watchdogMegaMiss.Increment();
}
