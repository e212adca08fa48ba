using System.Diagnostics;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Event;

/// <summary>
/// One thread's event loop: sockets, timers, a ready queue and messages from other threads. All that it owns (connections,
/// streams, buffers) is touched by its thread alone, so nothing here takes a lock but <see cref="Post"/>.
/// </summary>
/// <remarks>
/// A turn: wait for events (after a pause, if <see cref="TurnPacer"/> finds one worth while); read the clock; socket events; timers that are due; messages; the ready queue as it stood when its
/// phase began; the items of <see cref="RunAtTurnEnd"/>. After each single callback of these the items of <see cref="RunAfterCallback"/>
/// run. An exception that leaves a callback is counted and logged, and the turn goes on.
/// A loop that was never started on a thread of its own is driven by hand (<see cref="RunTurn"/>): simulations do that.
/// </remarks>
public sealed class EventLoop
{
    /// <summary>A shorter pause is not worth its system call.</summary>
    private const int MinPauseUs = 5;

    [ThreadStatic]
    private static EventLoop? t_current;

    private readonly EventLoopOptions _options;
    private readonly ILoopClock _clock;
    private readonly ILogger _logger;
    private readonly LoopSynchronizationContext _synchronization;
    private readonly PostQueue _posted;
    private readonly TurnPacer? _pacer;
    private readonly PollEvent[] _events;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SocketRegistrations _registrations = new();
    private ItemRing _ready = new(64);
    private ItemRing _afterCallback = new(16);
    private ItemRing _turnEnd = new(16);
    private LoopWallClock _wallClock;
    private ExecutionContext? _context;
    private Thread? _thread;
    private long _nowUs;
    private long _busySinceUs;
    private volatile bool _stopping;
    private bool _inTurn;

    internal EventLoop(EventLoopOptions options)
    {
        _options = options;
        _clock = options.Clock;
        _logger = options.Logger;
        _synchronization = new LoopSynchronizationContext(this);
        _events = new PollEvent[options.MaxEventsPerTurn];
        _wallClock = new LoopWallClock(_clock);
        _nowUs = _clock.NowUs;
        Poller = options.Poller;
        _pacer = options.BusyTurnIntervalUs > 0 && Poller.CanPause ? new TurnPacer(options.BusyTurnIntervalUs) : null;
        _posted = new PostQueue(Poller);
        Sockets = options.Sockets;
        Slabs = new SlabPool(options.MaxRetainedSlabBytes);
        Timers = new TimingWheel(_nowUs / 1000);
    }

    /// <summary>The loop whose callback runs on this thread, or null.</summary>
    public static EventLoop? Current => t_current;

    /// <summary>The worker's number, from 0; -1 for the control loop.</summary>
    public int Index => _options.Index;

    /// <summary>The name of the loop and of its thread.</summary>
    public string Name => _options.Name;

    /// <summary>Whether the caller may touch what the loop owns: it is on the loop's thread, or the loop is driven by hand and stands still.</summary>
    public bool IsCurrent => ReferenceEquals(t_current, this) || (_thread is null && !_inTurn);

    /// <summary>Slabs of this loop's thread.</summary>
    public SlabPool Slabs { get; }

    internal ISocketOps Sockets { get; }

    /// <summary>The socket calls for an address: the operating system's, or those inside this process.</summary>
    /// <remarks>Watch and close its sockets through what is returned (<see cref="ISocketOps.Register"/>), not through the loop.</remarks>
    internal ISocketOps SocketsFor(NetworkAddress address) =>
        address is InternalAddress && MemorySockets is { } memory ? memory : Sockets;

    /// <summary>The sockets inside this process; null where there is no such network. Set before the loop is started.</summary>
    internal ISocketOps? MemorySockets { get; set; }

    internal IPoller Poller { get; }

    internal TimingWheel Timers { get; }

    internal SynchronizationContext SynchronizationContext => _synchronization;

    internal ILoopClock Clock => _clock;

    /// <summary>Monotonic milliseconds, read once a turn.</summary>
    public long NowMs => _nowUs / 1000;

    /// <summary>Monotonic microseconds, read once a turn.</summary>
    public long NowUs => _nowUs;

    /// <summary>The wall clock at the turn's start. A step of the system's clock shows within a second. Loop thread only.</summary>
    public DateTimeOffset UtcNow => _wallClock.UtcNow(_nowUs);

