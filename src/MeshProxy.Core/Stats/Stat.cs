using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Stats;

/// <summary>What a <see cref="Stat"/> is.</summary>
public enum StatKind : byte
{
    Counter,
    Gauge,
    Histogram,
}

/// <summary>A named value of a <see cref="StatsStore"/>.</summary>
public abstract class Stat
{
    private protected Stat(StatsStore store, string name)
    {
        Store = store;
        Name = name;
    }

    /// <summary>The full dotted name, as Envoy has it: <c>cluster.orders.upstream_cx_total</c>.</summary>
    public string Name { get; }

    public abstract StatKind Kind { get; }

    internal StatsStore Store { get; }

    /// <summary>How many owners (clusters, listeners) have asked for this name. Guarded by the store's lock.</summary>
    internal int Owners { get; set; }

    /// <summary>Whether the store lists it. False after the last owner went.</summary>
    public bool IsListed => Store.Find(Name) == this;

    public override string ToString() => Name;
}

/// <summary>A stat that is one number: a cell a worker.</summary>
public abstract class CellStat : Stat
{
    private readonly long[][] _cells;
    private readonly int _offset;

    private protected CellStat(StatsStore store, string name, CellBlock block, int offset)
        : base(store, name)
    {
        _cells = block.Cells;
        _offset = offset;
    }

    /// <summary>The sum over all threads.</summary>
    /// <remarks>From any thread. Workers go on counting meanwhile: what they have just added may be missing.</remarks>
    public long Value
    {
        get
        {
            long sum = 0;
            foreach (var shard in _cells)
            {
                sum += Volatile.Read(ref shard[_offset]);
            }

            return sum;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private protected void AddToShard(long amount)
    {
        var shard = StatsShard.Current;
        if (shard is not null && shard.Store == Store)
        {
            _cells[shard.Index][_offset] += amount;
        }
        else
        {
            AddShared(amount);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private protected void AddShared(long amount) => Interlocked.Add(ref _cells[^1][_offset], amount);
}
