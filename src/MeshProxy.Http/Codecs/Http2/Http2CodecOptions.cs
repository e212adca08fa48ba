using MeshProxy.Core.Config;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>What a codec holds its peer to: gathered from the places of the config where Envoy puts it.</summary>
internal sealed record Http2CodecOptions
{
    public Http2ProtocolOptions Protocol { get; init; } = new();

    /// <summary>The largest header list (names, values and 32 bytes for each), in KiB, 1 to 64; trailers have the same limit.</summary>
    public int HeadKb { get; init; } = 60;

    /// <summary>How many headers a message may have, pseudo-headers not counted; trailers have the same limit.</summary>
    public int MaxHeadersCount { get; init; } = 100;

    /// <summary>Requests only.</summary>
    public HeadersWithUnderscoresAction HeadersWithUnderscoresAction { get; init; }

    /// <summary>Whether a malformed message ends only its stream, not the connection.</summary>
    public bool StreamErrorOnInvalidHttpMessage { get; init; }

    /// <summary>A stream whose queue holds more than this is above its high watermark.</summary>
    public int HighWatermarkBytes { get; init; } = 1024 * 1024;

    /// <summary>It is writable again when its queue has fallen to this.</summary>
    public int LowWatermarkBytes => HighWatermarkBytes / 2;

    /// <summary>For the requests of a connection manager.</summary>
    public static Http2CodecOptions Downstream(HttpConnectionManagerConfig config, int bufferLimitBytes) => new()
    {
        Protocol = config.Http2ProtocolOptions,
        HeadKb = config.MaxRequestHeadersKb,
        MaxHeadersCount = config.CommonHttpProtocolOptions.MaxHeadersCount,
        HeadersWithUnderscoresAction = config.CommonHttpProtocolOptions.HeadersWithUnderscoresAction,
        StreamErrorOnInvalidHttpMessage = config.Http2ProtocolOptions.OverrideStreamErrorOnInvalidHttpMessage ?? config.StreamErrorOnInvalidHttpMessage,
        HighWatermarkBytes = bufferLimitBytes,
    };

    /// <summary>For the responses of a cluster.</summary>
    public static Http2CodecOptions Upstream(HttpProtocolOptions common, Http2ProtocolOptions protocol, int bufferLimitBytes) => new()
    {
        Protocol = protocol,
        MaxHeadersCount = common.MaxHeadersCount,
        StreamErrorOnInvalidHttpMessage = protocol.OverrideStreamErrorOnInvalidHttpMessage ?? false,
        HighWatermarkBytes = bufferLimitBytes,
    };
}
