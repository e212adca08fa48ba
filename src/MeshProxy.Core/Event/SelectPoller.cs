using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace MeshProxy.Core.Event;

/// <summary>
/// Readiness from <see cref="Socket.Select(System.Collections.IList, System.Collections.IList, System.Collections.IList, int)"/> on
/// the loop's own thread. An edge is a level that is watched once: what was reported is watched again only after
/// <see cref="Rearm"/>.
/// </summary>
/// <remarks>Costs time in proportion to the watched sockets each turn: the way for platforms that have nothing better here. A FIN shows as readable, with a read of 0 bytes.</remarks>
internal sealed class SelectPoller : IPoller
{
    // Select takes microseconds as an int.
    private const int MaxTimeoutMs = 2_000_000;

    private readonly List<Watched> _watched = [];
    private readonly List<Socket> _read = [];
    private readonly List<Socket> _write = [];
    private readonly List<Socket> _error = [];
    private readonly Socket _wakeSender;
    private readonly Socket _wakeReceiver;
    private readonly byte[] _wakeBytes = new byte[16];
    private int[] _indexOf = new int[64];
    private int _first;
    private int _wakePending;

    /// <exception cref="SocketException">The loopback pair that wakes the loop could not be made.</exception>
    public SelectPoller()
    {
        (_wakeSender, _wakeReceiver) = CreatePair();
    }

    public bool NeedsRearm => true;

    private struct Watched
    {
        public int Handle;
        public Socket Socket;
        public uint Generation;
        public PollMode Mode;
        public Readiness Armed;
    }

    public void Add(int socket, uint generation, PollMode mode)
    {
        if (socket >= _indexOf.Length)
        {
            Array.Resize(ref _indexOf, Math.Max(socket + 1, _indexOf.Length * 2));
        }

        _indexOf[socket] = _watched.Count + 1;
        _watched.Add(new Watched
        {
            Handle = socket,
            Socket = PortableSocketTable.Get(socket),
            Generation = generation,
            Mode = mode,
            Armed = mode == PollMode.Edge ? Readiness.Readable | Readiness.Writable : Readiness.Readable,
        });
    }

    public void Remove(int socket)
    {
        var index = IndexOf(socket);
        if (index < 0)
        {
            return;
        }

        var last = _watched[^1];
        _watched[index] = last;
        _indexOf[last.Handle] = index + 1;
        _watched.RemoveAt(_watched.Count - 1);
        _indexOf[socket] = 0;
    }

    public void Rearm(int socket, Readiness interest)
    {
        var index = IndexOf(socket);
        if (index >= 0)
        {
            CollectionsMarshal.AsSpan(_watched)[index].Armed |= interest & (Readiness.Readable | Readiness.Writable);
        }
    }

    public int Wait(Span<PollEvent> events, int timeoutMs)
    {
        FillLists();
        try
        {
            Socket.Select(_read, _write, _error, timeoutMs < 0 ? -1 : Math.Min(timeoutMs, MaxTimeoutMs) * 1000);
            return Collect(events);
        }
        catch (ObjectDisposedException)
        {
            // A listen socket that several workers watch was closed by one of them. Epoll forgets such a socket by itself.
            RemoveClosed();
            return 0;
        }
        finally
        {
            _read.Clear();
            _write.Clear();
            _error.Clear();
        }
    }

    public void Wake()
    {
        if (Interlocked.Exchange(ref _wakePending, 1) == 0)
        {
            _wakeSender.Send(_wakeBytes.AsSpan(0, 1), SocketFlags.None, out _);
        }
    }

    public void Dispose()
    {
        _wakeSender.Dispose();
        _wakeReceiver.Dispose();
    }

    private static (Socket Sender, Socket Receiver) CreatePair()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen(1);
        var sender = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        sender.Connect(listener.LocalEndPoint!);
        while (true)
        {
            var receiver = listener.Accept();

            // Any process of the machine may connect to the port: take our own connection.
            if (receiver.RemoteEndPoint!.Equals(sender.LocalEndPoint))
            {
                sender.NoDelay = true;
                sender.Blocking = false;
                receiver.Blocking = false;
                return (sender, receiver);
            }

            receiver.Dispose();
        }
    }

    private int IndexOf(int socket) => (uint)socket < (uint)_indexOf.Length ? _indexOf[socket] - 1 : -1;

    private void FillLists()
    {
        _read.Add(_wakeReceiver);
        var watched = CollectionsMarshal.AsSpan(_watched);
        if (_first >= watched.Length)
        {
            _first = 0;
        }

        for (var i = 0; i < watched.Length; i++)
        {
            ref var entry = ref watched[At(i, watched.Length)];
            if ((entry.Armed & Readiness.Readable) != 0)
            {
                _read.Add(entry.Socket);
            }

            if ((entry.Armed & Readiness.Writable) != 0)
            {
                _write.Add(entry.Socket);

                // Windows reports a failed connect here alone.
                _error.Add(entry.Socket);
            }
        }
    }

    /// <summary>Select leaves the ready sockets in the lists, in their order, so one walk pairs them with their entries.</summary>
    private int Collect(Span<PollEvent> events)
    {
        int read = 0, write = 0, error = 0, written = 0;
        if (IsAt(_read, 0, _wakeReceiver))
        {
            read++;
            DrainWake();
        }

        var watched = CollectionsMarshal.AsSpan(_watched);
        var i = 0;
        for (; i < watched.Length && written < events.Length; i++)
        {
            ref var entry = ref watched[At(i, watched.Length)];
            var readiness = Readiness.None;
            if (IsAt(_read, read, entry.Socket))
            {
                read++;
                readiness |= Readiness.Readable;
            }

            if (IsAt(_write, write, entry.Socket))
            {
                write++;
                readiness |= Readiness.Writable;
            }

            if (IsAt(_error, error, entry.Socket))
            {
                error++;
                readiness |= Readiness.Error | Readiness.Readable | Readiness.Writable;
            }

            if (readiness == Readiness.None)
            {
                continue;
            }

            if (entry.Mode == PollMode.Edge)
            {
                entry.Armed &= ~readiness;
            }

            events[written++] = new PollEvent { Socket = entry.Handle, Generation = entry.Generation, Readiness = readiness };
        }

        // Where there were more than fit, the next wait begins behind the last one reported.
        _first = i == watched.Length ? 0 : At(i, watched.Length);
        return written;
    }

    private static bool IsAt(List<Socket> ready, int index, Socket socket) => index < ready.Count && ReferenceEquals(ready[index], socket);

    private void RemoveClosed()
    {
        for (var i = _watched.Count - 1; i >= 0; i--)
        {
            if (_watched[i].Socket.SafeHandle.IsClosed)
            {
                Remove(_watched[i].Handle);
            }
        }
    }

    private void DrainWake()
    {
        // Lowered first: a wake that comes now sends another byte.
        Volatile.Write(ref _wakePending, 0);
        _wakeReceiver.Receive(_wakeBytes, SocketFlags.None, out _);
    }

    private int At(int step, int count)
    {
        var index = _first + step;
        return index < count ? index : index - count;
    }
}
