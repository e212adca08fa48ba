using System.Runtime.InteropServices;

namespace MeshProxy.Core.Event;

/// <summary>Readiness from Linux's epoll. A connection is registered once, edge-triggered, and never again touched by epoll_ctl.</summary>
internal sealed unsafe class EpollPoller : IPoller
{
    private const ulong WakeData = ulong.MaxValue;
    private const int MaxEvents = 256;

    private const uint EdgeInterest = Libc.EpollIn | Libc.EpollOut | Libc.EpollReadHangUp | Libc.EpollPriority | Libc.EpollEdge;

    // struct epoll_event is packed on x64 alone; elsewhere its 64 data bits are aligned.
    private static readonly bool IsPacked = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private static readonly int EventBytes = IsPacked ? 12 : 16;
    private static readonly int DataOffset = IsPacked ? 4 : 8;

    private readonly int _epoll;
    private readonly int _wake;
    private readonly byte* _events;
    private bool _pausesExactly;
    private bool _disposed;

    /// <exception cref="IOException">The system has no descriptor left.</exception>
    public EpollPoller()
    {
        _epoll = Libc.EpollCreate(Libc.EpollCloseOnExec);
        if (_epoll < 0)
        {
            throw Failure("epoll_create1");
        }

        _wake = Libc.EventFd(0, Libc.EventFdNonBlock | Libc.EventFdCloseOnExec);
        if (_wake < 0)
        {
            var failure = Failure("eventfd");
            Libc.Close(_epoll);
            throw failure;
        }

        // Edge-triggered, so that the counter never has to be read back.
        Control(Libc.EpollCtlAdd, _wake, Libc.EpollIn | Libc.EpollEdge, WakeData);
        _events = (byte*)NativeMemory.Alloc((nuint)(MaxEvents * EventBytes));
    }

    public bool NeedsRearm => false;

    public bool CloseRemoves => true;

    public bool SharesListenSockets => true;

    public bool CanPause => true;

    public void Add(int socket, uint generation, PollMode mode)
    {
        var interest = mode switch
        {
            PollMode.Edge => EdgeInterest,
            PollMode.Level => Libc.EpollIn,
            _ => Libc.EpollIn | Libc.EpollExclusive,
        };
        Control(Libc.EpollCtlAdd, socket, interest, ((ulong)generation << 32) | (uint)socket);
    }

    public void Remove(int socket) => Control(Libc.EpollCtlDelete, socket, 0, 0);

    public void Rearm(int socket, Readiness interest)
    {
    }

    public int Wait(Span<PollEvent> events, int timeoutMs)
    {
        var count = Libc.EpollWait(_epoll, _events, Math.Min(events.Length, MaxEvents), timeoutMs);
        if (count < 0)
        {
            var errno = Libc.Errno;
            return errno == Libc.EIntr ? 0 : throw new IOException($"epoll_wait failed with errno {errno}");
        }

        var written = 0;
        var raw = _events;
        for (var i = 0; i < count; i++, raw += EventBytes)
        {
            var data = *(ulong*)(raw + DataOffset);
            if (data == WakeData)
            {
                continue;
            }

            ref var polled = ref events[written++];
            polled.Socket = (int)data;
            polled.Generation = (uint)(data >> 32);
            polled.Readiness = ToReadiness(*(uint*)raw);
        }

        return written;
    }

    public void Pause(int microseconds)
    {
        if (!_pausesExactly)
        {
            // The kernel adds 50 us to what a thread asks for, unless the thread says otherwise.
            Libc.ProcessControl(Libc.PrSetTimerSlack, 1, 0, 0, 0);
            _pausesExactly = true;
        }

        var time = new Libc.TimeSpec { Nanoseconds = microseconds * 1000L };
        Libc.NanoSleep(&time, null);
    }

    public void Wake()
    {
        var one = 1UL;
        Libc.Write(_wake, &one, sizeof(ulong));
    }

    public void Dispose()
    {
        if (!_disposed)
        {
            _disposed = true;
            Libc.Close(_wake);
            Libc.Close(_epoll);
            NativeMemory.Free(_events);
        }
    }

    private static Readiness ToReadiness(uint raw)
    {
        var readiness = Readiness.None;
        if ((raw & Libc.EpollIn) != 0)
        {
            readiness |= Readiness.Readable;
        }

        if ((raw & Libc.EpollOut) != 0)
        {
            readiness |= Readiness.Writable;
        }

        if ((raw & ~(Libc.EpollIn | Libc.EpollOut)) != 0)
        {
            readiness |= ToRareReadiness(raw);
        }

        return readiness;
    }

    private static Readiness ToRareReadiness(uint raw)
    {
        var readiness = Readiness.None;
        if ((raw & Libc.EpollReadHangUp) != 0)
        {
            readiness |= Readiness.ReadClosed | Readiness.Readable;
        }

        if ((raw & (Libc.EpollHangUp | Libc.EpollError)) != 0)
        {
            readiness |= Readiness.Error | Readiness.Readable | Readiness.Writable;
        }

        if ((raw & Libc.EpollPriority) != 0)
        {
            readiness |= Readiness.Urgent;
        }

        return readiness;
    }

    private static IOException Failure(string call) => new($"{call} failed with errno {Libc.Errno}");

    private void Control(int operation, int socket, uint interest, ulong data)
    {
        var raw = stackalloc byte[16];
        *(uint*)raw = interest;
        *(ulong*)(raw + DataOffset) = data;
        if (Libc.EpollControl(_epoll, operation, socket, raw) < 0)
        {
            throw Failure("epoll_ctl");
        }
    }
}
