using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>One request and response on a pooled upstream connection: what the router writes to and reads from.</summary>
internal interface IUpstreamStream
{
    Connection Connection { get; }

    ValueTask<IoResult> EncodeHeadersAsync(RequestHeaders headers, bool endStream);

    ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream);

    ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers);

    ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into);

    ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into);

    HeaderTrailers? ResponseTrailers { get; }

    /// <summary>Why the peer's message was refused, after <see cref="ReadStatus.ProtocolError"/>.</summary>
    string ProtocolErrorDetails { get; }

    /// <summary>Whether a write failed because the request's body is not as long as its head says.</summary>
    bool IsRequestMalformed { get; }

    /// <summary>Bytes of this exchange.</summary>
    ref readonly BytesMeter Bytes { get; }

    /// <summary>The exchange is over in both directions: the connection goes back to its pool if it can carry another.</summary>
    void Release();

    /// <summary>The exchange is given up; a pending read ends with <see cref="ReadStatus.Aborted"/>.</summary>
    void Reset();
}
