namespace MeshProxy.Http.Config;

/// <summary>Whether requests with this <c>upgrade</c> are let through (Envoy: <c>UpgradeConfig</c> of the connection manager and of
/// <c>RouteAction</c>).</summary>
/// <param name="UpgradeType">Compared without case: <c>websocket</c>, or <c>CONNECT</c> for that method.</param>
/// <param name="Enabled">True by default; a route's entry overrides the connection manager's of the same type.</param>
public sealed record UpgradeConfig(string UpgradeType, bool Enabled = true);
