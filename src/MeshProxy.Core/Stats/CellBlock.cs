namespace MeshProxy.Core.Stats;

/// <summary>Room for the values of up to <see cref="Capacity"/> stats: an array a worker, and one more that all other threads share.</summary>
/// <remarks>
/// A cell never moves and is never given to a second stat: the garbage collector takes a block with the last counter that refers to it. So
/// a draining connection of a removed cluster counts on safely, and nothing has to be zeroed or waited for.
/// </remarks>
internal sealed class CellBlock
{
    public const int Capacity = 96;

    // Keeps the first and last cells of two workers' arrays, which may lie side by side, off a common cache line.
    private const int PaddingCells = 8;

    private int _used;

    public CellBlock(int shards)
    {
        Cells = new long[shards][];
        for (var i = 0; i < shards; i++)
        {
            Cells[i] = new long[Capacity + (2 * PaddingCells)];
        }
    }

    /// <summary>By shard; the last one is the shared one.</summary>
    public long[][] Cells { get; }

    /// <summary>Takes the next cell, or -1 if there is none. Under the store's lock.</summary>
    public int Take() => _used == Capacity ? -1 : PaddingCells + _used++;
}
