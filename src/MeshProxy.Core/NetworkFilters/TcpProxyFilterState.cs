using MeshProxy.Core.Streams;

namespace MeshProxy.Core.NetworkFilters;

/// <summary>What filters before tcp_proxy leave for it.</summary>
public static class TcpProxyFilterState
{
    /// <summary>The cluster that this connection goes to, whatever the config of tcp_proxy says. Under Envoy's name.</summary>
    public static readonly FilterStateKey<string> Cluster = new("envoy.tcp_proxy.cluster");
}
