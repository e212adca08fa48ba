using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>Socket calls of one loop on a simulated network, with Linux's answers.</summary>
internal sealed class SimulatedSocketOps(SimulatedNetwork network) : ISocketOps
{
    public bool ShortReadMeansDrained => true;

    public SocketStatus Create(NetworkAddress family, out int socket)
    {
        socket = -1;
        if (family is InternalAddress)
        {
            return SocketStatus.NotSupported;
        }

        socket = network.Create(family).Handle;
        return SocketStatus.Ok;
    }

    public SocketStatus Bind(int socket, NetworkAddress address) => network.Bind(network.Get(socket), address);

    public SocketStatus Listen(int socket, int backlog)
    {
        network.Listen(network.Get(socket), backlog);
        return SocketStatus.Ok;
    }

    public SocketStatus Accept(int listenSocket, out int socket, out NetworkAddress? peer)
    {
        socket = -1;
        peer = null;
        if (!network.Get(listenSocket).AcceptQueue!.TryDequeue(out var accepted))
        {
            return SocketStatus.WouldBlock;
        }

        socket = accepted.Handle;
        peer = accepted.PeerAddress is UnixSocketAddress ? null : accepted.PeerAddress;
        return SocketStatus.Ok;
    }

    public SocketStatus Connect(int socket, NetworkAddress address) => network.Connect(network.Get(socket), address);

    public SocketStatus GetError(int socket)
    {
        var simulated = network.Get(socket);
        var error = simulated.Error;
        simulated.Error = SocketStatus.Ok;
        return error;
    }

    public NetworkAddress? GetLocalAddress(int socket) => network.Get(socket).LocalAddress;

    public int Receive(int socket, Span<byte> into, out SocketStatus status) => network.Receive(network.Get(socket), into, out status);

    public int Send(int socket, ReadOnlySpan<byte> bytes, out SocketStatus status) => network.Send(network.Get(socket), bytes, out status);

    public int SendVector(int socket, IoBuffer data, out SocketStatus status)
    {
        var bytes = new byte[data.Length];
        data.CopyTo(bytes);
        return Send(socket, bytes, out status);
    }

    public SocketStatus SetOption(int socket, SocketOption option, int value)
    {
        var simulated = network.Get(socket);
        simulated.Options[option] = value;
        if (option == SocketOption.ResetOnClose)
        {
            simulated.ResetOnClose = value != 0;
        }

        return SocketStatus.Ok;
    }

    public SocketStatus ShutdownSend(int socket) => network.ShutdownSend(network.Get(socket));

    public void Close(int socket) => network.Close(network.Get(socket));
}
