using MeshProxy.Core.Stats;

namespace MeshProxy.Core.NetworkFilters.TcpProxy;

/// <summary>The counters of one <c>stat_prefix</c>, <c>tcp.PREFIX.*</c>, under Envoy's names.</summary>
internal sealed class TcpProxyStats(StatsScope scope)
{
    public Counter ConnectionsTotal { get; } = scope.Counter("downstream_cx_total");

    /// <summary>Connections that found no cluster.</summary>
    public Counter NoRoute { get; } = scope.Counter("downstream_cx_no_route");

    public Counter SentBytes { get; } = scope.Counter("downstream_cx_tx_bytes_total");

    /// <summary>Bytes that wait for slow clients, where so many do that the upstream is not read.</summary>
    public Gauge SentBytesBuffered { get; } = scope.Gauge("downstream_cx_tx_bytes_buffered");

    public Counter ReceivedBytes { get; } = scope.Counter("downstream_cx_rx_bytes_total");

    /// <summary>Bytes that wait for slow upstreams, where so many do that the client is not read.</summary>
    public Gauge ReceivedBytesBuffered { get; } = scope.Gauge("downstream_cx_rx_bytes_buffered");

    public Counter PausedReading { get; } = scope.Counter("downstream_flow_control_paused_reading_total");

    public Counter ResumedReading { get; } = scope.Counter("downstream_flow_control_resumed_reading_total");

    public Counter IdleTimeout { get; } = scope.Counter("idle_timeout");

    public Counter MaxDownstreamConnectionDuration { get; } = scope.Counter("max_downstream_connection_duration");

    /// <summary>Upstream connections that had bytes to send when their client was gone.</summary>
    public Counter UpstreamFlushTotal { get; } = scope.Counter("upstream_flush_total");

    public Gauge UpstreamFlushActive { get; } = scope.Gauge("upstream_flush_active");
}
