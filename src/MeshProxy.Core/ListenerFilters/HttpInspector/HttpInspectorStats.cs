using MeshProxy.Core.Stats;

namespace MeshProxy.Core.ListenerFilters.HttpInspector;

/// <summary><c>http_inspector.*</c>, under Envoy's names; all listeners count together, as there.</summary>
internal sealed class HttpInspectorStats(StatsScope scope)
{
    /// <summary>Connections that ended before it was known what they are.</summary>
    public Counter ReadError { get; } = scope.Counter("read_error");

    public Counter Http10Found { get; } = scope.Counter("http10_found");

    public Counter Http11Found { get; } = scope.Counter("http11_found");

    public Counter Http2Found { get; } = scope.Counter("http2_found");

    public Counter HttpNotFound { get; } = scope.Counter("http_not_found");
}
