using System.Collections.Frozen;
using System.Text;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Routing;

/// <summary>One compiled route: immutable, shared by all workers.</summary>
public sealed class RouteEntry
{
    private readonly FrozenDictionary<string, object?> _perFilterConfig;

    internal RouteEntry(RouteConfig config, string virtualHostName, FrozenDictionary<string, object?> perFilterConfig)
    {
        Config = config;
        VirtualHostName = virtualHostName;
        _perFilterConfig = perFilterConfig;
        TimeoutMs = (long)(config.Route?.Timeout.TotalMilliseconds ?? 0);
        IdleTimeoutMs = config.Route?.IdleTimeout is { } idle ? (long)idle.TotalMilliseconds : null;
        TimeoutHeaderValue = Encoding.ASCII.GetBytes(TimeoutMs.ToString(System.Globalization.CultureInfo.InvariantCulture));
        HostRewrite = config.Route is { HostRewriteLiteral.Length: > 0 } action ? action.HostRewriteLiteral : null;
    }

    public RouteConfig Config { get; }

    /// <summary>The route's name; empty if it has none.</summary>
    public string Name => Config.Name;

    public string VirtualHostName { get; }

    /// <summary>The cluster to forward to; null for a direct response.</summary>
    public string? Cluster => Config.Route?.Cluster;

    /// <summary>How long the whole response may take after the request was received; 0 is without end.</summary>
    public long TimeoutMs { get; }

    /// <summary>Overrides the connection manager's stream idle timeout; 0 is without end.</summary>
    public long? IdleTimeoutMs { get; }

    internal byte[] TimeoutHeaderValue { get; }

    internal string? HostRewrite { get; }

    internal void ApplyRewrites(Headers.RequestHeaders headers)
    {
    }

    /// <summary>The filter's config for this route; null if there is none.</summary>
    public object? PerFilterConfig(string filterName) => _perFilterConfig.GetValueOrDefault(filterName);
}
