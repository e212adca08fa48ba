using MeshProxy.Core.Event;

namespace MeshProxy.Core.Tests.Event;

public sealed class TurnPacerTests
{
    private const int IntervalUs = 40;
    private TurnPacer _pacer = new(IntervalUs);
    private long _nowUs = 1_000_000;

    [Fact]
    public void Turns_ThatFindMoreMessagesWhenApart_StayApart()
    {
        RunWhileFree();
        _pacer.IsPacing.ShouldBeTrue("a busy window is followed by a trial");
        Run(TurnPacer.WindowTurns + 1, apartUs: 40, messages: 4);
        _pacer.IsPacing.ShouldBeTrue();
        Run(10 * (TurnPacer.WindowTurns + 1), apartUs: 40, messages: 4);
        _pacer.IsPacing.ShouldBeTrue();
    }

    [Fact]
    public void Turns_ThatFindNoMoreMessagesWhenApart_AreTriedMoreAndMoreRarely()
    {
        var rests = new List<int>();
        for (var trial = 0; trial < 10; trial++)
        {
            rests.Add(RunWhileFree());
            Run(TurnPacer.WindowTurns + 1, apartUs: 50, messages: 2);
            _pacer.IsPacing.ShouldBeFalse("the trial has shown no gain");
        }

        rests[0].ShouldBe(1);
        rests[1].ShouldBe(8);
        rests[2].ShouldBe(16);
        rests[^1].ShouldBe(512);
    }

    /// <summary>More at a time, but later: a few clients that wait for answers.</summary>
    [Fact]
    public void Turns_ThatGetLessDoneWhenApart_AreNotKeptApart()
    {
        RunWhileFree();
        Run(TurnPacer.WindowTurns + 1, apartUs: 50, messages: 4);
        _pacer.IsPacing.ShouldBeFalse();
    }

    [Fact]
    public void Loop_WithoutMessagesOfMultiplexedConnections_IsNeverPaced()
    {
        Run(100 * TurnPacer.WindowTurns, apartUs: 10, messages: 0);
        _pacer.IsPacing.ShouldBeFalse();
    }

    [Fact]
    public void Loop_WithTimeToSpare_IsNeverPaced()
    {
        Run(100 * TurnPacer.WindowTurns, apartUs: 1000, messages: 10);
        _pacer.IsPacing.ShouldBeFalse();
    }

    [Theory]
    [InlineData(40, 0)]     // other work than multiplexed connections'
    [InlineData(200, 4)]    // less of it
    public void PacedLoop_WhoseLoadChanges_IsPacedNoLonger(int apartUs, int messages)
    {
        RunWhileFree();
        Run(TurnPacer.WindowTurns + 1, apartUs: 40, messages: 4);
        Run(TurnPacer.WindowTurns + 1, apartUs, messages);
        _pacer.IsPacing.ShouldBeFalse();
    }

    /// <summary>256 turns that are so far apart take longer than 256 turns of a busy loop otherwise may.</summary>
    [Theory]
    [InlineData(100)]
    [InlineData(1000)]
    public void Turns_ApartByALongInterval_StayApartAsWell(int intervalUs)
    {
        _pacer = new TurnPacer(intervalUs);
        RunWhileFree();
        Run(TurnPacer.WindowTurns + 1, intervalUs + 10, messages: intervalUs / 4);
        _pacer.IsPacing.ShouldBeTrue("more at a time, and no later");
        Run(10 * (TurnPacer.WindowTurns + 1), intervalUs + 10, messages: intervalUs / 4);
        _pacer.IsPacing.ShouldBeTrue();
        Run(TurnPacer.WindowTurns + 1, 3 * intervalUs, messages: intervalUs / 4);
        _pacer.IsPacing.ShouldBeFalse("it has time to spare");
    }

    [Fact]
    public void PacedLoop_AfterAWhile_LooksHowItWouldFareOtherwise()
    {
        RunWhileFree();
        Run(TurnPacer.WindowTurns + 1, apartUs: 40, messages: 4);
        Run(64 * (TurnPacer.WindowTurns + 1), apartUs: 40, messages: 4);
        _pacer.IsPacing.ShouldBeFalse();
        RunWhileFree().ShouldBe(1);
    }

    [Fact]
    public void Pause_IsWhatTheTurnHasLeftOfTheInterval()
    {
        _pacer.PauseUs(1000, 1010).ShouldBe(0, "not paced yet");
        RunWhileFree();
        _pacer.PauseUs(1000, 1010).ShouldBe(30);
        _pacer.PauseUs(1000, 1040).ShouldBe(0);
        _pacer.PauseUs(1000, 5000).ShouldBe(0);
        _pacer.PauseUs(1000, 900).ShouldBe(IntervalUs, "a clock that goes back");
    }

    /// <summary>Turns at 20 us with two messages each until a trial begins. Returns how many windows that took.</summary>
    private int RunWhileFree()
    {
        for (var windows = 1; windows <= 1000; windows++)
        {
            Run(TurnPacer.WindowTurns + 1, apartUs: 20, messages: 2);
            if (_pacer.IsPacing)
            {
                return windows;
            }
        }

        throw new InvalidOperationException("no trial began");
    }

    private void Run(int turns, int apartUs, int messages)
    {
        for (var i = 0; i < turns; i++)
        {
            _nowUs += apartUs;
            _pacer.Count(messages);
            _pacer.OnTurnEnd(_nowUs);
        }
    }
}
