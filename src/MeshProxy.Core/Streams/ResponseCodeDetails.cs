namespace MeshProxy.Core.Streams;

/// <summary>Envoy's strings that say why a response has its code (<c>%RESPONSE_CODE_DETAILS%</c>). Filters may use strings of their own.</summary>
public static class ResponseCodeDetails
{
    /// <summary>The upstream set the code.</summary>
    public const string ViaUpstream = "via_upstream";

    // Connection manager: the request was refused.
    public const string AbsolutePathRejected = "absolute_path_rejected";
    public const string InvalidEnvoyRequestHeaders = "request_headers_failed_strict_check";
    public const string InvalidPath = "invalid_path";
    public const string LowVersion = "low_version";
    public const string MissingHost = "missing_host_header";
    public const string MissingPath = "missing_path_rejected";
    public const string OriginalIpDetectionFailed = "rejecting_because_detection_failed";
    public const string Overload = "overload";
    public const string PathNormalizationFailed = "path_normalization_failed";
    public const string UpgradeFailed = "upgrade_failed";
    public const string WebsocketHandshakeUnsuccessful = "websocket_handshake_unsuccessful";
    public const string EarlyConnectData = "early_connect_data";

    // Connection manager: time or size.
    public const string DownstreamHeaderTimeout = "downstream_header_timeout";
    public const string DurationTimeout = "duration_timeout";
    public const string MaxDurationTimeout = "max_duration_timeout";
    public const string RequestHeaderTimeout = "request_header_timeout";
    public const string RequestOverallTimeout = "request_overall_timeout";
    public const string StreamIdleTimeout = "stream_idle_timeout";
    public const string RequestPayloadTooLarge = "request_payload_too_large";
    public const string ResponsePayloadTooLarge = "response_payload_too_large";
    public const string RequestPayloadExceededRetryBufferLimit = "request_payload_exceeded_retry_buffer_limit";

    // Connection manager: the downstream went, or filters erred.
    public const string DownstreamRemoteDisconnect = "downstream_remote_disconnect";

    /// <summary>The prefix of <c>downstream_local_disconnect(reason)</c>.</summary>
    public const string DownstreamLocalDisconnect = "downstream_local_disconnect";
    public const string FilterAddedInvalidRequestData = "filter_added_invalid_request_data";
    public const string FilterAddedInvalidResponseData = "filter_added_invalid_response_data";
    public const string FilterChainNotFound = "filter_chain_not_found";
    public const string FilterRemovedRequiredRequestHeaders = "filter_removed_required_request_headers";
    public const string FilterRemovedRequiredResponseHeaders = "filter_removed_required_response_headers";

    // Router.
    public const string ClusterNotFound = "cluster_not_found";
    public const string DirectResponse = "direct_response";
    public const string DropOverload = "drop_overload";
    public const string InternalRedirect = "internal_redirect";
    public const string MaintenanceMode = "maintenance_mode";
    public const string NoHealthyUpstream = "no_healthy_upstream";

    /// <summary>The route's timeout passed (504). Older Envoys said upstream_response_timeout.</summary>
    public const string ResponseTimeout = "response_timeout";
    public const string RouteConfigurationNotFound = "route_configuration_not_found";
    public const string RouteNotFound = "route_not_found";
    public const string UnconditionalDropOverload = "unconditional_drop_overload";
    public const string UpstreamMaxStreamDurationReached = "upstream_max_stream_duration_reached";
    public const string UpstreamPerTryIdleTimeout = "upstream_per_try_idle_timeout";
    public const string UpstreamPerTryTimeout = "upstream_per_try_timeout";

    /// <summary>The prefix of <c>upstream_reset_before_response_started{reason}</c>.</summary>
    public const string EarlyUpstreamReset = "upstream_reset_before_response_started";

    /// <summary>The prefix of <c>upstream_reset_after_response_started{reason}</c>.</summary>
    public const string LateUpstreamReset = "upstream_reset_after_response_started";

    public const string AdminFilterResponse = "admin_filter_response";

    /// <summary><c>upstream_reset_before_response_started{connection_failure}</c>: the reasons that have a string made in advance.</summary>
    public static string EarlyReset(UpstreamResetReason reason) => Early[(int)reason];

    /// <summary><c>upstream_reset_after_response_started{connection_termination}</c>.</summary>
    public static string LateReset(UpstreamResetReason reason) => Late[(int)reason];

    private static readonly string[] Reasons =
    [
        "local_reset", "local_connection_failure", "remote_reset", "remote_connection_failure", "connection_timeout", "connection_termination",
        "overflow", "protocol_error", "overload_manager", "connect_error", "local_refused_stream_reset", "remote_refused_stream_reset",
    ];

    private static readonly string[] Early = Array.ConvertAll(Reasons, static r => $"{EarlyUpstreamReset}{{{r}}}");
    private static readonly string[] Late = Array.ConvertAll(Reasons, static r => $"{LateUpstreamReset}{{{r}}}");
}

/// <summary>Why an upstream stream was reset, in the order of the strings of <see cref="ResponseCodeDetails"/>.</summary>
public enum UpstreamResetReason : byte
{
    LocalReset,
    LocalConnectionFailure,
    RemoteReset,
    RemoteConnectionFailure,
    ConnectionTimeout,
    ConnectionTermination,
    Overflow,
    ProtocolError,
    OverloadManager,
    ConnectError,
    LocalRefusedStreamReset,
    RemoteRefusedStreamReset,
}
