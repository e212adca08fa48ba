namespace MeshProxy.Http.Codecs.Http1;

/// <summary>How the end of a message's body is found (RFC 9112 section 6.3).</summary>
internal enum BodyFraming : byte
{
    /// <summary>There is no body.</summary>
    None,

    ContentLength,

    Chunked,

    /// <summary>A response's body ends with its connection.</summary>
    UntilClose,

    /// <summary>No messages any more: bytes both ways until the connection closes (CONNECT, Upgrade).</summary>
    Tunnel,
}

internal enum DecodeStatus : byte
{
    /// <summary>Everything there was has been used; feed more.</summary>
    NeedMore,

    /// <summary>The part is complete; what follows it stays in the input.</summary>
    Complete,

    /// <summary>The message is malformed; nothing more can be read from this connection.</summary>
    Error,
}
