using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.DirectResponse;

internal sealed class DirectResponseFilterFactory(DirectResponseConfig config) : INetworkFilterFactory
{
    public const string Name = "envoy.filters.network.direct_response";

    private readonly byte[] _response = Encoding.UTF8.GetBytes(config.Response);

    public bool IsTerminal => true;

    public INetworkFilterBase Create(EventLoop worker) => new DirectResponseFilter(_response);

    public void Dispose()
    {
        // Holds nothing.
    }
}
