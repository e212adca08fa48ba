namespace MeshProxy.Http.Config;

/// <summary>What HTTP/2 accepts, and its limits, on downstream or upstream connections (Envoy: <c>config.core.v3.Http2ProtocolOptions</c>).</summary>
/// <remarks>Immutable, compared by value. A limit that is exceeded ends the connection with GOAWAY unless said otherwise, and is counted under <c>http2.</c></remarks>
public sealed record Http2ProtocolOptions
{
    internal const int DefaultInitialStreamWindowSize = 16 * 1024 * 1024;
    internal const int DefaultInitialConnectionWindowSize = 24 * 1024 * 1024;

    /// <summary>The most bytes of HPACK's dynamic table, in both directions, 0 to 65535 (Envoy: <c>hpack_table_size</c>, without an upper end).</summary>
    /// <value>4096.</value>
    public int HpackTableSize { get; init; } = 4096;

    /// <summary>How many streams a connection may have at a time, 1 to 2147483647. Downstream: what the client is told, and a stream more is refused.
    /// Upstream: what we open at most, however many more the server takes (Envoy: <c>max_concurrent_streams</c>).</summary>
    /// <value>1024.</value>
    public int MaxConcurrentStreams { get; init; } = 1024;

    /// <summary>The bytes that a peer may send on a stream before we take some, 65535 to 2147483647 (Envoy: <c>initial_stream_window_size</c>).</summary>
    /// <value>16 MiB.</value>
    public int InitialStreamWindowSize { get; init; } = DefaultInitialStreamWindowSize;

    /// <summary>The same for the whole connection, 65535 to 2147483647 (Envoy: <c>initial_connection_window_size</c>).</summary>
    /// <value>24 MiB.</value>
    public int InitialConnectionWindowSize { get; init; } = DefaultInitialConnectionWindowSize;

    /// <summary>Whether extended CONNECT (RFC 8441: WebSocket over HTTP/2) is let in, or sent upstream (Envoy: <c>allow_connect</c>).</summary>
    /// <value>False.</value>
    public bool AllowConnect { get; init; }

    /// <summary>How many frames of any kind may wait for a peer that does not read (Envoy: <c>max_outbound_frames</c>).</summary>
    /// <value>10000.</value>
    public int MaxOutboundFrames { get; init; } = 10_000;

    /// <summary>How many acknowledgements of PING and SETTINGS, and RST_STREAM frames for what the peer did wrong, may wait for a peer that does
    /// not read (Envoy: <c>max_outbound_control_frames</c>).</summary>
    /// <value>1000.</value>
    public int MaxOutboundControlFrames { get; init; } = 1000;

    /// <summary>How many HEADERS, CONTINUATION and DATA frames without payload and without END_STREAM may come in a row
    /// (Envoy: <c>max_consecutive_inbound_frames_with_empty_payload</c>).</summary>
    /// <value>1.</value>
    public int MaxConsecutiveInboundFramesWithEmptyPayload { get; init; } = 1;

    /// <summary>How many PRIORITY frames may come for each stream opened, and one stream more (Envoy: <c>max_inbound_priority_frames_per_stream</c>).</summary>
    /// <value>100.</value>
    public int MaxInboundPriorityFramesPerStream { get; init; } = 100;

    /// <summary>How many WINDOW_UPDATE frames may come for each DATA frame sent: 5 + 2 × (streams opened + this × DATA frames sent) in all
    /// (Envoy: <c>max_inbound_window_update_frames_per_data_frame_sent</c>).</summary>
    /// <value>10.</value>
    public int MaxInboundWindowUpdateFramesPerDataFrameSent { get; init; } = 10;

    /// <summary>Whether a malformed message ends only its stream, rather than the connection
    /// (Envoy: <c>override_stream_error_on_invalid_http_message</c>).</summary>
    /// <value>Null: as the connection manager's <c>stream_error_on_invalid_http_message</c> says; false upstream.</value>
    public bool? OverrideStreamErrorOnInvalidHttpMessage { get; init; }

    /// <summary>Asks idle or silent peers whether they are there (Envoy: <c>connection_keepalive</c>).</summary>
    /// <value>Null: never.</value>
    public KeepaliveSettings? ConnectionKeepalive { get; init; }

    /// <summary>How many streams may be reset in a burst, by the peer or because of what it sent; they are forgiven at
    /// <see cref="MaxInboundResetsPerSecond"/>. Not in Envoy, whose <c>overload.premature_reset_*</c> counts by connection.</summary>
    /// <value>1000.</value>
    public int MaxInboundResetBurst { get; init; } = 1000;

    /// <summary>How many streams may be reset in a second, beyond the burst.</summary>
    /// <value>33.</value>
    public int MaxInboundResetsPerSecond { get; init; } = 33;

    /// <summary>How many CONTINUATION frames one header block may have.</summary>
    /// <value>32.</value>
    public int MaxContinuationFrames { get; init; } = 32;
}
