using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>
/// One request and response on an upstream connection, of whatever protocol: what the router writes to and reads from. A pool hands it out;
/// it is used for one exchange and given back by <see cref="Release"/>, <see cref="Reset"/> or, before anything was sent,
/// <see cref="ReturnUnused"/>. Exactly one of them ends it.
/// </summary>
internal interface IUpstreamStream
{
    Connection Connection { get; }

    StreamProtocol Protocol { get; }

    /// <summary>Whether the exchange can still begin: what was assigned from a queue may have been lost before it was taken.</summary>
    bool IsUsable { get; }

    /// <summary>Once it is not usable: whether that is no more than bad luck, for its connection has carried others and only takes no more. The
    /// request may then wait for the next connection. A connection that never carried anything promises nothing for the next.</summary>
    bool MayWaitAgain { get; }

    ValueTask<IoResult> EncodeHeadersAsync(RequestHeaders headers, bool endStream);

    ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream);

    ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers);

    ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into);

    ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into);

    HeaderTrailers? ResponseTrailers { get; }

    /// <summary>Why the peer's message was refused, after <see cref="ReadStatus.ProtocolError"/>.</summary>
    string ProtocolErrorDetails { get; }

    /// <summary>How the exchange was lost, after <see cref="ReadStatus.Reset"/>. A refused stream is the only one that the peer is known not
    /// to have acted upon.</summary>
    UpstreamResetReason ResetReason { get; }

    /// <summary>The code of the peer's RST_STREAM; null if it sent none.</summary>
    Http2ErrorCode? ResetCode { get; }

    /// <summary>Whether a write failed because the request's body is not as long as its head says.</summary>
    bool IsRequestMalformed { get; }

    /// <summary>Bytes of this exchange.</summary>
    ref readonly BytesMeter Bytes { get; }

    /// <summary>The exchange is over in both directions: the connection goes back to its pool if it can carry another.</summary>
    void Release();

    /// <summary>The exchange is given up; a pending read ends with <see cref="ReadStatus.Aborted"/>.</summary>
    void Reset();

    /// <summary>Nothing was sent: gives the place back as it was taken.</summary>
    void ReturnUnused();
}
