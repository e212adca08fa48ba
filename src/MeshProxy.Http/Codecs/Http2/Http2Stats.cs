using MeshProxy.Core.Stats;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>The codec's counters under Envoy's names, <c>http2.*</c> for downstream and <c>cluster.NAME.http2.*</c> for upstream.</summary>
/// <param name="parent">The scope that <c>http2.</c> stands in. A stat is made when it is first counted.</param>
/// <remarks>From any thread: making the same stat twice gives the same one.</remarks>
internal sealed class Http2Stats(StatsScope parent)
{
    private readonly StatsScope _scope = parent.Scope("http2");

    public Counter RxReset => field ??= Counter("rx_reset");

    public Counter TxReset => field ??= Counter("tx_reset");

    public Counter RxMessagingError => field ??= Counter("rx_messaging_error");

    /// <summary>A header list past its limit, in bytes or in headers.</summary>
    public Counter HeaderOverflow => field ??= Counter("header_overflow");

    public Counter HeadersCbNoStream => field ??= Counter("headers_cb_no_stream");

    public Counter InboundEmptyFramesFlood => field ??= Counter("inbound_empty_frames_flood");

    public Counter InboundPriorityFramesFlood => field ??= Counter("inbound_priority_frames_flood");

    public Counter InboundWindowUpdateFramesFlood => field ??= Counter("inbound_window_update_frames_flood");

    public Counter OutboundFlood => field ??= Counter("outbound_flood");

    public Counter OutboundControlFlood => field ??= Counter("outbound_control_flood");

    public Counter RequestsRejectedForUnderscores => field ??= Counter("requests_rejected_with_underscores_in_headers");

    public Counter DroppedHeadersWithUnderscores => field ??= Counter("dropped_headers_with_underscores");

    public Counter StreamRefusedErrors => field ??= Counter("stream_refused_errors");

    /// <summary>More informational heads before one response than the limit.</summary>
    public Counter TooManyHeaderFrames => field ??= Counter("too_many_header_frames");

    public Counter Trailers => field ??= Counter("trailers");

    public Counter GoAwaySent => field ??= Counter("goaway_sent");

    /// <summary>Counted by the connection that owns the codec.</summary>
    public Counter TxFlushTimeout => field ??= Counter("tx_flush_timeout");

    /// <summary>Counted by the connection that owns the codec.</summary>
    public Counter KeepaliveTimeout => field ??= Counter("keepalive_timeout");

    // Those below have no name in Envoy.

    /// <summary>Streams reset faster than the limit, by the peer or because of what it sent.</summary>
    public Counter InboundResetFlood => field ??= Counter("inbound_reset_flood");

    /// <summary>More CONTINUATION frames or bytes in one header block than the limit.</summary>
    public Counter InboundContinuationFlood => field ??= Counter("inbound_continuation_flood");

    /// <summary>A header block that unpacks to more than is decoded even to be thrown away.</summary>
    public Counter HeaderExpansionFlood => field ??= Counter("header_expansion_flood");

    /// <summary>More frames of unknown types than the limit.</summary>
    public Counter InboundExtensionFramesFlood => field ??= Counter("inbound_extension_frames_flood");

    public Gauge StreamsActive => field ??= _scope.Gauge("streams_active");

    public Gauge PendingSendBytes => field ??= _scope.Gauge("pending_send_bytes");

    private Counter Counter(string name) => _scope.Counter(name);
}
