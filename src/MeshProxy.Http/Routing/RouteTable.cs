using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Routing;

/// <summary>A compiled route table: finds a request's virtual host by its host and the route there by its path.</summary>
/// <remarks>
/// Compiled on the control side; immutable and shared by all workers. <see cref="Match"/> allocates nothing and takes about the same time for
/// one route and for 10,000.
/// </remarks>
internal sealed class RouteTable
{
    private readonly VirtualHostEntry[] _virtualHosts;
    private readonly DomainMatcher _domains;
    private readonly bool _ignorePort;

    private RouteTable(VirtualHostEntry[] virtualHosts, DomainMatcher domains, bool ignorePort)
    {
        _virtualHosts = virtualHosts;
        _domains = domains;
        _ignorePort = ignorePort;
    }

    /// <param name="config">It has passed <see cref="RouteConfigurationValidator"/>.</param>
    /// <exception cref="ArgumentException">An expression cannot be used.</exception>
    public static RouteTable Compile(RouteConfiguration config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var filterConfig = PerFilterConfigs.None.Override(config.TypedPerFilterConfig);
        var virtualHosts = new VirtualHostEntry[config.VirtualHosts.Count];
        var domains = new List<KeyValuePair<string, int>>();
        for (var i = 0; i < virtualHosts.Length; i++)
        {
            virtualHosts[i] = new VirtualHostEntry(config.VirtualHosts[i], filterConfig);
            foreach (var domain in config.VirtualHosts[i].Domains)
            {
                domains.Add(new(domain, i));
            }
        }

        return new RouteTable(virtualHosts, new DomainMatcher(domains), config.IgnorePortInHostMatching);
    }

    /// <summary>The route of a request, or null: 404 route_not_found.</summary>
    public RouteEntry? Match(RequestHeaders headers)
    {
        var virtualHost = FindVirtualHost(headers);
        return virtualHost < 0 ? null : _virtualHosts[virtualHost].Match(headers);
    }

    private int FindVirtualHost(RequestHeaders headers)
    {
        if (_domains.HasOnlyAny)
        {
            return _domains.Any;
        }

        var host = headers.Authority;
        if (_ignorePort && HostPort.IndexOfColon(host) is >= 0 and var colon)
        {
            host = host[..colon];
        }

        return _domains.Find(host);
    }
}
