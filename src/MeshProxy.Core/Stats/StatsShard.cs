namespace MeshProxy.Core.Stats;

/// <summary>A thread's right to write a worker's cells of one store without an interlocked operation.</summary>
internal sealed class StatsShard(StatsStore store, int index)
{
    /// <summary>The shard of the running thread; null on threads that are no worker.</summary>
    [ThreadStatic]
    internal static StatsShard? Current;

    public readonly StatsStore Store = store;
    public readonly int Index = index;

    /// <summary>The one thread that may enter. Guarded by the store's lock.</summary>
    public Thread? Owner;
}
