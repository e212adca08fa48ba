using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.NetworkFilters;

/// <summary>What a network filter's factory may use of the server that it is part of.</summary>
public sealed class NetworkFilterFactoryContext
{
    internal NetworkFilterFactoryContext(ClusterManager clusters, Config.ExtensionRegistries registries)
    {
        Clusters = clusters;
        Registries = registries;
    }

    /// <summary>The root of the server's stats.</summary>
    public required StatsScope Stats { get; init; }

    /// <summary>The scope of the listener: <c>listener.ADDRESS</c>.</summary>
    public required StatsScope ListenerStats { get; init; }

    /// <summary>The workers, by index.</summary>
    public required IReadOnlyList<EventLoop> Workers { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>The host app's services; null without dependency injection.</summary>
    public IServiceProvider? Services { get; init; }

    /// <summary>Whether the listener (or the whole server) is draining: answers should say goodbye. Any thread.</summary>
    public required Func<bool> IsDraining { get; init; }

    /// <summary>Counters of what lives on each worker, by its index; each is touched on its worker alone.</summary>
    internal IReadOnlyList<WorkerDiagnostics> Diagnostics { get; init; } = [];

    /// <summary>Makes access logs. Null only where a test has no server around the filter.</summary>
    internal AccessLog.AccessLogManager? AccessLogs { get; init; }

    internal ClusterManager Clusters { get; }

    /// <summary>Further registries, such as the HTTP filters', by type.</summary>
    internal Config.ExtensionRegistries Registries { get; }
}
