namespace MeshProxy.Core.Network;

/// <summary>How a read, a write or a connect ended.</summary>
public enum IoStatus : byte
{
    Ok,

    /// <summary>The peer has finished sending.</summary>
    EndOfStream,

    /// <summary>The peer, or the network, broke the connection.</summary>
    Reset,

    /// <summary>This side has closed the connection.</summary>
    Closed,

    /// <summary>The wait was given up; the connection itself may be well.</summary>
    Aborted,

    /// <summary>A connect was refused or found no way.</summary>
    ConnectFailed,

    TimedOut,

    /// <summary>The transport socket failed (a handshake, a bad record).</summary>
    TransportFailed,

    /// <summary>The peer has stopped sending without the goodbye that its transport demands (TLS: close_notify): what came may lack its end.</summary>
    Truncated,
}

/// <summary>The value of every I/O operation. Failures are values, not exceptions.</summary>
/// <param name="Bytes">Bytes that a read appended.</param>
public readonly record struct IoResult(IoStatus Status, int Bytes = 0)
{
    public static readonly IoResult Success = new(IoStatus.Ok);

    public bool IsOk => Status == IoStatus.Ok;
}

/// <summary>How a connection is to be closed.</summary>
public enum CloseType : byte
{
    /// <summary>At once; what was not sent is dropped.</summary>
    NoFlush,

    /// <summary>After what is buffered was sent.</summary>
    FlushWrite,

    /// <summary>
    /// After what is buffered was sent; then FIN, and the peer's bytes are read and dropped until it closes or the delayed-close
    /// timeout ends, so that a peer that is still sending can read the reply (Envoy: <c>delayed_close_timeout</c>).
    /// </summary>
    FlushWriteAndDelay,

    /// <summary>At once, with RST.</summary>
    Reset,
}
