using System.Collections.Frozen;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>What a worker keeps for a host, such as its pool of idle connections.</summary>
internal interface IWorkerHostState
{
    /// <summary>The host or its cluster is gone: close what is idle, let what is busy finish.</summary>
    void Drain();
}

/// <summary>One worker's clusters. Worker thread only; the control loop has some, too, for requests of the proxy's own.</summary>
/// <param name="loop">The worker's.</param>
/// <param name="slot">Where hosts and balancers keep what is this worker's.</param>
internal sealed class WorkerClusters(EventLoop loop, int slot)
{
    public EventLoop Loop { get; } = loop;

    private FrozenDictionary<string, WorkerCluster> _clusters = FrozenDictionary<string, WorkerCluster>.Empty;

    /// <summary>Grows with each snapshot, so that a route may keep what it looked up.</summary>
    public int Version { get; private set; }

    /// <summary>Null when there is no such cluster.</summary>
    public WorkerCluster? Get(string name) => _clusters.TryGetValue(name, out var cluster) ? cluster : null;

    public void Apply(FrozenDictionary<string, Cluster> snapshot)
    {
        var old = _clusters;
        _clusters = snapshot.ToFrozenDictionary(
            pair => pair.Key,
            pair => old.TryGetValue(pair.Key, out var mine) && mine.Cluster == pair.Value ? mine : new WorkerCluster(pair.Value, Loop, slot),
            StringComparer.Ordinal);
        Version++;
        foreach (var (name, mine) in old)
        {
            if (!_clusters.TryGetValue(name, out var now) || now != mine)
            {
                mine.Drain();
            }
        }
    }
}

/// <summary>One version of a cluster, as one worker uses it.</summary>
internal sealed class WorkerCluster(Cluster cluster, EventLoop loop, int slot)
{
    public Cluster Cluster { get; } = cluster;

    public ClusterInfo Info { get; } = cluster.Info;

    public EventLoop Loop { get; } = loop;

    public ILoadBalancer LoadBalancer { get; } = cluster.Table.CreateForWorker(slot);

    /// <summary>Where its hosts keep what is this worker's.</summary>
    public int Slot { get; } = slot;

    /// <summary>Set when a newer version took its place: connections that finish are closed, not pooled.</summary>
    public bool IsRetired { get; private set; }

    public void Drain()
    {
        IsRetired = true;
        foreach (var set in Cluster.Hosts.Priorities)
        {
            foreach (var host in set.Hosts)
            {
                (host.WorkerState(Slot) as IWorkerHostState)?.Drain();
            }
        }
    }
}
