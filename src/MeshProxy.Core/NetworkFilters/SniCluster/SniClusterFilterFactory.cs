using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.SniCluster;

/// <summary>Has nothing to share.</summary>
internal sealed class SniClusterFilterFactory : INetworkFilterFactory
{
    public const string Name = "envoy.filters.network.sni_cluster";

    public bool IsTerminal => false;

    public INetworkFilterBase Create(EventLoop worker) => new SniClusterFilter();

    public void Dispose()
    {
    }
}
