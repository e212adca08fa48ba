using MeshProxy.Core.Network;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>
/// One worker's pools of one host. All clients share them, unless connections begin by telling the upstream for whom they are made (PROXY protocol):
/// then each client connection has pools of its own, as in Envoy.
/// </summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class UpstreamHostPools : IWorkerHostState
{
    /// <summary>Clients with pools of their own; the one that rested longest gives way.</summary>
    public const int MaxClients = 1024;

    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly UpstreamHttpOptions _options;
    private readonly NamedPools _shared;
    private readonly Dictionary<long, NamedPools>? _byClient;
    private bool _draining;

    private UpstreamHostPools(WorkerCluster cluster, Host host)
    {
        _cluster = cluster;
        _host = host;
        _options = UpstreamHttpOptions.For(cluster.Info);
        _shared = new NamedPools(cluster, host, _options, new TransportSocketOptions());
        if (cluster.Info.TransportSocket is { TellsOfClient: true })
        {
            _byClient = [];
        }
    }

    /// <summary>The worker's pools for a host; made on first use.</summary>
    public static UpstreamHostPools For(WorkerCluster cluster, Host host)
    {
        ref var state = ref host.WorkerState(cluster.Slot);
        return (UpstreamHostPools)(state ??= new UpstreamHostPools(cluster, host));
    }

    /// <summary>The pool that is to carry a request.</summary>
    /// <param name="headers">The request.</param>
    /// <param name="client">The stream that it came on; null for one of our own.</param>
    public ConnectionPool Select(RequestHeaders headers, IHttpFilterCallbacks? client) => PoolsOf(client).Select(headers);

    /// <summary>Plain connections, each for one tunnel.</summary>
    public ConnectionPool SelectTcp(IHttpFilterCallbacks client) => PoolsOf(client).SelectTcp();

    public void Drain()
    {
        _draining = true;
        _shared.Drain();
        if (_byClient is not null)
        {
            foreach (var pools in _byClient.Values)
            {
                pools.Drain();
            }
        }
    }

    private NamedPools PoolsOf(IHttpFilterCallbacks? client) => _byClient is null || client is null ? _shared : FindByClient(_byClient, client);

    private NamedPools FindByClient(Dictionary<long, NamedPools> byClient, IHttpFilterCallbacks client)
    {
        var connection = client.Connection;
        if (!byClient.TryGetValue(connection.Id, out var pools))
        {
            if (byClient.Count >= MaxClients)
            {
                var oldest = byClient.MinBy(static pair => pair.Value.LastUsedUs);
                byClient.Remove(oldest.Key);
                oldest.Value.Drain();
            }

            var info = client.StreamInfo;
            byClient[connection.Id] = pools = new NamedPools(_cluster, _host, _options, new TransportSocketOptions
            {
                DownstreamRemoteAddress = connection.RemoteAddress,
                DownstreamLocalAddress = connection.LocalAddress,
                ProxyProtocol = info.HasFilterState ? info.FilterState.Get(ProxyProtocolOptions.Key) : null,
            });
            if (_draining)
            {
                pools.Drain();
            }
        }

        pools.LastUsedUs = _cluster.Loop.NowUs;
        return pools;
    }
}
