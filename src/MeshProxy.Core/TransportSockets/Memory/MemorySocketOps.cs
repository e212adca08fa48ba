using System.Runtime.CompilerServices;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.TransportSockets.Memory;

/// <summary>The socket calls for connections inside the process. Handles are far above any file descriptor, so that none is mistaken for one.</summary>
internal sealed class MemorySocketOps(MemoryNetwork network) : ISocketOps
{
    private const int FirstHandle = 1 << 30;
    private const int MaxVectors = 16;

    private readonly Lock _lock = new();
    private readonly Stack<int> _free = [];
    private MemorySocket?[] _sockets = new MemorySocket?[16];
    private int _used;

    public bool ShortReadMeansDrained => false;

    public SocketStatus Create(NetworkAddress family, out int socket)
    {
        if (family is not InternalAddress)
        {
            socket = -1;
            return SocketStatus.NotSupported;
        }

        socket = Add(new MemorySocket(network));
        return SocketStatus.Ok;
    }

    public SocketStatus Bind(int socket, NetworkAddress address) =>
        address is InternalAddress name ? Get(socket).Bind(name) : SocketStatus.NotSupported;

    public SocketStatus Listen(int socket, int backlog) => Get(socket).Listen(backlog);

    public SocketStatus Accept(int listenSocket, out int socket, out NetworkAddress? peer)
    {
        if (Get(listenSocket).Accept() is not { } accepted)
        {
            socket = -1;
            peer = null;
            return SocketStatus.WouldBlock;
        }

        socket = Add(accepted);
        peer = accepted.Address;
        return SocketStatus.Ok;
    }

    public SocketStatus Connect(int socket, NetworkAddress address) =>
        address is InternalAddress name ? Get(socket).Connect(name) : SocketStatus.NotSupported;

    public SocketStatus GetError(int socket) => Get(socket).Error;

    public NetworkAddress? GetLocalAddress(int socket) => Get(socket).Address;

    public int Receive(int socket, Span<byte> into, out SocketStatus status) => Get(socket).Receive(into, out status);

    public int Send(int socket, ReadOnlySpan<byte> bytes, out SocketStatus status) => Get(socket).Send(bytes, out status);

    public int SendVector(int socket, IoBuffer data, out SocketStatus status)
    {
        var memory = Get(socket);
        var total = 0;
        status = SocketStatus.Ok;
        for (var i = 0; i < Math.Min(data.SliceCount, MaxVectors); i++)
        {
            ref var slice = ref data.SliceAt(i);
            var sent = memory.Send(slice.Slab.Span(slice.Start, slice.Length), out status);
            if (sent < 0)
            {
                if (total == 0)
                {
                    return -1;
                }

                break;
            }

            total += sent;
            if (sent < slice.Length)
            {
                break;
            }
        }

        status = SocketStatus.Ok;
        return total;
    }

    public SocketStatus SetOption(int socket, SocketOption option, int value)
    {
        if (option == SocketOption.ResetOnClose)
        {
            Get(socket).ResetOnClose = value != 0;
        }

        return SocketStatus.Ok; // the others mean nothing here
    }

    public SocketStatus ShutdownSend(int socket)
    {
        Get(socket).ShutdownSend();
        return SocketStatus.Ok;
    }

    public void Close(int socket)
    {
        MemorySocket? closed;
        lock (_lock)
        {
            ref var slot = ref _sockets[socket - FirstHandle];
            closed = slot;
            slot = null;
            _free.Push(socket - FirstHandle);
        }

        closed?.Close();
    }

    public void Register(EventLoop loop, int socket, ISocketHandler handler, PollMode mode) => Get(socket).Register(loop, handler, mode);

    public void Unregister(EventLoop loop, int socket) => Get(socket).Unregister();

    public void Close(EventLoop loop, int socket) => Close(socket);

    public bool NeedsRearm(EventLoop loop) => false;

    // A grown table is published whole; a handle is used only by who got it from here.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private MemorySocket Get(int socket) => Volatile.Read(ref _sockets)[socket - FirstHandle]!;

    private int Add(MemorySocket socket)
    {
        lock (_lock)
        {
            if (!_free.TryPop(out var index))
            {
                index = _used++;
                if (index == _sockets.Length)
                {
                    var grown = new MemorySocket?[index * 2];
                    _sockets.CopyTo(grown, 0);
                    Volatile.Write(ref _sockets, grown);
                }
            }

            _sockets[index] = socket;
            return FirstHandle + index;
        }
    }
}
