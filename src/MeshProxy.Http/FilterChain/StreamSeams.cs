using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.FilterChain;

/// <summary>How reading a part of a message ended.</summary>
internal enum ReadStatus : byte
{
    /// <summary>A head, or a part of a body, with more to come.</summary>
    More,

    /// <summary>The message is complete; trailers, if there were some, are in the source's map.</summary>
    End,

    /// <summary>The peer reset the stream or closed the connection in the middle.</summary>
    Reset,

    /// <summary>This side gave the read up.</summary>
    Aborted,

    /// <summary>The peer broke the protocol.</summary>
    ProtocolError,
}

/// <summary>The downstream half of a stream: what a codec's server side offers the connection manager.</summary>
internal interface IDownstreamStream
{
    /// <summary>Appends the next part of the request body.</summary>
    ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into);

    /// <summary>Ends a pending <see cref="ReadBodyAsync"/> with <see cref="ReadStatus.Aborted"/>, from the ready queue.</summary>
    void AbortRead();

    HeaderTrailers? RequestTrailers { get; }

    ValueTask<IoResult> EncodeInformationalAsync(ResponseHeaders headers);

    ValueTask<IoResult> EncodeHeadersAsync(ResponseHeaders headers, bool endStream);

    ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream);

    ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers);
}

/// <summary>What the encode pump is to do after a head was read.</summary>
internal enum ResponseAction : byte
{
    Forward,

    /// <summary>A 1xx: forward it and read the next head.</summary>
    ForwardInformational,

    /// <summary>A local reply was sent in its place, or the stream is dead.</summary>
    Stop,
}

/// <summary>Where a response comes from: an upstream request or a local reply. Pulled by the encode pump.</summary>
internal interface IResponseSource
{
    ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into);

    /// <summary>Looks at the outcome of <see cref="ReadHeadersAsync"/>.</summary>
    ResponseAction OnHeaders(ReadStatus status, ResponseHeaders headers);

    ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into);

    HeaderTrailers? ResponseTrailers { get; }

    /// <summary>The response was read to its end, or broke off.</summary>
    void OnResponseEnd(ReadStatus status);

    /// <summary>The stream gave the response up: pending reads end with <see cref="ReadStatus.Aborted"/>, from the ready queue.</summary>
    void Cancel();
}

/// <summary>What the router may do beyond a filter.</summary>
internal interface IRouterCallbacks : IHttpFilterCallbacks
{
    /// <summary>Says what to cancel when the stream ends before <see cref="StartResponse"/>.</summary>
    void AttachSource(IResponseSource source);

    /// <summary>Starts the encode pump on this source; the router may go on forwarding the body.</summary>
    void StartResponse(IResponseSource source);

    /// <summary>Sets when <see cref="IRouterTimeout.OnRouteTimeout"/> runs, in milliseconds from now; 0 takes it back.</summary>
    void SetRouteTimeout(long timeoutMs, IRouterTimeout target);

    /// <summary>The stream ends here, as a disconnect of the downstream would end it.</summary>
    void ResetStream();

    bool IsAborted { get; }

    /// <summary>Whether the downstream asked for a tunnel: its codec holds what comes back until one is granted.</summary>
    bool IsTunnelRequest { get; }

    /// <summary>Whether <c>:scheme</c> becomes that of the upstream connection.</summary>
    bool SchemeMatchesUpstream { get; }
}

internal interface IRouterTimeout
{
    void OnRouteTimeout();
}