    /// <summary>The 29 bytes of an HTTP <c>date</c> header's value for <see cref="UtcNow"/> (RFC 9110 section 5.6.7). Loop thread only; valid until the turn's end.</summary>
    public ReadOnlySpan<byte> HttpDate => _wallClock.HttpDate(_nowUs);

    /// <summary>The number of the present turn.</summary>
    public long Turn { get; private set; }

    /// <summary>Timers that are armed. Zero when nothing lives on the loop.</summary>
    public int ArmedTimers => Timers.Count;

    /// <summary>Sockets that are being watched.</summary>
    public int RegisteredSockets => _registrations.Count;

    /// <summary>Exceptions of callbacks that the loop has caught.</summary>
    public long Faults { get; private set; }

    /// <summary>Since when the turn under way has been running, by the clock's microseconds; 0 while the loop waits for events. From any thread.</summary>
    internal long BusySinceUs => Volatile.Read(ref _busySinceUs);

    /// <summary>Whether a turn would do something without any event: items, messages or timers without delay wait.</summary>
    internal bool HasPendingWork => _ready.Count > 0 || _afterCallback.Count > 0 || _turnEnd.Count > 0 || _posted.HasMessages || Timers.HasImmediate;

    /// <summary>Completes when the loop's thread has ended.</summary>
    internal Task Completion => _stopped.Task;

    /// <summary>Runs a callback on this loop, after those posted before it. From any thread. False if the loop has stopped.</summary>
    public bool Post(Action<object?> callback, object? state)
    {
        ArgumentNullException.ThrowIfNull(callback);
        return PostMessage(callback, state);
    }

    /// <summary>Starts the loop's thread.</summary>
    /// <exception cref="InvalidOperationException">It was started before, or has been stopped.</exception>
    internal void Start()
    {
        if (_thread is not null || _stopping)
        {
            throw new InvalidOperationException($"loop {Name} was started or stopped before");
        }

        _thread = new Thread(static state => ((EventLoop)state!).RunThread()) { Name = Name, IsBackground = true };
        _thread.UnsafeStart(this);
    }

    /// <summary>Ends the loop after its present turn and the messages accepted so far. From any thread. Completes when the thread has ended.</summary>
    internal Task StopAsync()
    {
        _stopping = true;
        if (_thread is not null)
        {
            // A message wakes the poller only while there is one.
            Post(static _ => { }, null);
        }
        else if (!_stopped.Task.IsCompleted)
        {
            var outer = Enter(out var outerContext);
            Shutdown();
            Leave(outer, outerContext);
        }

        return _stopped.Task;
    }

    /// <summary>One turn by hand. Returns whether anything ran.</summary>
    /// <param name="maxWaitMs">Waits for events at most this long; negative: until something happens.</param>
    internal bool RunTurn(int maxWaitMs)
    {
        Debug.Assert(_thread is null, "the loop has a thread of its own");
        var outer = Enter(out var outerContext);
        try
        {
            return TurnOnce(maxWaitMs);
        }
        finally
        {
            Leave(outer, outerContext);
        }
    }

    /// <summary>Runs a callback at once as if it were one of a turn. For loops driven by hand.</summary>
    internal void RunCallback(Action<object?> callback, object? state)
    {
        Debug.Assert(_thread is null, "the loop has a thread of its own");
        var outer = Enter(out var outerContext);
        try
        {
            RunMessage(new PostedMessage { Callback = callback, State = state });
        }
        finally
        {
            Leave(outer, outerContext);
        }
    }

    /// <summary>Queues an item for the next turn. Loop thread only. The caller sees to it that an item is queued at most once.</summary>
    internal void Enqueue(ILoopItem item)
    {
        Debug.Assert(IsCurrent, "the ready queue belongs to the loop's thread");
        _ready.Enqueue(item);
    }

    /// <summary>Runs an item as soon as the present callback (socket event, timer, ready item, message) has returned. Loop thread only.</summary>
    internal void RunAfterCallback(ILoopItem item)
    {
        Debug.Assert(IsCurrent, "the flush list belongs to the loop's thread");
        _afterCallback.Enqueue(item);
    }

