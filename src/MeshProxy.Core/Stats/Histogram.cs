using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Stats;

/// <summary>The distribution of a value, such as <c>upstream_rq_time</c> in milliseconds.</summary>
/// <remarks>From any thread. On a worker of its store: two plain additions to the worker's own buckets.</remarks>
public sealed class Histogram : Stat
{
    private readonly HistogramBuckets?[] _shards;
    private HistogramBuckets? _latched;

    internal Histogram(StatsStore store, string name)
        : base(store, name) => _shards = new HistogramBuckets?[store.WorkerCount + 1];

    public override StatKind Kind => StatKind.Histogram;

    /// <summary>Everything recorded so far. Computed by each call.</summary>
    public HistogramSnapshot Cumulative => new(MergeShards());

    /// <summary>What was recorded between the last two <see cref="StatsStore.Flush"/> calls (since the start, after the first one).</summary>
    public HistogramSnapshot Interval { get; private set; } = HistogramSnapshot.Empty;

    /// <summary>Counts a value. Negative ones count as zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Record(long value)
    {
        var shard = StatsShard.Current;
        if (shard is not null && shard.Store == Store)
        {
            (_shards[shard.Index] ?? AddShard(shard.Index)).Record(value);
        }
        else
        {
            RecordShared(value);
        }
    }

    internal void Flush()
    {
        var now = MergeShards();
        var interval = new HistogramBuckets();
        interval.Merge(now);
        if (_latched is not null)
        {
            interval.Merge(_latched, -1);
        }

        _latched = now;
        Interval = new HistogramSnapshot(interval);
    }

    private HistogramBuckets MergeShards()
    {
        var merged = new HistogramBuckets();
        for (var i = 0; i < _shards.Length; i++)
        {
            if (Volatile.Read(ref _shards[i]) is { } shard)
            {
                merged.Merge(shard);
            }
        }

        return merged;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RecordShared(long value) => (Volatile.Read(ref _shards[^1]) ?? AddShard(_shards.Length - 1)).RecordInterlocked(value);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private HistogramBuckets AddShard(int index)
    {
        var fresh = new HistogramBuckets();
        return Interlocked.CompareExchange(ref _shards[index], fresh, null) ?? fresh;
    }
}
