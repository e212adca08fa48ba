using MeshProxy.Core.Stats;

namespace MeshProxy.Core.ListenerFilters.ProxyProtocol;

/// <summary><c>proxy_proto.[PREFIX.]*</c>, under Envoy's names.</summary>
internal sealed class ProxyProtocolStats(StatsScope scope)
{
    public Counter NotFoundDisallowed { get; } = scope.Counter("not_found_disallowed");

    public Counter NotFoundAllowed { get; } = scope.Counter("not_found_allowed");

    public ProxyProtocolVersionStats V1 { get; } = new(scope.Scope("versions.v1"));

    public ProxyProtocolVersionStats V2 { get; } = new(scope.Scope("versions.v2"));
}

internal sealed class ProxyProtocolVersionStats(StatsScope scope)
{
    public Counter Found { get; } = scope.Counter("found");

    public Counter Disallowed { get; } = scope.Counter("disallowed");

    /// <summary>Headers that were malformed.</summary>
    public Counter Error { get; } = scope.Counter("error");
}
