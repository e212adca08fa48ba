using System.Diagnostics;

namespace MeshProxy.Core.Event;

/// <summary>Where a loop takes its time from: the system, or a simulation. Safe from any thread.</summary>
internal interface ILoopClock
{
    /// <summary>Monotonic microseconds from an arbitrary start.</summary>
    long NowUs { get; }

    /// <summary>The wall clock.</summary>
    DateTimeOffset UtcNow { get; }
}

/// <summary>The machine's clocks.</summary>
internal sealed class SystemLoopClock : ILoopClock
{
    public static readonly SystemLoopClock Instance = new();

    private static readonly long TicksPerMicrosecond = Math.Max(1, Stopwatch.Frequency / 1_000_000);

    public long NowUs => Stopwatch.GetTimestamp() / TicksPerMicrosecond;

    public DateTimeOffset UtcNow => DateTimeOffset.UtcNow;
}
