namespace MeshProxy.Http.Config;

/// <summary>Whether requests with this <c>upgrade</c> are let through (Envoy: <c>UpgradeConfig</c> of the connection manager and of
/// <c>RouteAction</c>).</summary>
/// <param name="UpgradeType">Compared without case: <c>websocket</c>, or <c>CONNECT</c> for that method.</param>
/// <param name="Enabled">True by default; a route's entry overrides the connection manager's of the same type.</param>
public sealed record UpgradeConfig(string UpgradeType, bool Enabled = true)
{
    /// <summary>On a route, for <c>CONNECT</c>: the tunnel ends here. The cluster is connected to by plain TCP (or TLS, if it has that), and what
    /// the request carries as its body is what is sent there (Envoy: <c>connect_config</c>).</summary>
    /// <value>Null: CONNECT is forwarded as a request.</value>
    public ConnectConfig? ConnectConfig { get; init; }
}

/// <summary>How a tunnel that ends here is made (Envoy: <c>RouteAction.UpgradeConfig.ConnectConfig</c>).</summary>
/// <remarks>Immutable, compared by value. Envoy's <c>proxy_protocol_config</c> is the transport socket
/// <c>envoy.transport_sockets.upstream_proxy_protocol</c> of the cluster here.</remarks>
public sealed record ConnectConfig
{
    /// <summary>Whether a POST is such a tunnel, too (Envoy: <c>allow_post</c>).</summary>
    /// <value>False.</value>
    public bool AllowPost { get; init; }
}
