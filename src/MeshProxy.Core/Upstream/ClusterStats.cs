using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Upstream;

/// <summary>A cluster's counters under Envoy's names, <c>cluster.NAME.*</c>.</summary>
internal sealed class ClusterStats(StatsScope scope)
{
    public StatsScope Scope { get; } = scope;

    public Counter ConnectionsTotal { get; } = scope.Counter("upstream_cx_total");

    public Gauge ConnectionsActive { get; } = scope.Gauge("upstream_cx_active");

    public Counter Http1ConnectionsTotal { get; } = scope.Counter("upstream_cx_http1_total");

    public Counter Http2ConnectionsTotal { get; } = scope.Counter("upstream_cx_http2_total");

    /// <summary>Connections that the peer has announced it will close.</summary>
    public Counter CloseNotify { get; } = scope.Counter("upstream_cx_close_notify");

    public Counter ConnectFail { get; } = scope.Counter("upstream_cx_connect_fail");

    public Counter ConnectTimeout { get; } = scope.Counter("upstream_cx_connect_timeout");

    public Counter ConnectAttemptsExceeded { get; } = scope.Counter("upstream_cx_connect_attempts_exceeded");

    public Counter ConnectionOverflow { get; } = scope.Counter("upstream_cx_overflow");

    public Counter IdleTimeout { get; } = scope.Counter("upstream_cx_idle_timeout");

    public Counter MaxRequestsReached { get; } = scope.Counter("upstream_cx_max_requests");

    public Counter ConnectionsDestroyed { get; } = scope.Counter("upstream_cx_destroy");

    public Counter DestroyedLocal { get; } = scope.Counter("upstream_cx_destroy_local");

    public Counter DestroyedRemote { get; } = scope.Counter("upstream_cx_destroy_remote");

    public Counter DestroyedWithActiveRequest { get; } = scope.Counter("upstream_cx_destroy_with_active_rq");

    public Counter ProtocolError { get; } = scope.Counter("upstream_cx_protocol_error");

    public Counter ReceivedBytes { get; } = scope.Counter("upstream_cx_rx_bytes_total");

    public Counter SentBytes { get; } = scope.Counter("upstream_cx_tx_bytes_total");

    public Counter PausedReading { get; } = scope.Counter("upstream_flow_control_paused_reading_total");

    public Counter ResumedReading { get; } = scope.Counter("upstream_flow_control_resumed_reading_total");

    public Counter NoneHealthy { get; } = scope.Counter("upstream_cx_none_healthy");

    public Histogram ConnectMs { get; } = scope.Histogram("upstream_cx_connect_ms");

    public Histogram ConnectionLengthMs { get; } = scope.Histogram("upstream_cx_length_ms");

    public Counter RequestsTotal { get; } = scope.Counter("upstream_rq_total");

    public Gauge RequestsActive { get; } = scope.Gauge("upstream_rq_active");

    public ResponseCounters Responses { get; } = new(scope, "upstream_rq");

    public Counter PendingTotal { get; } = scope.Counter("upstream_rq_pending_total");

    public Gauge PendingActive { get; } = scope.Gauge("upstream_rq_pending_active");

    public Counter PendingOverflow { get; } = scope.Counter("upstream_rq_pending_overflow");

    public Counter PendingFailureEject { get; } = scope.Counter("upstream_rq_pending_failure_eject");

    public Counter RequestCancelled { get; } = scope.Counter("upstream_rq_cancelled");

    public Counter RequestTimeout { get; } = scope.Counter("upstream_rq_timeout");

    public Counter ResetByPeer { get; } = scope.Counter("upstream_rq_rx_reset");

    public Counter ResetByUs { get; } = scope.Counter("upstream_rq_tx_reset");

    public Counter UnsolicitedBytes { get; } = scope.Counter("upstream_cx_unsolicited_bytes");

    public Histogram RequestTimeMs { get; } = scope.Histogram("upstream_rq_time");

    public Gauge MembershipTotal { get; } = scope.Gauge("membership_total");

    public Gauge MembershipHealthy { get; } = scope.Gauge("membership_healthy");
}
