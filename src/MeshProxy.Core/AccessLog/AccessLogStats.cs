using MeshProxy.Core.Stats;

namespace MeshProxy.Core.AccessLog;

/// <summary>Envoy's <c>filesystem.*</c> stats, and <c>write_dropped</c>, which is ours.</summary>
internal sealed class AccessLogStats
{
    public AccessLogStats(StatsScope root)
    {
        var scope = root.Scope("filesystem");
        WriteBuffered = scope.Counter("write_buffered");
        WriteCompleted = scope.Counter("write_completed");
        WriteFailed = scope.Counter("write_failed");
        WriteDropped = scope.Counter("write_dropped");
        FlushedByTimer = scope.Counter("flushed_by_timer");
        ReopenFailed = scope.Counter("reopen_failed");
        WriteTotalBuffered = scope.Gauge("write_total_buffered");
    }

    /// <summary>Lines handed to a flusher.</summary>
    public Counter WriteBuffered { get; }

    /// <summary>Writes that succeeded.</summary>
    public Counter WriteCompleted { get; }

    /// <summary>Writes that failed; their lines are lost.</summary>
    public Counter WriteFailed { get; }

    /// <summary>Lines lost because the flusher was too far behind, or gone.</summary>
    public Counter WriteDropped { get; }

    /// <summary>Flushes because the interval was over.</summary>
    public Counter FlushedByTimer { get; }

    public Counter ReopenFailed { get; }

    /// <summary>Bytes that wait for a flusher.</summary>
    public Gauge WriteTotalBuffered { get; }
}
