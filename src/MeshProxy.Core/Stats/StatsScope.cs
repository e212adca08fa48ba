namespace MeshProxy.Core.Stats;

/// <summary>A dotted prefix under which stats are made: <c>store.Root.Scope("cluster").Scope("orders").Counter("upstream_cx_total")</c>.</summary>
/// <remarks>From any thread. Asking for a stat looks its name up: keep the <see cref="Counter"/>, not the name.</remarks>
public sealed class StatsScope : IDisposable
{
    private readonly StatsStore _store;
    private readonly StatsOwner _owner;
    private readonly bool _ownsStats;

    internal StatsScope(StatsStore store, StatsOwner owner, string prefix, bool ownsStats)
    {
        _store = store;
        _owner = owner;
        Prefix = prefix;
        _ownsStats = ownsStats;
    }

    /// <summary>The prefix, without the last dot. Empty for the root.</summary>
    public string Prefix { get; }

    public StatsStore Store => _store;

    /// <summary>The counter of this name; made when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">A stat of another kind has this name.</exception>
    public Counter Counter(string name) => (Counter)_store.GetOrAdd(_owner, Combine(name), StatKind.Counter);

    /// <summary>The gauge of this name; made when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">A stat of another kind has this name.</exception>
    public Gauge Gauge(string name) => (Gauge)_store.GetOrAdd(_owner, Combine(name), StatKind.Gauge);

    /// <summary>The histogram of this name; made when it is first asked for.</summary>
    /// <exception cref="InvalidOperationException">A stat of another kind has this name.</exception>
    public Histogram Histogram(string name) => (Histogram)_store.GetOrAdd(_owner, Combine(name), StatKind.Histogram);

    /// <summary>A scope below this one that lives as long as this one.</summary>
    /// <param name="prefix">May hold dots. Empty gives the same prefix.</param>
    public StatsScope Scope(string prefix) => new(_store, _owner, Combine(prefix), ownsStats: false);

    /// <summary>A scope below this one for something that comes and goes (a cluster, a listener). Dispose it with its owner.</summary>
    /// <remarks>
    /// Two owners of one name (an updated cluster while its predecessor drains) share the stats: a stat leaves the store with the last of them.
    /// </remarks>
    public StatsScope OwnedScope(string prefix) => new(_store, new StatsOwner(), Combine(prefix), ownsStats: true);

    /// <summary>
    /// Takes the stats made through this scope and those below it out of the store, unless another owner has them too. Who still holds a
    /// counter may go on counting; it is just not listed any more. Does nothing on a scope that <see cref="OwnedScope"/> did not make.
    /// </summary>
    public void Dispose()
    {
        if (_ownsStats)
        {
            _store.Release(_owner);
        }
    }

    private string Combine(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Prefix.Length == 0 ? name : name.Length == 0 ? Prefix : $"{Prefix}.{name}";
    }
}

/// <summary>What a cluster, a listener or the server itself has asked for. Guarded by the store's lock.</summary>
internal sealed class StatsOwner
{
    public HashSet<Stat> Stats { get; } = [];

    /// <summary>The block that still has room. An owner has blocks of its own, so that its memory goes with it.</summary>
    public CellBlock? Block { get; set; }

    public bool Released { get; set; }
}