    /// <summary>
    /// Runs an item at the end of the present turn: what many callbacks of a turn add to, such as the output of a connection with many
    /// streams, then leaves in one piece. What is added while the items run waits for the end of the next turn, which follows at once.
    /// Loop thread only.
    /// </summary>
    internal void RunAtTurnEnd(ILoopItem item)
    {
        Debug.Assert(IsCurrent, "the list belongs to the loop's thread");
        _turnEnd.Enqueue(item);
    }

    /// <summary>Counts messages of multiplexed connections that the present turn has found: see <see cref="TurnPacer"/>. Loop thread only.</summary>
    internal void CountMessages(int messages) => _pacer?.Count(messages);

    /// <summary>Starts to watch a socket. Returns the registration's generation. Register a connecting socket after Connect was called.</summary>
    internal uint Register(int socket, ISocketHandler handler, PollMode mode)
    {
        Debug.Assert(IsCurrent, "sockets belong to the loop's thread");
        var generation = _registrations.NextGeneration();
        Poller.Add(socket, generation, mode);
        _registrations.Add(socket, generation, handler);
        return generation;
    }

    /// <summary>Stops watching a socket that stays open; events of it that this turn has yet to deliver are dropped. Does nothing if it is not registered.</summary>
    internal void Unregister(int socket)
    {
        if (Forget(socket))
        {
            Poller.Remove(socket);
        }
    }

    /// <summary>Stops watching a socket, if it is registered, and closes it, without a system call to unregister it where the close does that.</summary>
    internal void CloseSocket(int socket)
    {
        if (Forget(socket) && !Poller.CloseRemoves)
        {
            Poller.Remove(socket);
        }

        Sockets.Close(socket);
    }

    /// <summary>Counts and logs a fault of user code that the loop caught. Never throws.</summary>
    internal void ReportFault(Exception exception, string where)
    {
        Faults++;
        try
        {
            _options.Stats?.Fault(Index);
            EventLoopLog.Fault(_logger, Index, where, exception);
        }
        catch (Exception)
        {
            // A logger that throws must not end the worker; the count above stands.
        }
    }

    internal bool PostMessage(Delegate callback, object? state) =>
        _posted.TryPost(callback, state, fromOutside: !ReferenceEquals(t_current, this));

    internal void ThrowIfNotCurrent()
    {
        if (!IsCurrent)
        {
            ThrowNotCurrent();
        }
    }

    private static void ThrowNotCurrent() =>
        throw new InvalidOperationException("this belongs to an event loop and was touched from outside its thread: use EventLoop.Post");

    private bool Forget(int socket)
    {
        Debug.Assert(IsCurrent, "sockets belong to the loop's thread");
        return _registrations.Remove(socket);
    }

    private void RunThread()
    {
        t_current = this;
        SynchronizationContext.SetSynchronizationContext(_synchronization);
        _context = ExecutionContext.Capture();
        while (!_stopping)
        {
            TurnOnce(-1);
        }

        Shutdown();
        t_current = null;
    }

    /// <summary>Runs the messages that were accepted, and refuses the next ones.</summary>
    private void Shutdown()
    {
        _posted.Close();
        while (_posted.HasMessages)
        {
            RunMessages();
        }

        Volatile.Write(ref _busySinceUs, 0);
        Poller.Dispose();
        _stopped.TrySetResult();
    }

    private (EventLoop? Loop, SynchronizationContext? Synchronization) Enter(out ExecutionContext? outerContext)
    {
        var outer = (t_current, SynchronizationContext.Current);
        t_current = this;
        _inTurn = true;
        SynchronizationContext.SetSynchronizationContext(_synchronization);
        outerContext = _context;
        _context = ExecutionContext.Capture();
        return outer;
    }

    private void Leave((EventLoop? Loop, SynchronizationContext? Synchronization) outer, ExecutionContext? outerContext)
    {
        Volatile.Write(ref _busySinceUs, 0);
        _context = outerContext;
        SynchronizationContext.SetSynchronizationContext(outer.Synchronization);
        t_current = outer.Loop;
        _inTurn = false;
    }

