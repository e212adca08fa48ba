using System.Net.Sockets;
using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Event;

/// <summary>Why a socket call did not succeed, mapped from errno.</summary>
internal enum SocketStatus : short
{
    Ok = 0,
    WouldBlock,
    InProgress,
    ConnectionReset,
    ConnectionRefused,
    ConnectionAborted,
    BrokenPipe,
    TimedOut,
    HostUnreachable,
    NetworkUnreachable,
    AddressInUse,
    AddressNotAvailable,
    AccessDenied,
    TooManyFiles,
    NotFound,
    NotSupported,
    Other,
}

/// <summary>A socket option that a listener or cluster may set.</summary>
internal enum SocketOption : byte
{
    NoDelay,
    KeepAlive,
    KeepAliveTimeSeconds,
    KeepAliveIntervalSeconds,
    KeepAliveProbes,
    ReuseAddress,
    ReusePort,
    IPv6Only,
    SendBufferBytes,
    ReceiveBufferBytes,

    /// <summary>SO_LINGER with zero: close sends RST.</summary>
    ResetOnClose,
}

/// <summary>
/// Non-blocking socket calls on small integer handles (the file descriptor on Linux, an index elsewhere). Every call returns at
/// once; a failure is a value. Members belong to the thread of the loop that owns the socket.
/// </summary>
internal interface ISocketOps
{
    /// <summary>Whether a read that returned less than asked means that nothing is left until the next edge.</summary>
    /// <remarks>True for TCP on epoll; false for AF_UNIX, which the caller knows.</remarks>
    bool ShortReadMeansDrained { get; }

    SocketStatus Create(NetworkAddress family, out int socket);

    SocketStatus Bind(int socket, NetworkAddress address);

    SocketStatus Listen(int socket, int backlog);

    /// <summary>Accepts one connection, already non-blocking. <paramref name="peer"/> is null where the family has no peer address.</summary>
    SocketStatus Accept(int listenSocket, out int socket, out NetworkAddress? peer);

    /// <summary>Ok, <see cref="SocketStatus.InProgress"/> (then wait for writable and ask <see cref="GetError"/>), or a failure.</summary>
    SocketStatus Connect(int socket, NetworkAddress address);

    /// <summary>The pending error (SO_ERROR): Ok when a connect has succeeded.</summary>
    SocketStatus GetError(int socket);

    NetworkAddress? GetLocalAddress(int socket);

    /// <summary>Where the peer wanted to go before the system's firewall redirected it here (Linux: SO_ORIGINAL_DST, IP6T_SO_ORIGINAL_DST).</summary>
    /// <returns>Null: it was not redirected, or the system cannot tell.</returns>
    NetworkAddress? GetOriginalDestination(int socket) => null;

    /// <summary>Bytes received (0 = the peer has closed its side), or -1 with the reason.</summary>
    int Receive(int socket, Span<byte> into, out SocketStatus status);

    /// <summary>Bytes taken by the kernel, or -1 with the reason.</summary>
    int Send(int socket, ReadOnlySpan<byte> bytes, out SocketStatus status);

    /// <summary>Gathers and sends up to 16 slices.</summary>
    int SendVector(int socket, Buffers.IoBuffer data, out SocketStatus status);

    SocketStatus SetOption(int socket, SocketOption option, int value);

    /// <summary>Closes the sending side (FIN).</summary>
    SocketStatus ShutdownSend(int socket);

    void Close(int socket);

    // How the sockets are watched. The system's go through the loop's poller; those inside this process tell their handler themselves.

    /// <summary>Starts to watch a socket.</summary>
    void Register(EventLoop loop, int socket, ISocketHandler handler, PollMode mode) => loop.Register(socket, handler, mode);

    /// <summary>Stops watching a socket that stays open.</summary>
    void Unregister(EventLoop loop, int socket) => loop.Unregister(socket);

    /// <summary>Stops watching a socket and closes it.</summary>
    void Close(EventLoop loop, int socket) => loop.CloseSocket(socket);

    /// <summary>Whether the poller wants to hear of each drained or filled socket (<see cref="IPoller.Rearm"/>).</summary>
    bool NeedsRearm(EventLoop loop) => loop.Poller.NeedsRearm;
}
