using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Http.FilterChain;

/// <summary>What an HTTP filter may use of the server that it is part of.</summary>
public sealed class HttpFilterFactoryContext
{
    internal HttpFilterFactoryContext(ClusterManager clusters, IReadOnlyList<EventLoop> workers)
    {
        Clusters = clusters;
        Workers = workers;
    }

    /// <summary>The connection manager's scope, <c>http.STAT_PREFIX</c>.</summary>
    public required StatsScope Stats { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>The host app's services; null without dependency injection.</summary>
    public IServiceProvider? Services { get; init; }

    /// <summary>The workers, by index.</summary>
    public IReadOnlyList<EventLoop> Workers { get; }

    internal ClusterManager Clusters { get; }
}
