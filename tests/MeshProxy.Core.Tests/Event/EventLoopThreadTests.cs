using System.Diagnostics;
using MeshProxy.Core.Event;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Event;

public class EventLoopThreadTests
{
    public static TheoryData<EventLoopKind> Kinds => LoopKinds.Data;

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Post_FromManyThreads_KeepsEachThreadsOrder(EventLoopKind kind)
    {
        const int Threads = 8;
        const int Messages = 5_000;
        await using var thread = new LoopThread(kind);
        var seen = new List<(int Thread, int Number)>();
        var posters = Enumerable.Range(0, Threads).Select(t => new Thread(() =>
        {
            for (var i = 0; i < Messages; i++)
            {
                thread.Loop.Post(m => seen.Add(((int, int))m!), (t, i));
            }
        })).ToList();
        posters.ForEach(p => p.Start());
        posters.ForEach(p => p.Join());
        var all = await thread.RunAsync(() => seen.ToArray());
        all.Length.ShouldBe(Threads * Messages);
        for (var t = 0; t < Threads; t++)
        {
            all.Where(m => m.Thread == t).Select(m => m.Number).ShouldBe(Enumerable.Range(0, Messages));
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Await_OfAPoolTask_ComesBackToItsLoop(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        var after = new TaskCompletionSource<EventLoop?>(TaskCreationOptions.RunContinuationsAsynchronously);
        thread.Loop.Post(_ => WorkAsync(), null);
        (await after.Task.WaitAsync(Waiting.Patience)).ShouldBe(thread.Loop);

        async void WorkAsync()
        {
            await Task.Run(() => { });
            await Task.Yield();
            after.SetResult(EventLoop.Current);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Fault_InAMessage_DoesNotEndTheLoop(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        thread.Loop.Post(_ => throw new InvalidOperationException("a user's mistake"), null);
        (await thread.RunAsync(() => thread.Loop.Faults)).ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Timer_OnARealLoop_FiresNotEarly(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        var fired = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        await thread.RunAsync(() =>
        {
            var armedUs = thread.Loop.NowUs;
            new LoopTimer(thread.Loop, _ => fired.SetResult(thread.Loop.NowUs - armedUs)).Arm(20);
        });
        (await fired.Task.WaitAsync(Waiting.Patience)).ShouldBeGreaterThanOrEqualTo(20_000);
        (await thread.RunAsync(() => thread.Loop.ArmedTimers)).ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task TimeProvider_TimersFromInsideAndOutside_FireOnTheLoop(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        var time = new LoopTimeProvider(thread.Loop);
        var outside = new TaskCompletionSource<EventLoop?>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var timer = time.CreateTimer(_ => outside.TrySetResult(EventLoop.Current), null, TimeSpan.FromMilliseconds(1), Timeout.InfiniteTimeSpan);
        (await outside.Task.WaitAsync(Waiting.Patience)).ShouldBe(thread.Loop);

        var inside = new TaskCompletionSource<EventLoop?>(TaskCreationOptions.RunContinuationsAsynchronously);
        thread.Loop.Post(_ => WorkAsync(), null);
        (await inside.Task.WaitAsync(Waiting.Patience)).ShouldBe(thread.Loop);

        async void WorkAsync()
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), time);
            inside.SetResult(EventLoop.Current);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Stop_WhileThreadsPost_RunsExactlyWhatWasAccepted(EventLoopKind kind)
    {
        var thread = new LoopThread(kind);
        var accepted = 0;
        var ran = 0;
        var posters = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            while (thread.Loop.Post(_ => ran++, null))
            {
                Interlocked.Increment(ref accepted);
            }
        })).ToList();
        posters.ForEach(p => p.Start());
        await thread.DisposeAsync();
        posters.ForEach(p => p.Join());
        ran.ShouldBe(accepted);
    }

    /// <summary>No more than a lower bound: nothing can be said of how late a thread is woken.</summary>
    [SkippableFact]
    public void Pause_OfEpoll_Waits()
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Linux only");
        using var poller = new EpollPoller();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < 20; i++)
        {
            poller.Pause(1000);
        }

        Stopwatch.GetElapsedTime(start).ShouldBeGreaterThan(TimeSpan.FromMilliseconds(10));
    }
}

internal static class LoopKinds
{
    /// <summary>The loops that this machine can run: tests of sockets run on each.</summary>
    public static EventLoopKind[] All => OperatingSystem.IsLinux() ? [EventLoopKind.Epoll, EventLoopKind.Sockets] : [EventLoopKind.Sockets];

    public static TheoryData<EventLoopKind> Data => [.. All];
}
