using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.FilterChain;

/// <summary>A stream, as its HTTP filters see it. Worker thread only: on another one its methods throw <see cref="InvalidOperationException"/>. On a
/// stream that has ended they do nothing.</summary>
public interface IHttpFilterCallbacks
{
    EventLoop Loop { get; }

    /// <summary>The downstream connection.</summary>
    Connection Connection { get; }

    StreamInfo StreamInfo { get; }

    RequestHeaders RequestHeaders { get; }

    /// <summary>Null until the response has begun.</summary>
    ResponseHeaders? ResponseHeaders { get; }

    /// <summary>Cancelled when the stream is reset, so that work done for it can stop. Made on first use.</summary>
    CancellationToken Aborted { get; }

    /// <summary>The route of the request, selected on first use; null when none matches.</summary>
    RouteEntry? Route { get; }

    /// <summary>Forgets the route, so that it is selected again from the headers as they are now.</summary>
    void ClearRouteCache();

    /// <summary>
    /// A filter's config for the route (Envoy: <c>typed_per_filter_config</c>): the most specific of route, virtual host and route
    /// configuration; null when none has one.
    /// </summary>
    /// <param name="filterName">The name that the filter has in the chain.</param>
    T? RouteConfig<T>(string filterName)
        where T : class;

    /// <summary>
    /// Answers the request from here. Encoding starts after the present filter call returns, which should be with
    /// <see cref="FilterStatus.StopIteration"/>. Once response headers have been sent, the stream is reset instead.
    /// </summary>
    /// <param name="details">The response-code detail that says why, for logs.</param>
    /// <param name="modifyHeaders">Changes the reply's headers before encoding.</param>
    void SendLocalReply(int status, string body, string details, Action<ResponseHeaders>? modifyHeaders = null);

    /// <summary>
    /// Reads the whole request body before the next filter sees the request, and returns it; it is then shown to the filters after
    /// this one as one piece. Over the limit the request is answered with 413 and null is returned, as it is when the stream dies. Only
    /// inside <see cref="IStreamDecoderFilter.DecodeHeadersAsync"/>.
    /// </summary>
    ValueTask<IoBuffer?> BufferRequestBodyAsync(long maxBytes);

    /// <summary>
    /// Takes the next part of the request body out of the stream: what is read here is not shown to later filters.
    /// Returns false at the end of the body or of the stream. Only inside <see cref="IStreamDecoderFilter.DecodeHeadersAsync"/>.
    /// </summary>
    ValueTask<bool> ReadRequestDataAsync(IoBuffer into);
}
