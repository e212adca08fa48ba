using System.Text;
using MeshProxy.Core.Event;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Event;

public class EventLoopTests
{
    private static readonly AsyncLocal<string?> Ambient = new();

    private readonly ManualLoop _manual = new();

    private EventLoop Loop => _manual.Loop;

    [Fact]
    public void ReadyQueue_ItemQueuedByAnItem_WaitsForTheNextTurn()
    {
        var ran = new List<string>();
        Loop.Enqueue(new ActionItem(() =>
        {
            ran.Add("first");
            Loop.Enqueue(new ActionItem(() => ran.Add("next turn")));
        }));
        Loop.Enqueue(new ActionItem(() => ran.Add("second")));
        _manual.Turn();
        ran.ShouldBe(["first", "second"]);
        Loop.RunTurn(-1);
        _manual.Poller.LastTimeoutMs.ShouldBe(0, "an item waits");
        ran.ShouldBe(["first", "second", "next turn"]);
    }

    [Fact]
    public void Turn_AllKindsOfWork_RunsEventsTimersMessagesThenReady()
    {
        var ran = new List<string>();
        var generation = Loop.Register(5, new ActionHandler(_ => Note("event")), PollMode.Edge);
        new LoopTimer(Loop, _ => Note("timer")).Arm(1);
        Loop.Enqueue(new ActionItem(() => Note("ready")));
        Loop.Post(_ => Note("message"), null);
        _manual.Poller.Next.Enqueue(new PollEvent { Socket = 5, Generation = generation, Readiness = Readiness.Readable });
        _manual.Turn(1);
        ran.ShouldBe(["event", "after event", "timer", "after timer", "message", "after message", "ready", "after ready"]);

        void Note(string what)
        {
            ran.Add(what);
            Loop.RunAfterCallback(new ActionItem(() => ran.Add("after " + what)));
        }
    }

    [Fact]
    public void RunAfterCallback_FromAFlushedItem_RunsBeforeTheNextCallback()
    {
        var ran = new List<int>();
        Loop.Enqueue(new ActionItem(() => Loop.RunAfterCallback(new ActionItem(() =>
        {
            ran.Add(1);
            Loop.RunAfterCallback(new ActionItem(() => ran.Add(2)));
        }))));
        Loop.Enqueue(new ActionItem(() => ran.Add(3)));
        _manual.Turn();
        ran.ShouldBe([1, 2, 3]);
    }

    [Fact]
    public void RunAtTurnEnd_RunsAfterAllCallbacks_AndWhatItAddsAtTheNextEnd()
    {
        var ran = new List<int>();
        Loop.Enqueue(new ActionItem(() => Loop.RunAtTurnEnd(new ActionItem(() =>
        {
            ran.Add(3);
            Loop.RunAfterCallback(new ActionItem(() => ran.Add(4)));
            Loop.RunAtTurnEnd(new ActionItem(() => ran.Add(5)));
        }))));
        Loop.Enqueue(new ActionItem(() => Loop.RunAfterCallback(new ActionItem(() => ran.Add(1)))));
        Loop.Enqueue(new ActionItem(() => ran.Add(2)));
        _manual.Turn();
        ran.ShouldBe([1, 2, 3, 4]);
        Loop.HasPendingWork.ShouldBeTrue();
        _manual.Turn();
        ran.ShouldBe([1, 2, 3, 4, 5]);
        Loop.HasPendingWork.ShouldBeFalse();
    }

    [Fact]
    public void Event_OfASocketClosedInTheSameBatch_DoesNotReachItsSuccessor()
    {
        var successor = new List<Readiness>();
        var old = Loop.Register(7, new ActionHandler(_ => { }), PollMode.Edge);
        var first = Loop.Register(6, new ActionHandler(_ =>
        {
            Loop.Unregister(7);
            Loop.Register(7, new ActionHandler(successor.Add), PollMode.Edge);
        }), PollMode.Edge);
        _manual.Poller.Next.Enqueue(new PollEvent { Socket = 6, Generation = first, Readiness = Readiness.Readable });
        _manual.Poller.Next.Enqueue(new PollEvent { Socket = 7, Generation = old, Readiness = Readiness.Error });
        _manual.Turn();
        successor.ShouldBeEmpty();
        Loop.RegisteredSockets.ShouldBe(2);
    }

    [Fact]
    public void Fault_InAnyCallback_IsCountedAndTheTurnGoesOn()
    {
        var handler = new ActionHandler(_ => throw new InvalidOperationException("handler"));
        var generation = Loop.Register(3, handler, PollMode.Edge);
        var ran = false;
        new LoopTimer(Loop, _ => throw new InvalidOperationException("timer")).Arm(0);
        Loop.Post(_ => throw new InvalidOperationException("message"), null);
        Loop.Enqueue(new ActionItem(() => throw new InvalidOperationException("item")));
        Loop.Enqueue(new ActionItem(() => ran = true));
        _manual.Poller.Next.Enqueue(new PollEvent { Socket = 3, Generation = generation, Readiness = Readiness.Readable });
        _manual.Turn();
        ran.ShouldBeTrue();
        Loop.Faults.ShouldBe(4);
        handler.Faults.ShouldHaveSingleItem().Message.ShouldBe("handler");
    }

