using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>Checks a whole <see cref="ServerConfig"/> and collects every error with its path, in Envoy's names.</summary>
/// <remarks>Control side. It looks at nothing outside of the config: whether an address can be bound shows when it is.</remarks>
public sealed class ServerConfigValidator(IExtensionCatalog catalog) : IConfigValidator<ServerConfig>
{
    /// <inheritdoc/>
    public void Validate(ServerConfig config, ConfigErrors errors)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(errors);
        var extensions = new ExtensionValidator(catalog);
        var clusterNames = config.Clusters.Select(cluster => cluster.Name).ToHashSet();
        var listeners = new ListenerConfigValidator(extensions, clusterNames);
        for (var i = 0; i < config.Listeners.Count; i++)
        {
            listeners.Validate(config.Listeners[i], errors.Field("listeners", i));
        }

        var clusters = new ClusterConfigValidator(extensions);
        for (var i = 0; i < config.Clusters.Count; i++)
        {
            clusters.Validate(config.Clusters[i], errors.Field("clusters", i));
        }

        RequireUniqueNames(config.Listeners.Select(listener => listener.Name), "listeners", errors);
        RequireUniqueNames(config.Clusters.Select(cluster => cluster.Name), "clusters", errors);
        RequireUniqueAddresses(config.Listeners, errors);
        RequireInternalListeners(config, errors);
    }

    private static void RequireUniqueNames(IEnumerable<string> names, string field, ConfigErrors errors)
    {
        var owners = new Dictionary<string, int>();
        foreach (var (i, name) in names.Index())
        {
            if (!string.IsNullOrEmpty(name) && !owners.TryAdd(name, i))
            {
                errors.Field(field, i).Add("name", $"'{name}' is the name of {field}[{owners[name]}] too; names are unique");
            }
        }
    }

    private static void RequireUniqueAddresses(EquatableArray<ListenerConfig> listeners, ConfigErrors errors)
    {
        var owners = new Dictionary<NetworkAddress, string>();
        for (var i = 0; i < listeners.Count; i++)
        {
            var listener = listeners[i];
            if (!listener.BindToPort)
            {
                continue;
            }

            var at = errors.Field("listeners", i);
            Require(listener.Address, at.Field("address"));
            for (var a = 0; a < listener.AdditionalAddresses.Count; a++)
            {
                Require(listener.AdditionalAddresses[a], at.Field("additional_addresses", a).Field("address"));
            }
        }

        void Require(NetworkAddress address, ConfigErrors at)
        {
            // Port 0 is another port each time; a Unix socket is the same one whatever its mode.
            var key = address is UnixSocketAddress unix ? unix with { Mode = null } : address;
            if (key is SocketAddress { Port: 0 } || owners.TryAdd(key, at.Path))
            {
                return;
            }

            at.Add($"{address} is bound by {owners[key]} too; addresses are unique");
        }
    }

    /// <summary>An internal endpoint must have its listener: nothing else could ever answer.</summary>
    private static void RequireInternalListeners(ServerConfig config, ConfigErrors errors)
    {
        var names = config.Listeners
            .SelectMany(listener => listener.AdditionalAddresses.Prepend(listener.Address))
            .OfType<InternalAddress>()
            .ToHashSet();
        for (var c = 0; c < config.Clusters.Count; c++)
        {
            var localities = config.Clusters[c].LoadAssignment;
            for (var l = 0; l < localities.Count; l++)
            {
                for (var e = 0; e < localities[l].LbEndpoints.Count; e++)
                {
                    if (localities[l].LbEndpoints[e].Address is InternalAddress address && !names.Contains(address))
                    {
                        errors.Field("clusters", c).Field("load_assignment").Field("endpoints", l).Field("lb_endpoints", e)
                            .Add("endpoint.address", $"no listener has the address {address}");
                    }
                }
            }
        }
    }
}
