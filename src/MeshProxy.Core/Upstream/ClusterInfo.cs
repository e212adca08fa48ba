using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Upstream;

/// <summary>What all users of a cluster share: its config, counters and circuit breakers. Lives as long as one version of the config.</summary>
internal sealed class ClusterInfo
{
    private object? _protocolOptions;

    public ClusterInfo(ClusterConfig config, StatsScope scope)
    {
        Config = config;
        Stats = new ClusterStats(scope);
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

    public ResourceManager Resources { get; }

    public ConnectionOptions ConnectionOptions { get; }

    public long ConnectTimeoutMs { get; }

    /// <summary>What the protocol above makes of the config: made on first use, once for all workers. Any thread.</summary>
    public T ProtocolOptions<T>(Func<ClusterInfo, T> resolve)
        where T : class =>
        (T)LazyInitializer.EnsureInitialized(ref _protocolOptions, () => resolve(this))!;
}
