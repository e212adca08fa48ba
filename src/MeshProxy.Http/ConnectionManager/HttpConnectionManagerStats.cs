using MeshProxy.Core.Stats;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>A connection manager's counters under Envoy's names, <c>http.STAT_PREFIX.*</c>.</summary>
internal sealed class HttpConnectionManagerStats(StatsScope scope)
{
    public StatsScope Scope { get; } = scope;

    public Counter ConnectionsTotal { get; } = scope.Counter("downstream_cx_total");

    public Gauge ConnectionsActive { get; } = scope.Gauge("downstream_cx_active");

    public Counter Http1ConnectionsTotal { get; } = scope.Counter("downstream_cx_http1_total");

    public Gauge Http1ConnectionsActive { get; } = scope.Gauge("downstream_cx_http1_active");

    public Counter Http2ConnectionsTotal { get; } = scope.Counter("downstream_cx_http2_total");

    public Gauge Http2ConnectionsActive { get; } = scope.Gauge("downstream_cx_http2_active");

    public Counter ConnectionsDestroyed { get; } = scope.Counter("downstream_cx_destroy");

    public Counter DestroyedRemote { get; } = scope.Counter("downstream_cx_destroy_remote");

    public Counter DestroyedLocal { get; } = scope.Counter("downstream_cx_destroy_local");

    public Counter DestroyedRemoteActive { get; } = scope.Counter("downstream_cx_destroy_remote_active_rq");

    public Counter DestroyedLocalActive { get; } = scope.Counter("downstream_cx_destroy_local_active_rq");

    public Counter IdleTimeout { get; } = scope.Counter("downstream_cx_idle_timeout");

    public Counter MaxDurationReached { get; } = scope.Counter("downstream_cx_max_duration_reached");

    public Counter MaxRequestsReached { get; } = scope.Counter("downstream_cx_max_requests_reached");

    public Counter DrainClose { get; } = scope.Counter("downstream_cx_drain_close");

    public Counter ProtocolError { get; } = scope.Counter("downstream_cx_protocol_error");

    public Histogram ConnectionLengthMs { get; } = scope.Histogram("downstream_cx_length_ms");

    public Counter ReceivedBytes { get; } = scope.Counter("downstream_cx_rx_bytes_total");

    public Counter SentBytes { get; } = scope.Counter("downstream_cx_tx_bytes_total");

    public Counter UpgradesTotal { get; } = scope.Counter("downstream_cx_upgrades_total");

    public Gauge UpgradesActive { get; } = scope.Gauge("downstream_cx_upgrades_active");

    public Counter RequestsTotal { get; } = scope.Counter("downstream_rq_total");

    public Counter Http1RequestsTotal { get; } = scope.Counter("downstream_rq_http1_total");

    public Counter Http2RequestsTotal { get; } = scope.Counter("downstream_rq_http2_total");

    public Gauge RequestsActive { get; } = scope.Gauge("downstream_rq_active");

    public ResponseCounters Responses { get; } = new(scope, "downstream_rq");

    public Histogram RequestTimeMs { get; } = scope.Histogram("downstream_rq_time");

    public Counter RequestIdleTimeout { get; } = scope.Counter("downstream_rq_idle_timeout");

    public Counter RequestTimeout { get; } = scope.Counter("downstream_rq_timeout");

    public Counter HeaderTimeout { get; } = scope.Counter("downstream_rq_header_timeout");

    public Counter MaxDurationRequest { get; } = scope.Counter("downstream_rq_max_duration_reached");

    public Counter ResetByPeer { get; } = scope.Counter("downstream_rq_rx_reset");

    public Counter ResetByUs { get; } = scope.Counter("downstream_rq_tx_reset");

    public Counter TooManyPrematureResets { get; } = scope.Counter("downstream_rq_too_many_premature_resets");

    public Counter ResponseBeforeRequestComplete { get; } = scope.Counter("downstream_rq_response_before_rq_complete");

    public Counter TooLarge { get; } = scope.Counter("downstream_rq_too_large");

    public Counter HeadersWithUnderscoresDropped { get; } = scope.Counter("dropped_headers_with_underscores");

    public Counter RequestsRejectedForUnderscores { get; } = scope.Counter("requests_rejected_with_underscores_in_headers");

    public Counter FilterFaults { get; } = scope.Counter("downstream_rq_filter_fault");

    /// <summary>Streams that have ended while a filter call is still outstanding.</summary>
    public Gauge ZombieStreams { get; } = scope.Gauge("downstream_rq_zombie");
}
