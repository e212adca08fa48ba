using MeshProxy.Core.Stats;

namespace MeshProxy.Core.ListenerFilters.TlsInspector;

/// <summary><c>tls_inspector.*</c>, under Envoy's names; all listeners count together, as there.</summary>
internal sealed class TlsInspectorStats(StatsScope scope)
{
    /// <summary>Connections that ended before it was known what they are.</summary>
    public Counter ConnectionClosed { get; } = scope.Counter("connection_closed");

    public Counter ClientHelloTooLarge { get; } = scope.Counter("client_hello_too_large");

    public Counter TlsFound { get; } = scope.Counter("tls_found");

    public Counter TlsNotFound { get; } = scope.Counter("tls_not_found");

    public Counter AlpnFound { get; } = scope.Counter("alpn_found");

    public Counter AlpnNotFound { get; } = scope.Counter("alpn_not_found");

    public Counter SniFound { get; } = scope.Counter("sni_found");

    public Counter SniNotFound { get; } = scope.Counter("sni_not_found");

    /// <summary>Bytes that were looked at, of each connection.</summary>
    public Histogram BytesProcessed { get; } = scope.Histogram("bytes_processed");
}
