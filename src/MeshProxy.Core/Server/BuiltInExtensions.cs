using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.NetworkFilters.TcpProxy;

namespace MeshProxy.Core.Server;

/// <summary>The one place that knows the extensions that this package brings.</summary>
internal static class BuiltInExtensions
{
    public static ExtensionRegistries CreateRegistries()
    {
        var networkFilters = new NetworkFilterRegistry();
        networkFilters.Add<TcpProxyConfig>(
            TcpProxyFilterFactory.Name,
            new Config.TcpProxyConfigValidator(),
            static (config, context) => new TcpProxyFilterFactory(config, context),
            isTerminal: true);
        var registries = new ExtensionRegistries();
        registries.Add(networkFilters);
        registries.Add(new ListenerFilterRegistry());
        return registries;
    }
}
