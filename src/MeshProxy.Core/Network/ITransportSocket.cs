using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.Network;

/// <summary>
/// A layer between a connection and its socket that transforms bytes, such as TLS. A connection without one moves the
/// socket's bytes as they are.
/// </summary>
/// <remarks>Runs on the connection's worker. It reads and writes the socket below through <see cref="ITransportSocketCallbacks"/>.</remarks>
public interface ITransportSocket
{
    /// <summary>Runs once, before the first read and write.</summary>
    ValueTask<IoResult> HandshakeAsync();

    ValueTask<IoResult> ReadAsync(IoBuffer into);

    ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream);

    /// <summary>The connection is about to close: the last chance to say goodbye.</summary>
    void Close(CloseType how);
}

/// <summary>The socket under a transport socket.</summary>
public interface ITransportSocketCallbacks
{
    ValueTask<IoResult> ReadAsync(IoBuffer into);

    ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream);
}

/// <summary>Makes transport sockets; one for each filter chain or cluster.</summary>
public interface ITransportSocketFactory
{
    ITransportSocket Create(ITransportSocketCallbacks callbacks);
}
