using System.Diagnostics;
using System.Numerics;

namespace MeshProxy.Core.Buffers;

/// <summary>A worker's stacks of free slabs, one for each size class (8, 16, 32 and 64 KiB).</summary>
/// <remarks>Single-threaded. LIFO, so that the slab that is handed out is the one still in the cache.</remarks>
public sealed class SlabPool
{
    /// <summary>The smallest slab: 8 KiB.</summary>
    public const int MinSlabBytes = 8 * 1024;

    /// <summary>The largest slab for what must be contiguous, such as a message head: 64 KiB.</summary>
    public const int MaxSlabBytes = 64 * 1024;

    /// <summary>The slab that a connection reads into while it is busy: fewer system calls for the same bytes, and still within the processor's cache.</summary>
    public const int BulkSlabBytes = 256 * 1024;

    private const int SizeClasses = 6;
    private const int SliceArraySizes = 8;
    private const int MaxRetainedSlices = 1024;

    private readonly Stack<Slab>[] _free;
    private readonly Stack<IoBuffer.Slice[]>[] _slices;
    private readonly int _maxRetainedBytes;
    private int _retainedBytes;

    /// <param name="maxRetainedBytes">Free bytes to keep for reuse; what is returned beyond goes to the garbage collector.</param>
    public SlabPool(int maxRetainedBytes = 64 * 1024 * 1024)
    {
        _maxRetainedBytes = maxRetainedBytes;
        _slices = new Stack<IoBuffer.Slice[]>[SliceArraySizes];
        for (var i = 0; i < SliceArraySizes; i++)
        {
            _slices[i] = new Stack<IoBuffer.Slice[]>();
        }

        _free = new Stack<Slab>[SizeClasses];
        for (var i = 0; i < SizeClasses; i++)
        {
            _free[i] = new Stack<Slab>(16);
        }
    }

    /// <summary>Slabs that somebody holds a reference to. Zero when the worker is idle.</summary>
    public int SlabsInUse { get; private set; }

    /// <summary>The bytes of the slabs in use, by their size.</summary>
    public long BytesInUse { get; private set; }

    /// <summary>The bytes of all slabs that were made, also of those that the garbage collector has by now.</summary>
    internal long BytesMade { get; private set; }

    /// <summary>Hands out an empty slab with one reference, of the smallest class that holds <paramref name="minBytes"/>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">More than <see cref="BulkSlabBytes"/> was asked for.</exception>
    public Slab Rent(int minBytes = MinSlabBytes)
    {
        var sizeClass = SizeClassOf(minBytes);
        SlabsInUse++;
        var size = MinSlabBytes << sizeClass;
        BytesInUse += size;
        if (_free[sizeClass].TryPop(out var slab))
        {
            _retainedBytes -= size;
        }
        else
        {
            slab = new Slab(this, sizeClass, size);
            BytesMade += size;
        }

        return slab.AddReference();
    }

    /// <summary>An array for a buffer's slices.</summary>
    /// <param name="length">A power of two, 2 or more.</param>
    internal IoBuffer.Slice[] RentSlices(int length = 2)
    {
        var size = BitOperations.Log2((uint)length);
        return size < _slices.Length && _slices[size].TryPop(out var slices) ? slices : new IoBuffer.Slice[length];
    }

    /// <summary>Takes back an array without content; a large one is left to the garbage collector.</summary>
    internal void ReturnSlices(IoBuffer.Slice[] slices)
    {
        var size = BitOperations.Log2((uint)slices.Length);
        if (slices.Length > 0 && size < _slices.Length && _slices[size].Count < MaxRetainedSlices)
        {
            _slices[size].Push(slices);
        }
    }

    internal void Return(Slab slab)
    {
        Debug.Assert(slab.References == 0);
        SlabsInUse--;
        BytesInUse -= slab.Size;
        if (_retainedBytes + slab.Size <= _maxRetainedBytes)
        {
            _retainedBytes += slab.Size;
            _free[slab.SizeClass].Push(slab);
        }
    }

    private static int SizeClassOf(int minBytes) => minBytes switch
    {
        <= MinSlabBytes => 0,
        <= 16 * 1024 => 1,
        <= 32 * 1024 => 2,
        <= MaxSlabBytes => 3,
        <= 128 * 1024 => 4,
        <= BulkSlabBytes => 5,
        _ => throw new ArgumentOutOfRangeException(nameof(minBytes), minBytes, $"a slab holds at most {BulkSlabBytes} bytes"),
    };
}
