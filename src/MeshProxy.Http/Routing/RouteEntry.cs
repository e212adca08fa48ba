using System.Collections.Frozen;
using System.Text;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Routing;

/// <summary>One compiled route: immutable, shared by all workers.</summary>
public sealed class RouteEntry
{
    private readonly FrozenDictionary<string, object?> _perFilterConfig;
    private readonly RouteRewrite? _rewrite;

    internal RouteEntry(RouteConfig config, string virtualHostName, FrozenDictionary<string, object?> perFilterConfig)
    {
        Config = config;
        VirtualHostName = virtualHostName;
        _perFilterConfig = perFilterConfig;
        _rewrite = RouteRewrite.Create(config);
        MaxStreamDuration = config.Route?.MaxStreamDuration is { } duration ? new RouteDuration(duration) : null;
        TimeoutMs = MaxStreamDuration is null ? (long)(config.Route?.Timeout.TotalMilliseconds ?? 0) : 0;
        IdleTimeoutMs = config.Route?.IdleTimeout is { } idle ? (long)idle.TotalMilliseconds : null;
        foreach (var upgrade in config.Route?.UpgradeConfigs ?? default)
        {
            if (upgrade is { Enabled: true, ConnectConfig: { } connect })
            {
                Connect = connect;
            }
        }

        TimeoutHeaderValue = Encoding.ASCII.GetBytes(TimeoutMs.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    public RouteConfig Config { get; }

    /// <summary>The route's name; empty if it has none.</summary>
    public string Name => Config.Name;

    public string VirtualHostName { get; }

    /// <summary>The cluster to forward to; null for a direct response.</summary>
    public string? Cluster => Config.Route?.Cluster;

    /// <summary>How long the whole response may take after the request was received; 0 is without end. A limit of the stream's life turns it off.</summary>
    public long TimeoutMs { get; }

    /// <summary>Overrides the connection manager's stream idle timeout; 0 is without end.</summary>
    public long? IdleTimeoutMs { get; }

    /// <summary>Tunnels end here: the cluster is connected to by plain TCP.</summary>
    internal ConnectConfig? Connect { get; }

    /// <summary>Null: the connection manager's limit of a stream's life.</summary>
    internal RouteDuration? MaxStreamDuration { get; }

    internal byte[] TimeoutHeaderValue { get; }

    /// <summary>The filter's config for this route; null if there is none.</summary>
    public object? PerFilterConfig(string filterName) => _perFilterConfig.GetValueOrDefault(filterName);

    /// <summary>
    /// Gives a request the path and host that the upstream is to see (Envoy: <c>prefix_rewrite</c>, <c>host_rewrite_literal</c>). What they were
    /// goes to <c>x-envoy-original-path</c> and <c>x-envoy-original-host</c>. Once a request, after the filters; the worker's thread only.
    /// </summary>
    internal void ApplyRewrites(RequestHeaders headers) => _rewrite?.Apply(headers);
}
