using System.Collections.Frozen;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Routing;

/// <summary>A compiled virtual host: immutable, shared by all workers.</summary>
internal sealed class VirtualHostEntry
{
    private readonly RouteEntry[] _routes;
    private readonly PathMatcher _paths;
    private readonly int _firstConnect = PathMatcher.None;

    /// <exception cref="ArgumentException">An expression cannot be used.</exception>
    public VirtualHostEntry(VirtualHostConfig config, FrozenDictionary<string, object?> outerFilterConfig)
    {
        var routes = config.Routes.AsSpan();
        var filterConfig = outerFilterConfig.Override(config.TypedPerFilterConfig);
        _routes = new RouteEntry[routes.Length];
        for (var i = 0; i < routes.Length; i++)
        {
            _routes[i] = new RouteEntry(routes[i], config.Name, filterConfig.Override(routes[i].TypedPerFilterConfig));
            if (routes[i].Match.ConnectMatcher && _firstConnect == PathMatcher.None)
            {
                _firstConnect = i;
            }
        }

        _paths = new PathMatcher(routes);
    }

    /// <summary>The first route that fits, or null.</summary>
    public RouteEntry? Match(RequestHeaders headers)
    {
        var index = headers.MethodIs(KnownMethod.Connect) ? _firstConnect : PathMatcher.None;

        // A plain CONNECT has no path, and so fits nothing but a connect_matcher.
        var path = headers.Path;
        if (!path.IsEmpty)
        {
            index = _paths.FindFirst(RequestPath.WithoutQuery(path), index);
        }

        return index == PathMatcher.None ? null : _routes[index];
    }
}
