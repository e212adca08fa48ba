using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.TransportSockets;
using MeshProxy.Core.TransportSockets.ProxyProtocol;

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
        var listenerFilters = new ListenerFilterRegistry();
        BuiltInListenerFilters.Register(listenerFilters);
        registries.Add(listenerFilters);
        var downstreamSockets = new DownstreamTransportSocketRegistry();
        var upstreamSockets = new UpstreamTransportSocketRegistry();
        BuiltInTransportSockets.Register(downstreamSockets, upstreamSockets);
        upstreamSockets.Add<ProxyProtocolUpstreamTransportConfig>(
            UpstreamProxyProtocolSocketFactory.Name,
            new ProxyProtocolUpstreamTransportConfigValidator(new ExtensionValidator(registries)),
            static (c, x) => new UpstreamProxyProtocolSocketFactory(c, x));
        registries.Add(downstreamSockets);
        registries.Add(upstreamSockets);
        return registries;
    }
}
