using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Event;

/// <summary>What a loop is made of.</summary>
internal sealed record EventLoopOptions
{
    /// <summary>The worker's number, from 0; -1 for the control loop.</summary>
    public required int Index { get; init; }

    /// <summary>The thread's name.</summary>
    public required string Name { get; init; }

    /// <summary>The loop owns the poller and disposes of it when it stops.</summary>
    public required IPoller Poller { get; init; }

    public required ISocketOps Sockets { get; init; }

    public ILoopClock Clock { get; init; } = SystemLoopClock.Instance;

    public ILogger Logger { get; init; } = NullLogger.Instance;

    public ILoopStats? Stats { get; init; }

    /// <summary>Free buffer memory that the loop keeps for reuse.</summary>
    /// <value>64 MiB.</value>
    public int MaxRetainedSlabBytes { get; init; } = 64 * 1024 * 1024;

    /// <summary>How far apart the turns of a loop that is busy with multiplexed connections are at least, in microseconds; 0: as events come.</summary>
    /// <value>0.</value>
    public int BusyTurnIntervalUs { get; init; }

    /// <summary>How many events one poll may bring.</summary>
    /// <value>256.</value>
    public int MaxEventsPerTurn { get; init; } = 256;
}

/// <summary>Counts what a loop sees. Called on the loop's thread.</summary>
internal interface ILoopStats
{
    /// <summary>An exception of a callback was caught.</summary>
    void Fault(int worker);
}