    [Fact]
    public void Post_FromOutside_WakesOncePerBatch()
    {
        Loop.Post(_ => { }, null);
        Loop.Post(_ => { }, null);
        _manual.Poller.Wakes.ShouldBe(1);
        _manual.Turn();
        Loop.Post(_ => { }, null);
        _manual.Poller.Wakes.ShouldBe(2);
    }

    [Fact]
    public void Post_FromTheLoopItself_RunsInTheNextTurnWithoutWake()
    {
        var ran = 0;
        Loop.RunCallback(_ => Loop.Post(_ => Loop.Post(_ => ran++, null), null), null);
        _manual.Poller.Wakes.ShouldBe(0);
        _manual.Turn();
        ran.ShouldBe(0);
        _manual.Turn();
        ran.ShouldBe(1);
    }

    [Fact]
    public void AsyncLocal_SetByACallback_DoesNotShowInTheNext()
    {
        string? seen = "not run";
        Loop.Post(_ => Ambient.Value = "leak", null);
        Loop.Post(_ => seen = Ambient.Value, null);
        _manual.Turn();
        seen.ShouldBeNull();
    }

    [Fact]
    public void Current_OutsideOfACallback_IsNull()
    {
        EventLoop? inside = null;
        Loop.RunCallback(_ => inside = EventLoop.Current, null);
        inside.ShouldBe(Loop);
        EventLoop.Current.ShouldBeNull();
    }

    [Fact]
    public void HttpDate_AsTimePasses_FollowsTheWallClock()
    {
        Encoding.ASCII.GetString(Loop.HttpDate).ShouldBe("Tue, 01 Jan 2030 00:00:00 GMT");
        _manual.Turn(999);
        Encoding.ASCII.GetString(Loop.HttpDate).ShouldBe("Tue, 01 Jan 2030 00:00:00 GMT");
        _manual.Turn(1);
        Encoding.ASCII.GetString(Loop.HttpDate).ShouldBe("Tue, 01 Jan 2030 00:00:01 GMT");
        Loop.UtcNow.ShouldBe(new DateTimeOffset(2030, 1, 1, 0, 0, 1, TimeSpan.Zero));
        _manual.Turn(86_400_000);
        Encoding.ASCII.GetString(Loop.HttpDate).ShouldBe("Wed, 02 Jan 2030 00:00:01 GMT");
    }

    [Fact]
    public async Task Stop_OfALoopDrivenByHand_RunsAcceptedMessagesAndRefusesMore()
    {
        var ran = false;
        Loop.Post(_ => ran = true, null);
        await Loop.StopAsync();
        ran.ShouldBeTrue();
        Loop.Post(_ => { }, null).ShouldBeFalse();
        await Loop.StopAsync();
    }

    [Fact]
    public void Turn_InSteadyState_AllocatesNothing()
    {
        LoopTimer timer = null!;
        timer = new LoopTimer(Loop, static _ => { });
        var item = new ActionItem(() => timer.Arm(1));
        Action<object?> message = _ => Loop.RunAfterCallback(item);
        for (var i = 0; i < 200; i++)
        {
            OneTurn();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1_000; i++)
        {
            OneTurn();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise);

        void OneTurn()
        {
            Loop.Post(message, null);
            Loop.Enqueue(item);
            _manual.Turn(1);
        }
    }

    [Fact]
    public void Turns_OfALoopBusyWithMessages_AreKeptApartWhenThatFindsMore()
    {
        var manual = new ManualLoop(busyTurnIntervalUs: 40);
        var poller = manual.Poller;
        manual.Loop.Post(_ => { }, null);
        for (var i = 0; i < 2000; i++)
        {
            // 20 us pass between two messages; a pause of a turn that took none of them brings two more.
            var pauses = poller.PausesUs.Count;
            poller.OnWait = () =>
            {
                manual.Clock.AdvanceUs(20);
                manual.Loop.CountMessages(poller.PausesUs.Count > pauses ? 3 : 1);
            };
            manual.Loop.RunTurn(5);
        }

        poller.PausesUs.Count.ShouldBeGreaterThan(1000);
        poller.PausesUs.ShouldAllBe(us => us == 40);
        var before = poller.PausesUs.Count;
        manual.Loop.Enqueue(new ActionItem(() => { }));
        manual.Loop.RunTurn(5);
        poller.PausesUs.Count.ShouldBe(before, "what is ready does not wait");
    }
}
