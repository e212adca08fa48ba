using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>What to accept connections on, and what to do with them (Envoy: <c>config.listener.v3.Listener</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record ListenerConfig
{
    /// <summary>Unique among the listeners; updates and removals go by it (Envoy: <c>name</c>).</summary>
    public required string Name { get; init; }

    /// <summary>Where to listen (Envoy: <c>address</c>; an <see cref="InternalAddress"/> is Envoy's <c>internal_listener</c>).</summary>
    public required NetworkAddress Address { get; init; }

    /// <summary>Further addresses of the same kind with the same chains (Envoy: <c>additional_addresses</c>).</summary>
    public EquatableArray<NetworkAddress> AdditionalAddresses { get; init; }

    /// <summary>The first name part of the listener's stats, <c>listener.PREFIX.</c> (Envoy: <c>stat_prefix</c>).</summary>
    /// <value>Empty: the address.</value>
    public string StatPrefix { get; init; } = "";

    /// <summary>The chain whose match fits a connection best gets it (Envoy: <c>filter_chains</c>).</summary>
    public EquatableArray<FilterChainConfig> FilterChains { get; init; }

    /// <summary>The chain for connections that no other fits; its match is ignored (Envoy: <c>default_filter_chain</c>).</summary>
    /// <value>Null: such connections are closed.</value>
    public FilterChainConfig? DefaultFilterChain { get; init; }

    /// <summary>Run in order on a new socket before the chain is chosen (Envoy: <c>listener_filters</c>).</summary>
    public EquatableArray<ExtensionConfig> ListenerFilters { get; init; }

    /// <summary>How long all listener filters together may take; zero means no limit (Envoy: <c>listener_filters_timeout</c>).</summary>
    /// <value>15 seconds.</value>
    public TimeSpan ListenerFiltersTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Whether a connection whose listener filters ran out of time is served all the same, rather than closed
    /// (Envoy: <c>continue_on_listener_filters_timeout</c>).</summary>
    /// <value>False.</value>
    public bool ContinueOnListenerFiltersTimeout { get; init; }

    /// <summary>The soft limit of a connection's read and write buffers, in bytes (Envoy: <c>per_connection_buffer_limit_bytes</c>).</summary>
    /// <value>1 MiB.</value>
    public int PerConnectionBufferLimitBytes { get; init; } = 1024 * 1024;

    /// <summary>Whether to bind the address at all (Envoy: <c>bind_to_port</c>). A listener that does not bind gets only connections that
    /// another one hands over.</summary>
    /// <value>True.</value>
    public bool BindToPort { get; init; } = true;

    /// <summary>Whether a connection whose destination a listener filter has restored goes to the listener of that address, if there is one
    /// (Envoy: <c>use_original_dst</c>). The listener filters of that one run too.</summary>
    /// <value>False.</value>
    public bool UseOriginalDst { get; init; }

    /// <summary>One SO_REUSEPORT socket a worker, where the system spreads accepts over them (Linux); otherwise the workers share one
    /// (Envoy: <c>enable_reuse_port</c>).</summary>
    /// <value>True.</value>
    public bool EnableReusePort { get; init; } = true;

    /// <summary>Whether a socket bound to <c>::</c> also takes IPv4 connections, which then appear as IPv4
    /// (Envoy: <c>socket_address.ipv4_compat</c>). Only for IPv6 addresses.</summary>
    /// <value>False.</value>
    public bool Ipv4Compat { get; init; }

    /// <summary>The length of the queue of connections not yet accepted (Envoy: <c>tcp_backlog_size</c>).</summary>
    /// <value>Null: net.core.somaxconn on Linux, 128 elsewhere.</value>
    public int? TcpBacklogSize { get; init; }

    /// <summary>How many connections at most are accepted each time that the socket is readable
    /// (Envoy: <c>max_connections_to_accept_per_socket_event</c>, there without limit by default).</summary>
    /// <value>Null: 64.</value>
    public int? MaxConnectionsToAcceptPerSocketEvent { get; init; }

    /// <summary>How many connections may be open at once over all workers; further ones are closed at once and counted
    /// (Envoy: the runtime key <c>envoy.resource_limits.listener.NAME.connection_limit</c>).</summary>
    /// <value>Null: no limit.</value>
    public int? MaxConnections { get; init; }

    /// <summary>How accepted connections are spread over workers (Envoy: <c>connection_balance_config</c>).</summary>
    /// <value>None: the kernel's choice stands.</value>
    public ConnectionBalance ConnectionBalanceConfig { get; init; }

    /// <summary>Whether small writes leave at once (TCP_NODELAY). Envoy always sets it.</summary>
    /// <value>True.</value>
    public bool TcpNoDelay { get; init; } = true;

    /// <summary>TCP keepalive of accepted connections (Envoy: by <c>socket_options</c>).</summary>
    /// <value>Null: off.</value>
    public TcpKeepaliveConfig? TcpKeepalive { get; init; }

    /// <summary>Which way the traffic goes as seen from the app beside this proxy (Envoy: <c>traffic_direction</c>). It changes nothing in the
    /// way of a byte; tracing and admin tell of it.</summary>
    /// <value>Unspecified.</value>
    public TrafficDirection TrafficDirection { get; init; }

    /// <summary>Whether the listener also drains when the server is told to fail its health checks (Envoy: <c>drain_type</c>). No filter
    /// of this version answers health checks.</summary>
    /// <value>Default: it does.</value>
    public DrainType DrainType { get; init; }

    /// <summary>A line for each connection, also for those that no chain fits (Envoy: <c>access_log</c>).</summary>
    public EquatableArray<AccessLogConfig> AccessLog { get; init; }
}

/// <summary>Envoy: <c>Listener.ConnectionBalanceConfig</c>.</summary>
public enum ConnectionBalance : byte
{
    /// <summary>A connection stays with the worker that accepted it.</summary>
    None,

    /// <summary>It goes to the worker with the fewest connections of this listener. For few connections that live long.</summary>
    ExactBalance,
}

/// <summary>Envoy: <c>config.core.v3.TrafficDirection</c>.</summary>
public enum TrafficDirection : byte
{
    Unspecified,
    Inbound,
    Outbound,
}

/// <summary>Envoy: <c>Listener.DrainType</c>.</summary>
public enum DrainType : byte
{
    /// <summary>On removal, update, server stop, and when health checks are set to fail.</summary>
    Default,

    /// <summary>Only on removal, update and server stop.</summary>
    ModifyOnly,
}
