using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.Event;

/// <summary>Gets the readiness of a socket that it registered.</summary>
internal interface ISocketHandler
{
    void OnReady(Readiness readiness);

    /// <summary>The loop caught an exception that <see cref="OnReady"/> let out: close what it belongs to.</summary>
    void OnFault(Exception exception)
    {
    }
}

/// <summary>Something that a loop runs once: an item of the ready queue or of the flush list. It is its own queue node, so queueing allocates nothing.</summary>
internal interface ILoopItem
{
    void Run();
}

/// <summary>
/// One thread's event loop: sockets, timers, a ready queue and messages from other threads. All that it owns (connections,
/// streams, buffers) is touched by its thread alone, so nothing here takes a lock but <see cref="Post"/>.
/// </summary>
public sealed class EventLoop
{
    /// <summary>The loop whose thread this is, or null.</summary>
    public static EventLoop? Current => throw new NotSupportedException();

    /// <summary>The worker's number, from 0; -1 for the control loop.</summary>
    public int Index => throw new NotSupportedException();

    public bool IsCurrent => throw new NotSupportedException();

    /// <summary>Slabs of this loop's thread.</summary>
    public SlabPool Slabs => throw new NotSupportedException();

    internal ISocketOps Sockets => throw new NotSupportedException();

    /// <summary>The socket calls for an address: the operating system's, or those inside this process.</summary>
    internal ISocketOps SocketsFor(MeshProxy.Core.Network.NetworkAddress address) => throw new NotSupportedException();

    internal IPoller Poller => throw new NotSupportedException();

    /// <summary>Monotonic milliseconds, read once a turn.</summary>
    public long NowMs => throw new NotSupportedException();

    /// <summary>Monotonic microseconds, read once a turn.</summary>
    public long NowUs => throw new NotSupportedException();

    /// <summary>Wall clock, read once a turn.</summary>
    public DateTimeOffset UtcNow => throw new NotSupportedException();

    /// <summary>The number of the present turn.</summary>
    public long Turn => throw new NotSupportedException();

    /// <summary>Runs a callback on this loop, after those posted before it. From any thread. False if the loop has stopped.</summary>
    public bool Post(Action<object?> callback, object? state) => throw new NotSupportedException();

    /// <summary>Queues an item for the next turn. Loop thread only. The caller sees to it that an item is queued at most once.</summary>
    internal void Enqueue(ILoopItem item) => throw new NotSupportedException();

    /// <summary>Runs an item as soon as the present callback (socket event, timer, ready item, message) has returned. Loop thread only.</summary>
    internal void RunAfterCallback(ILoopItem item) => throw new NotSupportedException();

    /// <summary>Starts to watch a socket. Returns the registration's generation.</summary>
    internal uint Register(int socket, ISocketHandler handler, PollMode mode) => throw new NotSupportedException();

    internal void Unregister(int socket) => throw new NotSupportedException();

    /// <summary>Counts and logs a fault of user code that the loop caught. Never throws.</summary>
    internal void ReportFault(Exception exception, string where) => throw new NotSupportedException();
}

/// <summary>A one-shot timer on a loop's timing wheel (1 ms ticks). Embed it, arm it, cancel it: no allocation after construction.</summary>
/// <remarks>Loop thread only. Derive and override <see cref="OnElapsed"/>, or pass a callback.</remarks>
public class LoopTimer
{
    /// <param name="callback">A static lambda, with its state.</param>
    public LoopTimer(EventLoop loop, Action<object?>? callback = null, object? state = null) => throw new NotSupportedException();

    public bool IsArmed => throw new NotSupportedException();

    /// <summary>Fires once after this many milliseconds, counted from the turn's clock; arming an armed timer moves it.</summary>
    public void Arm(long delayMs) => throw new NotSupportedException();

    public void Cancel() => throw new NotSupportedException();

    protected virtual void OnElapsed() => throw new NotSupportedException();
}
