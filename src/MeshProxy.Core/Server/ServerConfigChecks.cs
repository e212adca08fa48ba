using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.NetworkFilters;

namespace MeshProxy.Core.Server;

/// <summary>What a whole config must be before it is applied, checked against the extensions that this server knows. Collects every error.</summary>
internal static class ServerConfigChecks
{
    public static void Validate(ServerConfig config, ExtensionRegistries registries, ConfigErrors errors)
    {
        var root = errors.Field("static_resources");
        var clusters = config.Clusters.Select(cluster => cluster.Name).ToHashSet(StringComparer.Ordinal);
        for (var i = 0; i < config.Listeners.Count; i++)
        {
            ValidateListener(config.Listeners[i], registries, clusters, root.Field("listeners", i));
        }
    }

    private static void ValidateListener(ListenerConfig listener, ExtensionRegistries registries, HashSet<string> clusters, ConfigErrors errors)
    {
        var listenerFilters = registries.Get<ListenerFilterRegistry>();
        for (var i = 0; i < listener.ListenerFilters.Count; i++)
        {
            listenerFilters.Validate(listener.ListenerFilters[i], errors.Field("listener_filters", i));
        }

        var networkFilters = registries.Get<NetworkFilterRegistry>();
        for (var i = 0; i < listener.FilterChains.Count; i++)
        {
            ValidateChain(listener.FilterChains[i], networkFilters, clusters, errors.Field("filter_chains", i));
        }

        if (listener.DefaultFilterChain is { } chain)
        {
            ValidateChain(chain, networkFilters, clusters, errors.Field("default_filter_chain"));
        }
    }

    private static void ValidateChain(FilterChainConfig chain, NetworkFilterRegistry registry, HashSet<string> clusters, ConfigErrors errors)
    {
        errors.Require(
            chain.TransportSocket is null or { Name: "envoy.transport_sockets.raw_buffer" }, "transport_socket", $"'{chain.TransportSocket?.Name}' is not known");
        for (var i = 0; i < chain.Filters.Count; i++)
        {
            var filter = chain.Filters[i];
            var at = errors.Field("filters", i);
            registry.Validate(filter, at);
            foreach (var reference in (filter.TypedConfig as IReferencesClusters)?.ReferencedClusters() ?? [])
            {
                at.Field("typed_config").Require(clusters.Contains(reference.Cluster), reference.Path, $"there is no cluster '{reference.Cluster}'");
            }

            if (!registry.Contains(filter.Name))
            {
                continue;
            }

            var last = i == chain.Filters.Count - 1;
            if (registry.IsTerminal(filter.Name) && !last)
            {
                at.Add("name", $"'{filter.Name}' is terminal, so it must be the last filter of its chain");
            }
            else if (!registry.IsTerminal(filter.Name) && last)
            {
                at.Add("name", $"'{filter.Name}' is not terminal; the last filter of a chain must be, for example envoy.filters.network.tcp_proxy");
            }
        }
    }
}
