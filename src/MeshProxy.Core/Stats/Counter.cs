using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Stats;

/// <summary>A number that only grows, such as <c>downstream_cx_total</c>.</summary>
/// <remarks>From any thread. On a worker of its store: a plain addition to the worker's own cell. Elsewhere: an interlocked one.</remarks>
public sealed class Counter : CellStat
{
    private long _latched;

    internal Counter(StatsStore store, string name, CellBlock block, int offset)
        : base(store, name, block, offset)
    {
    }

    public override StatKind Kind => StatKind.Counter;

    /// <summary>What was added between the last two <see cref="StatsStore.Flush"/> calls.</summary>
    public long IntervalValue { get; private set; }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Increment() => AddToShard(1);

    /// <param name="amount">Not negative.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long amount)
    {
        Debug.Assert(amount >= 0, "a counter only grows");
        AddToShard(amount);
    }

    internal void Flush()
    {
        var now = Value;
        IntervalValue = now - _latched;
        _latched = now;
    }
}
