using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Listeners;

/// <summary>What listeners are built from: the parts of the server that they and their filters use.</summary>
internal sealed class ListenerContext
{
    public required EventLoop Control { get; init; }

    public required IReadOnlyList<ConnectionHandler> Workers { get; init; }

    public required IReadOnlyList<WorkerDiagnostics> Diagnostics { get; init; }

    public required StatsStore Stats { get; init; }

    public required ClusterManager Clusters { get; init; }

    public required ExtensionRegistries Registries { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    public required AccessLogManager AccessLogs { get; init; }

    public TlsImplementation TlsImplementation { get; init; }

    public IServiceProvider? Services { get; init; }

    /// <summary>How long connections of what was removed may go on.</summary>
    public required TimeSpan DrainTime { get; init; }
}
