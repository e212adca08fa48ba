namespace MeshProxy.Core.Event;

/// <summary>What the operating system says of a socket.</summary>
[Flags]
internal enum Readiness : byte
{
    None = 0,
    Readable = 1,
    Writable = 2,

    /// <summary>The peer has sent FIN (RDHUP); bytes may still be waiting.</summary>
    ReadClosed = 4,

    /// <summary>Both directions are gone, or the socket has an error: the connection was reset.</summary>
    Error = 8,

    /// <summary>TCP urgent data: a short read no longer means drained.</summary>
    Urgent = 16,
}

/// <summary>How a socket is watched.</summary>
internal enum PollMode : byte
{
    /// <summary>A connection: an event at each change to readable or writable (edge). See <see cref="IPoller.Rearm"/>.</summary>
    Edge,

    /// <summary>A listen socket: an event each turn while there is something to accept.</summary>
    Level,

    /// <summary>A listen socket that is in the poller of every worker (a Unix socket): one worker is woken, not all.</summary>
    LevelExclusive,
}

internal struct PollEvent
{
    public int Socket;
    public uint Generation;
    public Readiness Readiness;
}

/// <summary>The operating system's readiness notification, as low as it goes. All members but <see cref="Wake"/> belong to the loop's thread.</summary>
internal interface IPoller : IDisposable
{
    /// <summary>Whether <see cref="Rearm"/> does anything. Epoll in edge mode needs none.</summary>
    bool NeedsRearm { get; }

    /// <summary>Whether closing a socket also ends its registration, so that <see cref="Remove"/> before it is a wasted system call.</summary>
    bool CloseRemoves => false;

    /// <summary>Whether one listen socket may be in the pollers of several loops (<see cref="PollMode.LevelExclusive"/>).</summary>
    bool SharesListenSockets => false;

    /// <summary>Starts to watch a socket, for reading, writing and hang-up at once. The generation comes back with each event.</summary>
    void Add(int socket, uint generation, PollMode mode);

    void Remove(int socket);

    /// <summary>Says that the caller drained (<see cref="Readiness.Readable"/>) or filled (<see cref="Readiness.Writable"/>) the socket and waits for its next edge.</summary>
    void Rearm(int socket, Readiness interest);

    /// <summary>Waits for events. A negative timeout waits until <see cref="Wake"/>. Returns how many were written.</summary>
    int Wait(Span<PollEvent> events, int timeoutMs);

    /// <summary>Whether <see cref="Pause"/> can wait for some microseconds and no more.</summary>
    bool CanPause => false;

    /// <summary>Waits without looking for events; <see cref="Wake"/> does not end it. It may end early.</summary>
    void Pause(int microseconds)
    {
    }

    /// <summary>Ends a wait that is under way or comes next. From any thread.</summary>
    void Wake();
}
