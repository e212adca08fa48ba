namespace MeshProxy.Core.Streams;

/// <summary>Envoy's strings that say why this proxy closed a connection (<c>%CONNECTION_TERMINATION_DETAILS%</c> and the like).</summary>
public static class LocalCloseReasons
{
    public const string DeferredCloseOnDrainedConnection = "deferred_close_on_drained_connection";
    public const string IdleTimeoutOnConnection = "on_idle_timeout";
    public const string CloseForConnectRequestOrTcpTunneling = "close_for_connect_request_or_tcp_tunneling";
    public const string Http2PingTimeout = "http2_ping_timeout";
    public const string Http2ConnectionProtocolViolation = "http2_connection_protocol_violation";
    public const string TransportSocketTimeout = "transport_socket_timeout";
    public const string TriggeredDelayedCloseTimeout = "triggered_delayed_close_timeout";
    public const string TcpSessionIdleTimeout = "tcp_session_idle_timeout";
    public const string MaxConnectionDurationReached = "max_connection_duration_reached";
    public const string ClosingUpstreamTcpDueToDownstreamRemoteClose = "closing_upstream_tcp_connection_due_to_downstream_remote_close";
    public const string ClosingUpstreamTcpDueToDownstreamLocalClose = "closing_upstream_tcp_connection_due_to_downstream_local_close";
    public const string ClosingUpstreamTcpDueToDownstreamResetClose = "closing_upstream_tcp_connection_due_to_downstream_reset_close";
}
