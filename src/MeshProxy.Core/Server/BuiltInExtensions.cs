using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.TransportSockets;

namespace MeshProxy.Core.Server;

/// <summary>The one place that knows the extensions that this package brings.</summary>
internal static class BuiltInExtensions
{
    public static ExtensionRegistries CreateRegistries()
    {
        var networkFilters = new NetworkFilterRegistry();
        BuiltInNetworkFilters.Register(networkFilters);
        var registries = new ExtensionRegistries();
        registries.Add(networkFilters);
        registries.Add(new ListenerFilterRegistry());
        registries.Add(new DownstreamTransportSocketRegistry());
        registries.Add(new UpstreamTransportSocketRegistry());
        return registries;
    }
}
