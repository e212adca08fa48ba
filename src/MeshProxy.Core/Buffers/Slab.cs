using System.Diagnostics;

namespace MeshProxy.Core.Buffers;

/// <summary>
/// A pinned block of bytes with a reference count. Whoever keeps offsets into it (a buffer's slice, a message head,
/// an access log) holds one reference; the last release gives it back to its pool.
/// </summary>
/// <remarks>
/// Belongs to one worker: the count is not atomic. Bytes up to <see cref="Filled"/> are read-only once a second holder
/// exists; only the slice that ends at <see cref="Filled"/> may append.
/// </remarks>
public sealed unsafe class Slab
{
    private readonly SlabPool _pool;
    private int _references;

    internal Slab(SlabPool pool, int sizeClass, int sizeBytes)
    {
        _pool = pool;
        SizeClass = sizeClass;
        Array = GC.AllocateUninitializedArray<byte>(sizeBytes, pinned: true);
        Pointer = (byte*)System.Runtime.InteropServices.Marshal.UnsafeAddrOfPinnedArrayElement(Array, 0);
    }

    internal byte[] Array { get; }

    internal byte* Pointer { get; }

    internal int SizeClass { get; }

    internal int Size => Array.Length;

    /// <summary>How many bytes from the start have been written.</summary>
    internal int Filled;

    internal int References => _references;

    /// <summary>Bytes at an offset, valid while the caller holds a reference.</summary>
    public ReadOnlySpan<byte> Span(int start, int length) => new(Array, start, length);

    internal Slab AddReference()
    {
        Debug.Assert(_references >= 0);
        _references++;
        return this;
    }

    internal void Release()
    {
        Debug.Assert(_references > 0, "a slab was released more often than referenced");
        if (--_references == 0)
        {
            Filled = 0;
            _pool.Return(this);
        }
    }
}
