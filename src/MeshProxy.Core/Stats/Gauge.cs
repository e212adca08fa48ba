using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Stats;

/// <summary>A number that rises and falls, such as <c>downstream_cx_active</c>.</summary>
/// <remarks>
/// From any thread. One worker may add what another one subtracts: only the sum means something. A gauge is either counted
/// (<see cref="Add"/>, <see cref="Sub"/>) or set (<see cref="Set"/>), by the control side.
/// </remarks>
public sealed class Gauge : CellStat
{
    internal Gauge(StatsStore store, string name, CellBlock block, int offset)
        : base(store, name, block, offset)
    {
    }

    public override StatKind Kind => StatKind.Gauge;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Increment() => AddToShard(1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Decrement() => AddToShard(-1);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add(long amount) => AddToShard(amount);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Sub(long amount) => AddToShard(-amount);

    /// <summary>Makes <see cref="CellStat.Value"/> this number. One thread at a time; what workers add meanwhile counts on top.</summary>
    public void Set(long value) => AddShared(value - Value);
}
