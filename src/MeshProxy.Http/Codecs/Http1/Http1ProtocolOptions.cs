namespace MeshProxy.Http.Codecs.Http1;

/// <summary>How HTTP/1 is spoken on a connection (Envoy's <c>Http1ProtocolOptions</c> and the header limits that go with it).</summary>
public sealed record Http1ProtocolOptions
{
    /// <summary>Whether a request may name its target by a whole URI (<c>allow_absolute_url</c>). If not, such a request gets a 400.</summary>
    /// <value>True.</value>
    public bool AllowAbsoluteUrl { get; init; } = true;

    /// <summary>Whether HTTP/1.0 requests are served (<c>accept_http_10</c>). If not, they get a 426.</summary>
    /// <value>False.</value>
    public bool AcceptHttp10 { get; init; }

    /// <summary>The Host of an HTTP/1.0 request that has none (<c>default_host_for_http_10</c>); if empty, it gets a 400.</summary>
    /// <value>Empty.</value>
    public string DefaultHostForHttp10 { get; init; } = "";

    /// <summary>
    /// Whether a message with both Content-Length and <c>Transfer-Encoding: chunked</c> is taken as chunked, its
    /// Content-Length dropped and its connection closed after it (<c>allow_chunked_length</c>). If not, it is refused.
    /// </summary>
    /// <value>False.</value>
    public bool AllowChunkedLength { get; init; }

    /// <summary>Whether trailers are passed on (<c>enable_trailers</c>). If not, they are checked and dropped.</summary>
    /// <value>False.</value>
    public bool EnableTrailers { get; init; }

    /// <summary>Whether names are passed on in the case in which they came (Envoy's <c>preserve_case</c> formatter); else in lower case.</summary>
    /// <value>True.</value>
    public bool PreserveCase { get; init; } = true;

    /// <summary>What happens to a header with an underscore in its name (<c>headers_with_underscores_action</c>).</summary>
    /// <value><see cref="HeadersWithUnderscoresAction.Allow"/>.</value>
    public HeadersWithUnderscoresAction HeadersWithUnderscoresAction { get; init; }

    /// <summary>The largest head, start line included, in KiB; trailers have the same limit. 1 to 64.</summary>
    /// <value>60.</value>
    public int MaxRequestHeadersKb { get; init; } = 60;

    /// <summary>How many headers a message may have; trailers have the same limit.</summary>
    /// <value>100.</value>
    public int MaxHeadersCount { get; init; } = 100;
}

/// <summary>What happens to a header with an underscore in its name, which some servers take for a dash.</summary>
public enum HeadersWithUnderscoresAction : byte
{
    /// <summary>It is passed on.</summary>
    Allow = 0,

    /// <summary>The request gets a 400.</summary>
    RejectRequest = 1,

    /// <summary>The header is left out.</summary>
    DropHeader = 2,
}
