using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.TransportSockets.Memory;

/// <summary>One end of a connection inside the process, or a listen socket. It tells its handler itself what a poller would tell.</summary>
internal sealed class MemorySocket(MemoryNetwork network) : ILoopItem
{
    private static readonly Action<object?> s_run = static state => ((ILoopItem)state!).Run();

    private readonly Lock _acceptLock = new();
    private Queue<MemorySocket>? _acceptQueue;
    private ISocketHandler? _handler;
    private EventLoop? _loop;
    private Action<Readiness>? _watcher;
    private MemoryChannel? _incoming;
    private MemoryChannel? _outgoing;
    private MemorySocket? _peer;
    private PollMode _mode;
    private int _backlog;
    private int _pending;
    private int _queued;
    private bool _closed;

    /// <summary>The name that was bound or dialled.</summary>
    public InternalAddress? Address { get; private set; }

    /// <summary>The loop on which a listen socket was made; null off the loops.</summary>
    public EventLoop? Home { get; } = EventLoop.Current;

    public bool IsListening => Volatile.Read(ref _backlog) > 0;

    public bool ResetOnClose { get; set; }

    public SocketStatus Error => _incoming is { IsReset: true } ? SocketStatus.ConnectionReset : SocketStatus.Ok;

    public SocketStatus Bind(InternalAddress address)
    {
        if (!network.TryBind(address, this))
        {
            return SocketStatus.AddressInUse;
        }

        Address = address;
        return SocketStatus.Ok;
    }

    public SocketStatus Listen(int backlog)
    {
        _acceptQueue = new Queue<MemorySocket>();
        Volatile.Write(ref _backlog, Math.Max(1, backlog));
        return SocketStatus.Ok;
    }

    /// <summary>Connects to a listener: the other end waits there to be accepted, and bytes may flow at once.</summary>
    public SocketStatus Connect(InternalAddress address)
    {
        Address = address;
        if (network.FindListener(address, EventLoop.Current) is not { } listener)
        {
            return SocketStatus.ConnectionRefused;
        }

        var server = new MemorySocket(network) { Address = address, _peer = this };
        _peer = server;
        server._incoming = _outgoing = new MemoryChannel();
        _incoming = server._outgoing = new MemoryChannel();
        return listener.Offer(server) ? SocketStatus.Ok : SocketStatus.ConnectionRefused;
    }

    public MemorySocket? Accept()
    {
        lock (_acceptLock)
        {
            return _acceptQueue is { Count: > 0 } queue ? queue.Dequeue() : null;
        }
    }

    public int Receive(Span<byte> into, out SocketStatus status)
    {
        var count = _incoming!.Read(into, out var wakeWriter);
        status = count >= 0 ? SocketStatus.Ok : _incoming.IsReset ? SocketStatus.ConnectionReset : SocketStatus.WouldBlock;
        if (wakeWriter)
        {
            _peer!.Notify(Readiness.Writable);
        }

        return count;
    }

    public int Send(ReadOnlySpan<byte> bytes, out SocketStatus status)
    {
        var count = _outgoing!.Write(bytes);
        if (count > 0)
        {
            _peer!.Notify(Readiness.Readable);
        }

        if (count == 0 && !bytes.IsEmpty)
        {
            status = SocketStatus.WouldBlock;
            return -1;
        }

        status = count >= 0 ? SocketStatus.Ok : _outgoing.IsReset ? SocketStatus.ConnectionReset : SocketStatus.BrokenPipe;
        return count;
    }

    public void ShutdownSend()
    {
        if (_outgoing is { } outgoing)
        {
            outgoing.End();
            _peer!.Notify(Readiness.Readable | Readiness.ReadClosed);
        }
    }

    public void Close()
    {
        if (_closed)
        {
            return;
        }

        _closed = true;
        _handler = null;
        if (_outgoing is null)
        {
            CloseListener();
            return;
        }

        // As TCP does: who closes without having read everything resets the connection.
        if (ResetOnClose || _incoming!.HasBytes)
        {
            Reset();
        }
        else
        {
            ShutdownSend();
        }

        _incoming!.CloseReader();
    }

    /// <summary>Begins to tell a handler, on a loop, what happens; also what has happened before.</summary>
    public void Register(EventLoop loop, ISocketHandler handler, PollMode mode)
    {
        _handler = handler;
        _mode = mode;
        Interlocked.Exchange(ref _loop, loop); // before the look at what is pending; Notify does it the other way round
        if (Volatile.Read(ref _pending) != 0)
        {
            Schedule(loop);
        }
    }

    public void Unregister() => _handler = null;

    /// <summary>Says what has happened to this end. Any thread.</summary>
    public void Notify(Readiness readiness)
    {
        Interlocked.Or(ref _pending, (int)readiness);
        if (Volatile.Read(ref _loop) is { } loop)
        {
            Schedule(loop);
        }
        else if (Volatile.Read(ref _watcher) is { } watcher)
        {
            watcher((Readiness)Interlocked.Exchange(ref _pending, 0));
        }
    }

    /// <summary>Begins to tell somebody who is on no loop what happens. The callback runs on the thread that caused it: it only signals.</summary>
    public void Watch(Action<Readiness> watcher)
    {
        Interlocked.Exchange(ref _watcher, watcher);
        watcher((Readiness)Interlocked.Exchange(ref _pending, 0));
    }

    void ILoopItem.Run()
    {
        Interlocked.Exchange(ref _queued, 0);
        if (_handler is not { } handler)
        {
            return; // closed, or not watched at present: what is pending is kept
        }

        var readiness = (Readiness)Interlocked.Exchange(ref _pending, 0);
        if (readiness == Readiness.None)
        {
            return;
        }

        try
        {
            handler.OnReady(readiness);
        }
        catch (Exception exception)
        {
            _loop!.ReportFault(exception, "a memory socket's handler");
            handler.OnFault(exception);
        }

        if (_mode != PollMode.Edge && HasConnections())
        {
            Notify(Readiness.Readable);
        }
    }

    private bool HasConnections()
    {
        lock (_acceptLock)
        {
            return _acceptQueue is { Count: > 0 };
        }
    }

    private bool Offer(MemorySocket server)
    {
        lock (_acceptLock)
        {
            if (_acceptQueue is not { } queue || queue.Count >= _backlog)
            {
                return false;
            }

            queue.Enqueue(server);
        }

        Notify(Readiness.Readable);
        return true;
    }

    private void CloseListener()
    {
        network.Unbind(this);
        Queue<MemorySocket>? waiting;
        lock (_acceptLock)
        {
            Volatile.Write(ref _backlog, 0);
            waiting = _acceptQueue;
            _acceptQueue = null;
        }

        while (waiting is { Count: > 0 })
        {
            var socket = waiting.Dequeue();
            socket.ResetOnClose = true;
            socket.Close();
        }
    }

    private void Reset()
    {
        _outgoing!.Reset();
        _incoming!.Reset();
        _peer!.Notify(Readiness.Error | Readiness.Readable | Readiness.Writable);
    }

    private void Schedule(EventLoop loop)
    {
        if (Interlocked.Exchange(ref _queued, 1) != 0)
        {
            return;
        }

        if (ReferenceEquals(EventLoop.Current, loop))
        {
            loop.Enqueue(this);
        }
        else
        {
            loop.Post(s_run, this);
        }
    }
}
