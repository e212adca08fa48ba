using MeshProxy.Core.Event;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.Event;

public class LoopTimeProviderTests
{
    private static readonly AsyncLocal<string?> Ambient = new();

    private readonly SimulatedLoop _loop = SimulatedLoop.Create();
    private readonly LoopTimeProvider _time;
    private readonly List<double> _fired = [];
    private readonly DateTimeOffset _start;

    public LoopTimeProviderTests()
    {
        _time = new LoopTimeProvider(_loop.Loop);
        _start = _time.GetUtcNow();
    }

    [Fact]
    public void Timer_WithPeriod_FiresUntilItIsDisposedOf()
    {
        var timer = NewTimer(10, 5);
        _loop.Advance(TimeSpan.FromMilliseconds(22));
        _fired.ShouldBe([10, 15, 20]);
        timer.Dispose();
        _loop.Advance(TimeSpan.FromMilliseconds(50));
        _fired.Count.ShouldBe(3);
        _loop.Loop.ArmedTimers.ShouldBe(0);
        timer.Change(TimeSpan.Zero, TimeSpan.Zero).ShouldBeFalse();
    }

    [Fact]
    public void Timer_Changed_FiresAtTheNewTimeOnly()
    {
        var timer = NewTimer(10, -1);
        timer.Change(TimeSpan.FromMilliseconds(30), Timeout.InfiniteTimeSpan).ShouldBeTrue();
        _loop.Advance(TimeSpan.FromMilliseconds(100));
        _fired.ShouldBe([30]);
    }

    [Fact]
    public void Timer_NotStarted_DoesNotFire()
    {
        var timer = NewTimer(-1, -1);
        _loop.Advance(TimeSpan.FromDays(30));
        _fired.ShouldBeEmpty();
        Should.Throw<ArgumentOutOfRangeException>(() => timer.Change(TimeSpan.FromMilliseconds(-2), TimeSpan.Zero));
    }

    [Fact]
    public void Timer_Callback_RunsInTheContextOfItsCreator()
    {
        string? seen = null;
        Ambient.Value = "creator";
        using var timer = _time.CreateTimer(_ => seen = Ambient.Value, null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        Ambient.Value = "later";
        _loop.Advance(TimeSpan.FromMilliseconds(1));
        seen.ShouldBe("creator");
    }

    private ITimer NewTimer(int dueMs, int periodMs) => _time.CreateTimer(
        _ => _fired.Add((_time.GetUtcNow() - _start).TotalMilliseconds),
        null,
        TimeSpan.FromMilliseconds(dueMs),
        TimeSpan.FromMilliseconds(periodMs));
}
