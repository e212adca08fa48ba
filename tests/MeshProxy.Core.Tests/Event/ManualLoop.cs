using MeshProxy.Core.Event;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.Event;

/// <summary>A loop without sockets, turned by hand under virtual time; its poller delivers the events that a test puts in.</summary>
internal sealed class ManualLoop
{
    public ManualLoop(int busyTurnIntervalUs = 0)
    {
        Loop = new EventLoop(new EventLoopOptions
        {
            Index = 0,
            Name = "manual",
            Poller = Poller,
            Sockets = new LinuxSocketOps(),
            Clock = Clock,
            BusyTurnIntervalUs = busyTurnIntervalUs,
        });
    }

    public VirtualClock Clock { get; } = new();

    public ScriptedPoller Poller { get; } = new();

    public EventLoop Loop { get; }

    public void Turn(long advanceMs = 0)
    {
        Clock.AdvanceUs(advanceMs * 1000);
        Loop.RunTurn(0);
    }

    internal sealed class ScriptedPoller : IPoller
    {
        public Queue<PollEvent> Next { get; } = new();

        public int LastTimeoutMs { get; private set; }

        public int Wakes { get; private set; }

        public List<int> PausesUs { get; } = [];

        public Action? OnWait { get; set; }

        public bool NeedsRearm => false;

        public bool CanPause => true;

        public void Pause(int microseconds) => PausesUs.Add(microseconds);

        public void Add(int socket, uint generation, PollMode mode)
        {
        }

        public void Remove(int socket)
        {
        }

        public void Rearm(int socket, Readiness interest)
        {
        }

        public int Wait(Span<PollEvent> events, int timeoutMs)
        {
            LastTimeoutMs = timeoutMs;
            OnWait?.Invoke();
            var count = 0;
            while (Next.TryDequeue(out var polled))
            {
                events[count++] = polled;
            }

            return count;
        }

        public void Wake() => Wakes++;

        public void Dispose()
        {
        }
    }
}

internal sealed class ActionItem(Action action) : ILoopItem
{
    public void Run() => action();
}

internal sealed class ActionHandler(Action<Readiness> action) : ISocketHandler
{
    public List<Exception> Faults { get; } = [];

    public void OnReady(Readiness readiness) => action(readiness);

    public void OnFault(Exception exception) => Faults.Add(exception);
}
