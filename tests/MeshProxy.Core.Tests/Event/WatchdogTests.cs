using MeshProxy.Core.Event;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Tests.Event;

public class WatchdogTests
{
    private readonly ManualLoop _manual = new();
    private readonly Recorder _recorder = new();

    [Theory]
    [InlineData(199, 0, 0)]
    [InlineData(200, 1, 0)]
    [InlineData(999, 1, 0)]
    [InlineData(1_000, 1, 1)]
    public void Turn_ThatTakesLong_IsCountedOnce(int turnMs, int misses, int megaMisses)
    {
        using var watchdog = NewWatchdog();
        _manual.Loop.Post(_ =>
        {
            _manual.Clock.AdvanceUs(turnMs * 1000);
            watchdog.Check();
            watchdog.Check();
        }, null);
        _manual.Turn();
        watchdog.Misses.ShouldBe(misses);
        watchdog.MegaMisses.ShouldBe(megaMisses);
        (_recorder.Missed, _recorder.MegaMissed).ShouldBe((misses, megaMisses));
        _recorder.Messages.Count.ShouldBe(misses + megaMisses);
        _recorder.Messages.ShouldAllBe(m => m.Contains("sync-over-async") && m.Contains(".Result"));
    }

    [Fact]
    public void Wait_HoweverLong_IsNoMiss()
    {
        using var watchdog = NewWatchdog();
        _manual.Poller.OnWait = () =>
        {
            _manual.Clock.AdvanceUs(60_000_000);
            watchdog.Check();
        };
        _manual.Turn();
        watchdog.Misses.ShouldBe(0);
    }

    private Watchdog NewWatchdog() => new([_manual.Loop], new WatchdogOptions { Logger = _recorder, Stats = _recorder });

    private sealed class Recorder : ILogger, IWatchdogStats
    {
        public List<string> Messages { get; } = [];

        public int Missed { get; private set; }

        public int MegaMissed { get; private set; }

        public void Miss(int worker) => Missed++;

        public void MegaMiss(int worker) => MegaMissed++;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Messages.Add(formatter(state, exception));
    }
}
