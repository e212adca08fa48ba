using System.Collections.Frozen;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>Owns the clusters on the control side and publishes them to the workers as one immutable snapshot.</summary>
internal sealed class ClusterManager
{
    private readonly ClusterContext _context;
    private readonly WorkerClusters[] _workers;
    private readonly WorkerClusters? _control;
    private readonly Gauge _active;
    private readonly Counter _added;
    private readonly Counter _modified;
    private readonly Counter _removed;

    /// <param name="context">What clusters are made with.</param>
    /// <param name="workers">The workers, by index.</param>
    /// <param name="control">The control loop; null if the proxy makes no requests of its own there.</param>
    public ClusterManager(ClusterContext context, IReadOnlyList<EventLoop> workers, EventLoop? control = null)
    {
        _context = context;
        _workers = [.. workers.Append(control).OfType<EventLoop>().Select((loop, slot) => new WorkerClusters(loop, slot))];
        _control = control is null ? null : _workers[^1];
        var scope = context.Stats.Root.Scope("cluster_manager");
        _active = scope.Gauge("active_clusters");
        _added = scope.Counter("cluster_added");
        _modified = scope.Counter("cluster_modified");
        _removed = scope.Counter("cluster_removed");
    }

    /// <summary>The clusters as last published. Any thread.</summary>
    public FrozenDictionary<string, Cluster> Snapshot { get; private set; } = FrozenDictionary<string, Cluster>.Empty;

    /// <summary>A worker's own view.</summary>
    public WorkerClusters ForWorker(int index) => _workers[index];

    /// <summary>The control loop's own view, for requests that the proxy makes from there.</summary>
    /// <exception cref="InvalidOperationException">There is no control loop.</exception>
    public WorkerClusters ForControl() => _control ?? throw new InvalidOperationException("this cluster manager has no control loop");

    /// <summary>
    /// Replaces the set of clusters. One whose config is equal stays as it is, with its connections; others are made new and the
    /// old ones drain. Control side only; the config was validated. Workers pick the snapshot up through <paramref name="apply"/>.
    /// </summary>
    /// <exception cref="ConfigException">A cluster could not be made; nothing has changed.</exception>
    public void Update(EquatableArray<ClusterConfig> clusters, Action<Action<int>> apply)
    {
        var old = Snapshot;
        var next = Make(clusters, old);
        _added.Add(next.Keys.Count(name => !old.ContainsKey(name)));
        _modified.Add(next.Count(pair => old.TryGetValue(pair.Key, out var existing) && existing != pair.Value));
        _removed.Add(old.Keys.Count(name => !next.ContainsKey(name)));
        _active.Set(next.Count);
        var snapshot = next.ToFrozenDictionary(StringComparer.Ordinal);
        Snapshot = snapshot;
        apply(index => _workers[index].Apply(snapshot));
        _control?.Apply(snapshot);
        foreach (var (name, cluster) in old)
        {
            if (snapshot.TryGetValue(name, out var now) && now == cluster)
            {
                continue;
            }

            // What a new version of the same name counts stays listed. So does everything when all clusters go: the server stops.
            cluster.Info.TransportSocket?.Dispose();
            if (snapshot.Count > 0)
            {
                cluster.Info.Stats.Scope.Dispose();
            }
        }
    }

    private Dictionary<string, Cluster> Make(EquatableArray<ClusterConfig> clusters, FrozenDictionary<string, Cluster> old)
    {
        var next = new Dictionary<string, Cluster>(StringComparer.Ordinal);
        try
        {
            foreach (var config in clusters)
            {
                next[config.Name] = old.TryGetValue(config.Name, out var existing) && existing.Info.Config == config
                    ? existing
                    : Cluster.Create(config, _context, _workers.Length);
            }

            return next;
        }
        catch
        {
            foreach (var (name, cluster) in next)
            {
                if (old.GetValueOrDefault(name) != cluster)
                {
                    cluster.Info.Dispose();
                }
            }

            throw;
        }
    }
}
