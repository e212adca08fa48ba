using System.Collections.Concurrent;

namespace MeshProxy.Core.Stats;

/// <summary>A server's counters, gauges and histograms, under Envoy's names, sharded by worker.</summary>
/// <remarks>
/// Safe from any thread. A worker's loop calls <see cref="EnterWorker"/> once on its thread; from then on its stats cost a plain addition and no
/// allocation. Making and removing stats takes a lock, counting never does.
/// </remarks>
public sealed class StatsStore
{
    private readonly ConcurrentDictionary<string, Stat> _stats = new(StringComparer.Ordinal);
    private readonly StatsShard[] _shards;
    private readonly Lock _lock = new();

    /// <param name="workerCount">How many workers may enter. Zero is legal: every thread then shares one shard.</param>
    public StatsStore(int workerCount)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(workerCount);
        WorkerCount = workerCount;
        _shards = new StatsShard[workerCount];
        for (var i = 0; i < workerCount; i++)
        {
            _shards[i] = new StatsShard(this, i);
        }

        Root = new StatsScope(this, new StatsOwner(), "", ownsStats: false);
    }

    /// <summary>Raised on the thread that made a stat, after it is listed, outside of the lock.</summary>
    internal event Action<Stat>? StatAdded;

    /// <summary>Raised at the end of <see cref="Flush"/>.</summary>
    internal event Action? Flushed;

    public int WorkerCount { get; }

    /// <summary>The scope without a prefix.</summary>
    public StatsScope Root { get; }

    /// <summary>How many stats are listed.</summary>
    public int Count => _stats.Count;

    /// <summary>Whether <see cref="Flush"/> was called yet.</summary>
    internal bool HasFlushed { get; private set; }

    /// <summary>Makes the present thread the worker with this number. A thread may enter as another worker later; a worker has one thread.</summary>
    /// <exception cref="InvalidOperationException">Another live thread is this worker: it must <see cref="LeaveWorker"/> first.</exception>
    public void EnterWorker(int index)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, WorkerCount);
        var shard = _shards[index];
        if (StatsShard.Current == shard)
        {
            return;
        }

        lock (_lock)
        {
            if (shard.Owner is { IsAlive: true } owner && owner != Thread.CurrentThread)
            {
                throw new InvalidOperationException($"worker {index} of this store is the thread '{owner.Name}'");
            }

            shard.Owner = Thread.CurrentThread;
        }

        StatsShard.Current = shard;
    }

    /// <summary>Ends what <see cref="EnterWorker"/> began, for every worker that the present thread has been.</summary>
    public void LeaveWorker()
    {
        if (StatsShard.Current?.Store == this)
        {
            StatsShard.Current = null;
        }

        lock (_lock)
        {
            foreach (var shard in _shards)
            {
                if (shard.Owner == Thread.CurrentThread)
                {
                    shard.Owner = null;
                }
            }
        }
    }

    /// <summary>The listed stat of this full name, or null.</summary>
    public Stat? Find(string name) => _stats.GetValueOrDefault(name);

    /// <summary>Calls back with every listed stat, in no order, while others may be made and removed.</summary>
    public void ForEach(Action<Stat> callback)
    {
        ArgumentNullException.ThrowIfNull(callback);
        foreach (var (_, stat) in _stats)
        {
            callback(stat);
        }
    }

    /// <summary>Every listed stat, by name.</summary>
    public IReadOnlyList<Stat> Snapshot()
    {
        var stats = _stats.Values.ToArray();
        Array.Sort(stats, static (a, b) => string.CompareOrdinal(a.Name, b.Name));
        return stats;
    }

    /// <summary>
    /// Ends an interval (Envoy: <c>stats_flush_interval</c>, 5 s): sets <see cref="Counter.IntervalValue"/> and <see cref="Histogram.Interval"/>. One
    /// thread at a time, on the control side.
    /// </summary>
    public void Flush()
    {
        foreach (var (_, stat) in _stats)
        {
            (stat as Counter)?.Flush();
            (stat as Histogram)?.Flush();
        }

        HasFlushed = true;
        Flushed?.Invoke();
    }

    internal Stat GetOrAdd(StatsOwner owner, string name, StatKind kind)
    {
        var added = false;
        Stat stat;
        lock (_lock)
        {
            if (_stats.TryGetValue(name, out var existing))
            {
                stat = existing;
            }
            else
            {
                stat = Create(owner, name, kind);
                if (!owner.Released)
                {
                    // A released owner's connections may still drain: they get stats that work and are not listed.
                    _stats[name] = stat;
                    added = true;
                }
            }

            if (stat.Kind != kind)
            {
                throw new InvalidOperationException($"the stat '{name}' is a {stat.Kind}, not a {kind}");
            }

            if (!owner.Released && owner.Stats.Add(stat))
            {
                stat.Owners++;
            }
        }

        if (added)
        {
            StatAdded?.Invoke(stat);
        }

        return stat;
    }

    internal void Release(StatsOwner owner)
    {
        lock (_lock)
        {
            if (owner.Released)
            {
                return;
            }

            owner.Released = true;
            foreach (var stat in owner.Stats)
            {
                if (--stat.Owners == 0)
                {
                    _stats.TryRemove(stat.Name, out _);
                }
            }

            owner.Stats.Clear();
        }
    }

    private Stat Create(StatsOwner owner, string name, StatKind kind)
    {
        if (kind == StatKind.Histogram)
        {
            return new Histogram(this, name);
        }

        var offset = owner.Block?.Take() ?? -1;
        if (offset < 0)
        {
            owner.Block = new CellBlock(WorkerCount + 1);
            offset = owner.Block.Take();
        }

        return kind == StatKind.Counter
            ? new Counter(this, name, owner.Block!, offset)
            : new Gauge(this, name, owner.Block!, offset);
    }
}
