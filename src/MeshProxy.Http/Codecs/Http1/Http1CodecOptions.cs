using MeshProxy.Core.Config;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>What a decoder holds its messages to: gathered from the places of the config where Envoy puts it.</summary>
internal sealed record Http1CodecOptions
{
    public Http1ProtocolOptions Protocol { get; init; } = new();

    /// <summary>The largest head, start line included, in KiB; trailers have the same limit.</summary>
    public int HeadKb { get; init; } = 60;

    /// <summary>How many headers a message may have; trailers have the same limit.</summary>
    public int MaxHeadersCount { get; init; } = 100;

    /// <summary>Requests only.</summary>
    public HeadersWithUnderscoresAction HeadersWithUnderscoresAction { get; init; }

    /// <summary>For the requests of a connection manager.</summary>
    public static Http1CodecOptions Downstream(HttpConnectionManagerConfig config) => new()
    {
        Protocol = config.HttpProtocolOptions,
        HeadKb = config.MaxRequestHeadersKb,
        MaxHeadersCount = config.CommonHttpProtocolOptions.MaxHeadersCount,
        HeadersWithUnderscoresAction = config.CommonHttpProtocolOptions.HeadersWithUnderscoresAction,
    };

    /// <summary>For the responses of a cluster. If it says nothing of HTTP/1, trailers are read; whether they go on is for the connection manager to say.</summary>
    public static Http1CodecOptions Upstream(HttpProtocolOptions options, Http1ProtocolOptions? protocol = null) => new()
    {
        Protocol = protocol ?? new Http1ProtocolOptions { EnableTrailers = true },
        MaxHeadersCount = options.MaxHeadersCount,
    };
}
