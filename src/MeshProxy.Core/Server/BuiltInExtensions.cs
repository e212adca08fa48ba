using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.NetworkFilters;

namespace MeshProxy.Core.Server;

/// <summary>The one place that knows the extensions that this package brings.</summary>
internal static class BuiltInExtensions
{
    public static ExtensionRegistries CreateRegistries()
    {
        var registries = new ExtensionRegistries();
        registries.Add(new NetworkFilterRegistry());
        registries.Add(new ListenerFilterRegistry());
        return registries;
    }
}
