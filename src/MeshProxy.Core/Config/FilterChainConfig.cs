namespace MeshProxy.Core.Config;

/// <summary>Network filters, the transport under them, and which connections they serve (Envoy: <c>config.listener.v3.FilterChain</c>).</summary>
/// <remarks>Immutable, compared by value: an update drains only the connections of chains that changed.</remarks>
public sealed record FilterChainConfig
{
    /// <summary>Unique within the listener where it is not empty; for logs and errors (Envoy: <c>name</c>).</summary>
    /// <value>Empty.</value>
    public string Name { get; init; } = "";

    /// <summary>What a connection must have to get this chain (Envoy: <c>filter_chain_match</c>).</summary>
    /// <value>Fits every connection.</value>
    public FilterChainMatchConfig FilterChainMatch { get; init; } = FilterChainMatchConfig.Any;

    /// <summary>Network filters in order; the last one is terminal. Without any the connection is closed (Envoy: <c>filters</c>).</summary>
    public EquatableArray<ExtensionConfig> Filters { get; init; }

    /// <summary>What lies between the socket and the filters, for example TLS (Envoy: <c>transport_socket</c>).</summary>
    /// <value>Null: plain bytes, <c>envoy.transport_sockets.raw_buffer</c>.</value>
    public ExtensionConfig? TransportSocket { get; init; }

    /// <summary>How long the transport's handshake may take; zero means no limit (Envoy: <c>transport_socket_connect_timeout</c>).</summary>
    /// <value>Zero.</value>
    public TimeSpan TransportSocketConnectTimeout { get; init; }
}
