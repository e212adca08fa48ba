using MeshProxy.Http.Grpc;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.Grpc;

public sealed class GrpcReconnectTests
{
    /// <summary>Always the whole interval.</summary>
    private sealed class Longest : Random
    {
        public override double NextDouble() => 1;
    }

    private readonly SimulatedLoop _loop = SimulatedLoop.Create();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<long> _begun = [];

    private Task Run(GrpcReconnect reconnect, Func<int, Task>? session = null) => _loop.Run(() => reconnect.RunAsync(
        async _ =>
        {
            _loop.Loop.IsCurrent.ShouldBeTrue();
            _begun.Add(_loop.Loop.NowMs);
            await (session?.Invoke(_begun.Count) ?? Task.CompletedTask);
        },
        _stop.Token));

    private long[] Waits() => [.. _begun.Zip(_begun.Skip(1), static (a, b) => b - a)];

    [Fact]
    public void Sessions_ThatEndAtOnce_AreBegunAfterDoublingIntervals()
    {
        var run = Run(new GrpcReconnect(_loop.Loop, random: new Longest()));
        _loop.Network.Advance(TimeSpan.FromMinutes(3));

        Waits()[..8].ShouldBe([500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
        run.IsCompleted.ShouldBeFalse();
        Stop(run);
    }

    [Fact]
    public void Sessions_ThatHaveWorked_BeginAnewWithTheFirstInterval()
    {
        GrpcReconnect reconnect = null!;
        reconnect = new GrpcReconnect(_loop.Loop, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10), new Longest());
        var run = Run(reconnect, count =>
        {
            if (count == 4)
            {
                reconnect.OnWorking();
            }

            return Task.CompletedTask;
        });
        _loop.Network.Advance(TimeSpan.FromSeconds(11));

        Waits().ShouldBe([1000, 2000, 4000, 1000, 2000]);
        Stop(run);
    }

    [Fact]
    public void Sessions_ThatThrow_AreFollowedByOthers()
    {
        var run = Run(new GrpcReconnect(_loop.Loop, random: new Longest()), static _ => throw new InvalidOperationException("no"));
        _loop.Network.Advance(TimeSpan.FromSeconds(4));

        _begun.Count.ShouldBe(4);
        Stop(run);
    }

    [Fact]
    public void Waits_AtRandom_StayBelowTheirInterval()
    {
        var run = Run(new GrpcReconnect(_loop.Loop, random: new Random(5)));
        _loop.Network.Advance(TimeSpan.FromMinutes(5));

        var waits = Waits();
        for (var i = 0; i < waits.Length; i++)
        {
            waits[i].ShouldBeInRange(1, Math.Min(30_000, 500L << Math.Min(i, 10)) + 1);
        }

        waits.Distinct().Count().ShouldBeGreaterThan(5);
        Stop(run);
    }

    private void Stop(Task run)
    {
        _loop.Run(_stop.Cancel);
        _loop.Network.RunUntilIdle();
        run.IsCanceled.ShouldBeTrue();
        _loop.Loop.ArmedTimers.ShouldBe(0);
        _stop.Dispose();
    }
}