    private bool TurnOnce(int maxWaitMs)
    {
        RunAfterCallbacks();
        var timeout = NextTimeoutMs();
        if (maxWaitMs >= 0 && (timeout < 0 || timeout > maxWaitMs))
        {
            timeout = maxWaitMs;
        }

        Volatile.Write(ref _busySinceUs, 0);
        if (timeout != 0 && _pacer is { IsPacing: true } pacer && pacer.PauseUs(_nowUs, _clock.NowUs) is >= MinPauseUs and var pauseUs)
        {
            Poller.Pause(pauseUs);
        }

        var count = Poll(timeout);
        var now = _clock.NowUs;
        _nowUs = now;
        Volatile.Write(ref _busySinceUs, now);
        Turn++;
        for (var i = 0; i < count; i++)
        {
            ref var polled = ref _events[i];
            DispatchEvent(polled.Socket, polled.Generation, polled.Readiness);
        }

        var ran = count > 0;
        ran |= RunTimers();
        ran |= _posted.HasMessages && RunMessages();
        ran |= RunAll(ref _ready);
        ran |= RunAll(ref _turnEnd);
        _pacer?.OnTurnEnd(now);
        return ran;
    }

    private int NextTimeoutMs()
    {
        if (HasPendingWork)
        {
            return 0;
        }

        if (!Timers.TryGetNextTick(out var tick))
        {
            return -1;
        }

        // The clock is read again, for what the turn took must not be added to the wait.
        var waitUs = (tick * 1000) - _clock.NowUs;
        return waitUs <= 0 ? 0 : (int)Math.Min((waitUs + 999) / 1000, int.MaxValue);
    }

    private int Poll(int timeoutMs)
    {
        try
        {
            return Poller.Wait(_events, timeoutMs);
        }
        catch (Exception exception)
        {
            ReportFault(exception, "the poller");
            return 0;
        }
    }

    private void DispatchEvent(int socket, uint generation, Readiness readiness)
    {
        // A handler that ran before in this batch may have closed the socket, and a new one may have got its number.
        if (_registrations.Find(socket, generation) is not { } handler)
        {
            return;
        }

        try
        {
            handler.OnReady(readiness);
        }
        catch (Exception exception)
        {
            ReportFault(exception, "a socket's handler");
            NotifyFault(handler, exception);
        }

        AfterCallback();
    }

    private void NotifyFault(ISocketHandler handler, Exception fault)
    {
        try
        {
            handler.OnFault(fault);
        }
        catch (Exception exception)
        {
            ReportFault(exception, "a socket's fault handler");
        }
    }

    private bool RunTimers()
    {
        var now = NowMs;
        Timers.BeginPhase();
        var ran = false;
        while (Timers.PopDue(now) is { } timer)
        {
            ran = true;
            try
            {
                timer.Fire();
            }
            catch (Exception exception)
            {
                ReportFault(exception, "a timer");
            }

            AfterCallback();
        }

        return ran;
    }

    private bool RunMessages()
    {
        var batch = _posted.TakeAll();
        for (var i = 0; i < batch.Length; i++)
        {
            var message = batch[i];
            batch[i] = default;
            RunMessage(message);
        }

        return batch.Length > 0;
    }

    private void RunMessage(PostedMessage message)
    {
        try
        {
            if (message.Callback is Action<object?> action)
            {
                action(message.State);
            }
            else
            {
                ((SendOrPostCallback)message.Callback)(message.State);
            }
        }
        catch (Exception exception)
        {
            ReportFault(exception, "a posted callback");
        }

        AfterCallback();
    }

    /// <summary>Runs a queue as it stands.</summary>
    private bool RunAll(ref ItemRing queue)
    {
        var count = queue.Count;
        for (var i = 0; i < count; i++)
        {
            RunItem(queue.Dequeue());
            AfterCallback();
        }

        return count > 0;
    }

    private void RunItem(ILoopItem item)
    {
        try
        {
            item.Run();
        }
        catch (Exception exception)
        {
            ReportFault(exception, "a queued item");
        }
    }

    private void AfterCallback()
    {
        RunAfterCallbacks();

        // An AsyncLocal that a callback has set must not show in the next one.
        var context = ExecutionContext.Capture();
        if (!ReferenceEquals(context, _context) && _context is not null)
        {
            ExecutionContext.Restore(_context);
        }
    }

    private void RunAfterCallbacks()
    {
        while (_afterCallback.Count > 0)
        {
            RunItem(_afterCallback.Dequeue());
        }
    }
}
