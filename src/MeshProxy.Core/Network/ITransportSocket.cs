using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Network;

/// <summary>
/// A layer between a connection and its socket that transforms bytes, such as TLS. A connection without one moves the
/// socket's bytes as they are.
/// </summary>
/// <remarks>Runs on the connection's worker. It reads and writes the layer below through <see cref="ITransportSocketCallbacks"/>.</remarks>
public interface ITransportSocket
{
    /// <summary>Runs once, before the first read and write. It is given up by closing the connection, which ends the layer below.</summary>
    ValueTask<IoResult> HandshakeAsync();

    ValueTask<IoResult> ReadAsync(IoBuffer into);

    ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream);

    /// <summary>The connection is about to close: the last chance to say goodbye.</summary>
    void Close(CloseType how);

    /// <summary>What the handshake has agreed on; null for a layer that is not TLS, and before the handshake is done.</summary>
    TlsInfo? Tls => null;

    /// <summary>Why the handshake or a later read or write failed, for logs; null if nothing did.</summary>
    string? FailureReason => null;
}

/// <summary>The layer under a transport socket: the socket itself, or another transport socket.</summary>
public interface ITransportSocketCallbacks
{
    /// <summary>The connection that the transport socket serves.</summary>
    Connection Connection { get; }

    ValueTask<IoResult> ReadAsync(IoBuffer into);

    ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream);
}

/// <summary>Makes transport sockets; one for each filter chain or cluster, shared by all workers.</summary>
public interface ITransportSocketFactory : IDisposable
{
    /// <summary>Makes the transport socket of a new connection. On its worker.</summary>
    /// <param name="callbacks">The layer below.</param>
    /// <param name="options">What this connection wants otherwise than its cluster says; null for nothing, and on the downstream side.</param>
    ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options);

    /// <summary>Whether what it makes keeps others from reading along: TLS.</summary>
    bool IsSecure { get; }

    /// <summary>Whether a connection begins by telling the upstream for which client it is made (PROXY protocol), so that no other may use it.</summary>
    bool TellsOfClient => false;

    void IDisposable.Dispose()
    {
    }
}
