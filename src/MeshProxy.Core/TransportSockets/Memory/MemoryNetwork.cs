using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.TransportSockets.Memory;

/// <summary>The internal listeners of one server: connections that begin and end in this process (<see cref="InternalAddress"/>).</summary>
/// <remarks>
/// Any thread. A name may be bound once on each loop. A connect from a worker goes to that worker's own listener, so that both ends
/// stay on one thread; one from elsewhere goes to the workers in turn.
/// </remarks>
internal sealed class MemoryNetwork
{
    private readonly Dictionary<string, List<MemorySocket>> _bound = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private int _next;

    public MemoryNetwork() => Sockets = new MemorySocketOps(this);

    /// <summary>The socket calls; all loops share them.</summary>
    public ISocketOps Sockets { get; }

    /// <summary>Lets a loop reach this network by <see cref="EventLoop.SocketsFor"/>. Before the loop is started.</summary>
    public void Attach(EventLoop loop) => loop.MemorySockets = Sockets;

    /// <summary>Connects from a thread that is no loop's, such as the host app's.</summary>
    /// <exception cref="IOException">Nobody listens there, or too many connections wait to be accepted.</exception>
    public MemoryDuplexPipe Connect(InternalAddress address)
    {
        var socket = new MemorySocket(this);
        return socket.Connect(address) == SocketStatus.Ok
            ? new MemoryDuplexPipe(socket)
            : throw new IOException($"nobody accepts connections at {address}");
    }

    public bool TryBind(InternalAddress address, MemorySocket socket)
    {
        lock (_lock)
        {
            if (!_bound.TryGetValue(address.Name, out var sockets))
            {
                _bound.Add(address.Name, sockets = []);
            }

            foreach (var other in sockets)
            {
                if (other.Home == socket.Home)
                {
                    return false;
                }
            }

            sockets.Add(socket);
            return true;
        }
    }

    public void Unbind(MemorySocket socket)
    {
        if (socket.Address is not { } address)
        {
            return;
        }

        lock (_lock)
        {
            if (_bound.TryGetValue(address.Name, out var sockets) && sockets.Remove(socket) && sockets.Count == 0)
            {
                _bound.Remove(address.Name);
            }
        }
    }

    /// <summary>The listener that a connect goes to; null if nobody listens.</summary>
    /// <param name="from">The loop that connects; null for other threads.</param>
    public MemorySocket? FindListener(InternalAddress address, EventLoop? from)
    {
        lock (_lock)
        {
            if (!_bound.TryGetValue(address.Name, out var sockets))
            {
                return null;
            }

            foreach (var socket in sockets)
            {
                if (socket.IsListening && socket.Home == from)
                {
                    return socket;
                }
            }

            for (var i = 0; i < sockets.Count; i++)
            {
                _next = (_next + 1) % sockets.Count;
                if (sockets[_next].IsListening)
                {
                    return sockets[_next];
                }
            }

            return null;
        }
    }
}
