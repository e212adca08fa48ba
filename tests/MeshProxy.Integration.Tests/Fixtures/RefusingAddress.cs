using System.Net;
using System.Net.Sockets;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>An address that refuses connections: bound, so that nobody else gets the port, and not listening.</summary>
internal sealed class RefusingAddress : IDisposable
{
    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public RefusingAddress() => _socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));

    public override string ToString() => _socket.LocalEndPoint!.ToString()!;

    public void Dispose() => _socket.Dispose();
}
