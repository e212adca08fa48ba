using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.Echo;

internal sealed class EchoFilterFactory : INetworkFilterFactory
{
    public const string Name = "envoy.filters.network.echo";

    public bool IsTerminal => true;

    public INetworkFilterBase Create(EventLoop worker) => new EchoFilter();

    public void Dispose()
    {
        // Holds nothing.
    }
}
