using MeshProxy.Core.Event;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>Time that stands still until it is advanced. Starts at 2030-01-01 00:00:00 UTC.</summary>
internal sealed class VirtualClock : ILoopClock
{
    private static readonly DateTimeOffset Start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public long NowUs { get; private set; } = 1_000_000;

    public DateTimeOffset UtcNow => Start.AddTicks((NowUs - 1_000_000) * TimeSpan.TicksPerMicrosecond);

    public void AdvanceUs(long microseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(microseconds);
        NowUs += microseconds;
    }

    public void AdvanceToUs(long nowUs) => NowUs = Math.Max(NowUs, nowUs);
}
