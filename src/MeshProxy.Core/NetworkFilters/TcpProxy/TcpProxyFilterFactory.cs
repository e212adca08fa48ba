using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Core.NetworkFilters.TcpProxy;

/// <summary>What all connections of one configured tcp_proxy share.</summary>
internal sealed class TcpProxyFilterFactory : INetworkFilterFactory
{
    public const string Name = "envoy.filters.network.tcp_proxy";

    private readonly ClusterManager _clusters;
    private readonly ClusterPicker[] _pickers;
    private readonly IAccessLog[] _accessLogs;

    public TcpProxyFilterFactory(TcpProxyConfig config, NetworkFilterFactoryContext context)
        : this(config, context, static _ => new Random())
    {
    }

    /// <param name="random">Each worker's random source.</param>
    internal TcpProxyFilterFactory(TcpProxyConfig config, NetworkFilterFactoryContext context, Func<int, Random> random)
    {
        Stats = new TcpProxyStats(context.Stats.Scope("tcp." + config.StatPrefix));
        MaxConnectAttempts = config.MaxConnectAttempts;
        IdleTimeoutMs = ToMs(config.IdleTimeout);
        MaxDurationMs = ToMs(config.MaxDownstreamConnectionDuration ?? TimeSpan.Zero);
        _clusters = context.Clusters;
        _accessLogs = context.AccessLogs?.CreateAll(config.AccessLog, AccessLogFormat.DefaultTcp, "tcp_proxy." + config.StatPrefix) ?? [];
        _pickers = [.. Enumerable.Range(0, context.Workers.Count).Select(i => new ClusterPicker(config, random(i)))];
    }

    public bool IsTerminal => true;

    public TcpProxyStats Stats { get; }

    public int MaxConnectAttempts { get; }

    /// <summary>0 means no limit.</summary>
    public long IdleTimeoutMs { get; }

    /// <summary>0 means no limit.</summary>
    public long MaxDurationMs { get; }

    /// <summary>Gets each connection's <see cref="StreamInfo"/> when it has ended, on its worker. Set before the first connection.</summary>
    public Action<StreamInfo>? ConnectionEnded { get; set; }

    public INetworkFilterBase Create(EventLoop worker) => new TcpProxyFilter(this);

    public void Dispose()
    {
        foreach (var log in _accessLogs)
        {
            log.Dispose();
        }
    }

    /// <summary>Logs a connection that has ended. On its worker.</summary>
    public void OnConnectionEnded(StreamInfo info)
    {
        ConnectionEnded?.Invoke(info);
        if (_accessLogs.Length == 0)
        {
            return;
        }

        var entry = new AccessLogEntry(info);
        foreach (var log in _accessLogs)
        {
            log.Log(entry);
        }
    }

    /// <summary>The cluster for a new connection.</summary>
    public string PickCluster(int worker) => _pickers[worker].Pick();

    /// <summary>A worker's clusters as they are now.</summary>
    public WorkerClusters ClustersOf(int worker) => _clusters.ForWorker(worker);

    // Rounded up, so that a fraction of a millisecond is not taken for "no limit".
    private static long ToMs(TimeSpan time) => (long)Math.Ceiling(time.TotalMilliseconds);
}
