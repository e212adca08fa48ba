using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>One worker's pools of one host.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class UpstreamHostPools : IWorkerHostState
{
    private readonly HttpConnectionPool _pool;

    private UpstreamHostPools(WorkerCluster cluster, Host host)
    {
        _pool = new HttpConnectionPool(cluster, host, UpstreamHttpOptions.For(cluster.Info));
    }

    /// <summary>The worker's pools for a host; made on first use.</summary>
    public static UpstreamHostPools For(WorkerCluster cluster, Host host)
    {
        ref var state = ref host.WorkerState(cluster.Loop.Index);
        return (UpstreamHostPools)(state ??= new UpstreamHostPools(cluster, host));
    }

    /// <summary>The pool that is to carry a request.</summary>
    public ConnectionPool Select(RequestHeaders headers) => _pool;

    public void Drain() => _pool.Drain();
}
