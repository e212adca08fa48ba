using MeshProxy.Core.Config;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Upstream;

/// <summary>What all users of a cluster share: its config, counters and circuit breakers. Lives as long as one version of the config.</summary>
internal sealed class ClusterInfo : IDisposable
{
    private object? _protocolOptions;

    public ClusterInfo(ClusterConfig config, ClusterStats stats, ITransportSocketFactory? transportSocket)
    {
        Config = config;
        Stats = stats;
        TransportSocket = transportSocket;
        Resources = new ResourceManager(config.CircuitBreakers.DefaultPriority);
        ConnectionOptions = new ConnectionOptions
        {
            BufferLimitBytes = config.PerConnectionBufferLimitBytes,
            Keepalive = config.TcpKeepalive,
            ReceivedBytes = Stats.ReceivedBytes,
            SentBytes = Stats.SentBytes,
        };
        ConnectTimeoutMs = (long)config.ConnectTimeout.TotalMilliseconds;
    }

    public string Name => Config.Name;

    public ClusterConfig Config { get; }

    public ClusterStats Stats { get; }

    /// <summary>Null: plain bytes.</summary>
    public ITransportSocketFactory? TransportSocket { get; }

    public ResourceManager Resources { get; }

    public ConnectionOptions ConnectionOptions { get; }

    public long ConnectTimeoutMs { get; }

    /// <summary>What the protocol above makes of the config: made on first use, once for all workers. Any thread.</summary>
    public T ProtocolOptions<T>(Func<ClusterInfo, T> resolve)
        where T : class =>
        (T)LazyInitializer.EnsureInitialized(ref _protocolOptions, () => resolve(this))!;

    /// <summary>This version of the cluster is gone.</summary>
    public void Dispose()
    {
        Stats.Scope.Dispose();
        TransportSocket?.Dispose();
    }
}
