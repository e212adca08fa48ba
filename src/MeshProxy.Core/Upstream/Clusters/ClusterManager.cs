using System.Collections.Frozen;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>Owns the clusters on the control side and publishes them to the workers as one immutable snapshot.</summary>
internal sealed class ClusterManager
{
    private readonly StatsStore _stats;
    private readonly WorkerClusters[] _workers;
    private readonly Gauge _active;
    private readonly Counter _added;
    private readonly Counter _modified;
    private readonly Counter _removed;

    public ClusterManager(StatsStore stats, IReadOnlyList<EventLoop> workers)
    {
        _stats = stats;
        _workers = [.. workers.Select(w => new WorkerClusters(w))];
        var scope = stats.Root.Scope("cluster_manager");
        _active = scope.Gauge("active_clusters");
        _added = scope.Counter("cluster_added");
        _modified = scope.Counter("cluster_modified");
        _removed = scope.Counter("cluster_removed");
    }

    /// <summary>The clusters as last published. Any thread.</summary>
    public FrozenDictionary<string, Cluster> Snapshot { get; private set; } = FrozenDictionary<string, Cluster>.Empty;

    /// <summary>A worker's own view.</summary>
    public WorkerClusters ForWorker(int index) => _workers[index];

    /// <summary>
    /// Replaces the set of clusters. One whose config is equal stays as it is, with its connections; others are made new and the
    /// old ones drain. Control side only; the config was validated. Workers pick the snapshot up through <paramref name="apply"/>.
    /// </summary>
    public void Update(EquatableArray<ClusterConfig> clusters, Action<Action<int>> apply)
    {
        var old = Snapshot;
        var next = new Dictionary<string, Cluster>(StringComparer.Ordinal);
        foreach (var config in clusters)
        {
            if (old.TryGetValue(config.Name, out var existing) && existing.Info.Config == config)
            {
                next[config.Name] = existing;
                continue;
            }

            (existing is null ? _added : _modified).Increment();
            next[config.Name] = Cluster.Create(config, _stats, _workers.Length);
        }

        _removed.Add(old.Keys.Count(name => !next.ContainsKey(name)));
        _active.Set(next.Count);
        var snapshot = next.ToFrozenDictionary(StringComparer.Ordinal);
        Snapshot = snapshot;
        apply(index => _workers[index].Apply(snapshot));
        foreach (var (name, cluster) in old)
        {
            // What a new version of the same name counts stays listed. So does everything when all clusters go: the server stops.
            if (snapshot.Count > 0 && (!snapshot.TryGetValue(name, out var now) || now != cluster))
            {
                cluster.Info.Stats.Scope.Dispose();
            }
        }
    }
}
