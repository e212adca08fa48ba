using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>The route table (Envoy: <c>config.route.v3.RouteConfiguration</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record RouteConfiguration : IReferencesClusters
{
    /// <summary>Envoy: <c>name</c>.</summary>
    /// <value>Empty.</value>
    public string Name { get; init; } = "";

    /// <summary>Each domain belongs to one of them (Envoy: <c>virtual_hosts</c>).</summary>
    public EquatableArray<VirtualHostConfig> VirtualHosts { get; init; }

    /// <summary>Whether a route to a cluster that is not there is refused with the config; if false, such requests get the route's
    /// cluster-not-found answer (Envoy: <c>validate_clusters</c>).</summary>
    /// <value>True, as for Envoy's static tables.</value>
    public bool ValidateClusters { get; init; } = true;

    /// <summary>The longest body that a direct response may have, in bytes of UTF-8 (Envoy: <c>max_direct_response_body_size_bytes</c>).</summary>
    /// <value>4096.</value>
    public int MaxDirectResponseBodySizeBytes { get; init; } = 4096;

    /// <summary>Whether the port in the request's host is left out of account for finding the virtual host
    /// (Envoy: <c>ignore_port_in_host_matching</c>).</summary>
    /// <value>False.</value>
    public bool IgnorePortInHostMatching { get; init; }

    /// <summary>By filter name, for every route that does not override it (Envoy: <c>typed_per_filter_config</c>).</summary>
    public EquatableArray<ExtensionConfig> TypedPerFilterConfig { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ClusterReference> ReferencedClusters()
    {
        if (!ValidateClusters)
        {
            yield break;
        }

        for (var v = 0; v < VirtualHosts.Count; v++)
        {
            var routes = VirtualHosts[v].Routes;
            for (var r = 0; r < routes.Count; r++)
            {
                if (routes[r].Route?.Cluster is { Length: > 0 } cluster)
                {
                    yield return new($"virtual_hosts[{v}].routes[{r}].route.cluster", cluster);
                }
            }
        }
    }
}
