using MeshProxy.Core.Event;

namespace MeshProxy.Core.Tests.Event;

public class LoopTimerTests
{
    private readonly ManualLoop _manual = new();

    [Theory]
    [InlineData(1, 50, 2_000)]
    [InlineData(2, 5_000, 2_000)]
    [InlineData(3, 400_000, 2_000)]
    [InlineData(4, 30_000_000, 1_000)]
    [InlineData(5, 4_000_000_000, 1_000)]
    public void Timers_RandomlyArmedAndCancelled_FireLikeASortedList(int seed, long maxDelayMs, int steps)
    {
        var random = new Random(seed);
        var fired = new List<int>();
        var timers = new LoopTimer[40];
        for (var i = 0; i < timers.Length; i++)
        {
            timers[i] = new LoopTimer(_manual.Loop, id => fired.Add((int)id!), i);
        }

        var model = new List<(long TickMs, long Sequence, int Id)>();
        var sequence = 0L;
        for (var step = 0; step < steps; step++)
        {
            var id = random.Next(timers.Length);
            model.RemoveAll(m => m.Id == id);
            if (random.Next(4) == 0)
            {
                timers[id].Cancel();
            }
            else
            {
                // Small delays as well as large ones, so that all levels of the wheel are in use.
                var delay = 1 + (long)(Math.Pow(random.NextDouble(), 4) * maxDelayMs);
                timers[id].Arm(delay);
                model.Add(((_manual.Loop.NowUs + 999) / 1000 + delay, sequence++, id));
            }

            if (random.Next(3) != 0)
            {
                continue;
            }

            fired.Clear();
            _manual.Clock.AdvanceUs((long)(Math.Pow(random.NextDouble(), 3) * maxDelayMs * 1000));
            _manual.Turn();
            var due = model.Where(m => m.TickMs <= _manual.Loop.NowMs).OrderBy(m => m.TickMs).ToList();
            model.RemoveAll(m => m.TickMs <= _manual.Loop.NowMs);
            fired.Order().ShouldBe(due.Select(m => m.Id).Order());
            fired.Select(f => due.Single(d => d.Id == f).TickMs).ShouldBeInOrder();
            _manual.Loop.ArmedTimers.ShouldBe(model.Count);
        }
    }

    [Fact]
    public void Timers_OfOneTick_FireInTheOrderOfArming()
    {
        var fired = new List<int>();
        for (var i = 0; i < 100; i++)
        {
            new LoopTimer(_manual.Loop, id => fired.Add((int)id!), i).Arm(5_000 - (i < 50 ? 0 : 10));
            if (i == 49)
            {
                _manual.Turn(10);
            }
        }

        _manual.Turn(4_989);
        fired.ShouldBeEmpty();
        _manual.Turn(1);
        fired.ShouldBe(Enumerable.Range(0, 100));
    }

    [Fact]
    public void Arm_LateInAMillisecond_NeverFiresEarly()
    {
        var fired = false;
        var timer = new LoopTimer(_manual.Loop, _ => fired = true);
        _manual.Clock.AdvanceUs(900);
        _manual.Turn();
        timer.Arm(1);
        _manual.Clock.AdvanceUs(999);
        _manual.Turn();
        fired.ShouldBeFalse();
        _manual.Clock.AdvanceUs(101);
        _manual.Turn();
        fired.ShouldBeTrue();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-5)]
    public void Arm_WithoutDelay_FiresInTheNextPhaseOnly(int delayMs)
    {
        var count = 0;
        LoopTimer timer = null!;
        timer = new LoopTimer(_manual.Loop, _ =>
        {
            count++;
            timer.Arm(delayMs);
        });
        timer.Arm(delayMs);
        _manual.Turn();
        count.ShouldBe(1);
        _manual.Poller.LastTimeoutMs.ShouldBe(0);
        _manual.Turn();
        count.ShouldBe(2);
    }

    [Fact]
    public void Cancel_OfATimerDueInTheSamePhase_KeepsItFromFiring()
    {
        var fired = new List<string>();
        LoopTimer second = null!;
        var first = new LoopTimer(_manual.Loop, _ =>
        {
            fired.Add("first");
            second.Cancel();
        });
        second = new LoopTimer(_manual.Loop, _ => fired.Add("second"));
        first.Arm(10);
        second.Arm(10);
        _manual.Turn(10);
        fired.ShouldBe(["first"]);
        _manual.Loop.ArmedTimers.ShouldBe(0);
    }

    [Fact]
    public void Arm_FromItsOwnCallback_FiresAgainLater()
    {
        var at = new List<long>();
        var start = _manual.Loop.NowMs;
        LoopTimer timer = null!;
        timer = new LoopTimer(_manual.Loop, _ =>
        {
            at.Add(_manual.Loop.NowMs - start);
            timer.Arm(7);
        });
        timer.Arm(7);
        for (var i = 0; i < 30; i++)
        {
            _manual.Turn(1);
        }

        at.ShouldBe([7, 14, 21, 28]);
    }

    [Fact]
    public void Wait_WithArmedTimers_LastsUntilTheNextOne()
    {
        var timer = new LoopTimer(_manual.Loop, _ => { });
        _manual.Loop.RunTurn(-1);
        _manual.Poller.LastTimeoutMs.ShouldBe(-1);
        timer.Arm(20);
        _manual.Loop.RunTurn(-1);
        _manual.Poller.LastTimeoutMs.ShouldBe(20);
        _manual.Clock.AdvanceUs(500);
        _manual.Loop.RunTurn(-1);
        _manual.Poller.LastTimeoutMs.ShouldBe(20, "19.5 ms are left, and a wait must not end early");
    }

    [Fact]
    public void Arm_FromAForeignThread_Throws()
    {
        Exception? seen = null;
        var timer = new LoopTimer(_manual.Loop);
        _manual.Loop.RunCallback(
            _ =>
            {
                var foreign = new Thread(() => seen = Record.Exception(() => timer.Arm(1)));
                foreign.Start();
                foreign.Join();
            },
            null);
        seen.ShouldBeOfType<InvalidOperationException>();
    }
}
