using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Event;

namespace MeshProxy.Benchmarks;

/// <summary>The timing wheel with 10,000 timers armed, as a worker with as many idle connections has.</summary>
[MemoryDiagnoser]
public class TimingWheelBenchmarks
{
    private const int Timers = 10_000;

    private readonly VirtualTime _time = new();
    private EventLoop _loop = null!;
    private LoopTimer[] _timers = null!;
    private LoopTimer _one = null!;
    private int _next;

    [GlobalSetup]
    public void Setup()
    {
        _loop = new EventLoop(new EventLoopOptions { Index = 0, Name = "benchmark", Poller = new NoPoller(), Sockets = new LinuxSocketOps(), Clock = _time });
        _timers = new LoopTimer[Timers];
        for (var i = 0; i < Timers; i++)
        {
            _timers[i] = new LoopTimer(_loop);
            _timers[i].Arm(3_600_000 + i);
        }

        _one = new LoopTimer(_loop);
    }

    /// <summary>A request's timeout that does not expire.</summary>
    [Benchmark]
    public void ArmAndCancel()
    {
        _one.Arm(15_000);
        _one.Cancel();
    }

    /// <summary>An idle timeout that is moved on by traffic.</summary>
    [Benchmark]
    public void Move()
    {
        _timers[_next].Arm(3_600_000);
        _next = _next == Timers - 1 ? 0 : _next + 1;
    }

    /// <summary>A turn of the loop in which one timer fires, cascades included.</summary>
    [Benchmark]
    public void ArmAndFire()
    {
        _one.Arm(1);
        _time.NowUs += 1_000;
        _loop.RunTurn(0);
    }

    private sealed class VirtualTime : ILoopClock
    {
        public long NowUs { get; set; } = 1_000_000;

        public DateTimeOffset UtcNow => DateTimeOffset.UnixEpoch;
    }

    private sealed class NoPoller : IPoller
    {
        public bool NeedsRearm => false;

        public void Add(int socket, uint generation, PollMode mode)
        {
        }

        public void Remove(int socket)
        {
        }

        public void Rearm(int socket, Readiness interest)
        {
        }

        public int Wait(Span<PollEvent> events, int timeoutMs) => 0;

        public void Wake()
        {
        }

        public void Dispose()
        {
        }
    }
}
