using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Stats;
using MeshProxy.Core.TransportSockets;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>What clusters are built from: the parts of the server that they use.</summary>
internal sealed class ClusterContext
{
    public required StatsStore Stats { get; init; }

    public ExtensionRegistries Registries { get; init; } = new();

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    public TlsImplementation TlsImplementation { get; init; }

    public IServiceProvider? Services { get; init; }

    /// <exception cref="ConfigException">It could not be made.</exception>
    public ITransportSocketFactory? CreateTransportSocket(ClusterConfig config, StatsScope scope) =>
        Registries.Find<UpstreamTransportSocketRegistry>()?.CreateFactory(config.TransportSocket, new TransportSocketFactoryContext
        {
            Stats = scope,
            LoggerFactory = LoggerFactory,
            TlsImplementation = TlsImplementation,
            Services = Services,
            Registries = Registries,
        });
}
