namespace MeshProxy.Http.Config;

/// <summary>What HTTP/1.1 accepts and writes on downstream connections (Envoy: <c>config.core.v3.Http1ProtocolOptions</c>).</summary>
/// <remarks>Immutable, compared by value. The limits of heads stand beside it, in <see cref="HttpConnectionManagerConfig"/>.</remarks>
public sealed record Http1ProtocolOptions
{
    /// <summary>Whether a request may name its target by a whole URI (Envoy: <c>allow_absolute_url</c>). If not, such a request gets a 400.</summary>
    /// <value>True.</value>
    public bool AllowAbsoluteUrl { get; init; } = true;

    /// <summary>Whether HTTP/1.0 requests are served (Envoy: <c>accept_http_10</c>). If not, they get a 426.</summary>
    /// <value>False.</value>
    public bool AcceptHttp10 { get; init; }

    /// <summary>The Host of an HTTP/1.0 request that has none; if empty, it gets a 400 (Envoy: <c>default_host_for_http_10</c>).</summary>
    /// <value>Empty.</value>
    public string DefaultHostForHttp10 { get; init; } = "";

    /// <summary>
    /// Whether a message with both Content-Length and <c>Transfer-Encoding: chunked</c> is taken as chunked, its
    /// Content-Length dropped and its connection closed after it (Envoy: <c>allow_chunked_length</c>). If not, it is refused.
    /// </summary>
    /// <value>False.</value>
    public bool AllowChunkedLength { get; init; }

    /// <summary>Whether trailers are passed on (Envoy: <c>enable_trailers</c>). If not, they are checked and dropped.</summary>
    /// <value>False.</value>
    public bool EnableTrailers { get; init; }

    /// <summary>Whether names are passed on in the case in which they came (Envoy: <c>header_key_format</c> with the
    /// <c>preserve_case</c> formatter); else in lower case, requests and responses alike.</summary>
    /// <value>True, where Envoy writes lower case.</value>
    public bool PreserveCase { get; init; } = true;
}
