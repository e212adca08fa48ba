using System.Buffers;
using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Buffers;

/// <summary>
/// A chain of slices of pinned slabs: append at the end, drain or prepend at the front, move to another buffer without
/// copying. This is how bytes travel between sockets, codecs and filters.
/// </summary>
/// <remarks>
/// Single-threaded: it belongs to the worker whose <see cref="SlabPool"/> it uses. Empty, it holds no slab.
/// Bytes of a slab that something else refers to as well are never overwritten.
/// </remarks>
public sealed class IoBuffer : IBufferWriter<byte>
{
    /// <summary>A piece of a slab this small is copied rather than shared.</summary>
    private const int MaxCopyBytes = 256;

    private readonly SlabPool _pool;
    private Slice[] _slices = [];
    private int _head;
    private int _count;

    public IoBuffer(SlabPool pool)
    {
        ArgumentNullException.ThrowIfNull(pool);
        _pool = pool;
    }

    internal struct Slice
    {
        public Slab Slab;
        public int Start;
        public int End;

        public readonly int Length => End - Start;
    }

    /// <summary>Readable bytes.</summary>
    public long Length { get; private set; }

    public bool IsEmpty => Length == 0;

    /// <summary>The pool of the worker that owns this buffer.</summary>
    public SlabPool Pool => _pool;

    internal int SliceCount => _count;

    /// <summary>The contiguous bytes at the front.</summary>
    public ReadOnlySpan<byte> FirstSpan
    {
        get
        {
            if (_count == 0)
            {
                return default;
            }

            ref var slice = ref SliceAt(0);
            return new ReadOnlySpan<byte>(slice.Slab.Array, slice.Start, slice.Length);
        }
    }

    /// <summary>The slab under the first slice. Take a reference before keeping offsets into it.</summary>
    internal Slab FirstSlab => SliceAt(0).Slab;

    /// <summary>Where the first readable byte stands in <see cref="FirstSlab"/>.</summary>
    internal int FirstOffset => SliceAt(0).Start;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ref Slice SliceAt(int index)
    {
        Debug.Assert((uint)index < (uint)_count);
        return ref _slices[(_head + index) & (_slices.Length - 1)];
    }

    /// <summary>Copies bytes in at the end.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var room = WritableTail(1, bytes.Length);
            var n = Math.Min(room.Length, bytes.Length);
            bytes[..n].CopyTo(room);
            Commit(n);
            bytes = bytes[n..];
        }
    }

    /// <summary>Copies bytes in at the front.</summary>
    public void Prepend(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            var n = Math.Min(bytes.Length, SlabPool.MaxSlabBytes);
            var slab = _pool.Rent(n);
            bytes[^n..].CopyTo(slab.Array);
            slab.Filled = n;
            Grow();
            _head = (_head - 1) & (_slices.Length - 1);
            _count++;
            _slices[_head] = new Slice { Slab = slab, Start = 0, End = n };
            Length += n;
            bytes = bytes[..^n];
        }
    }

    /// <summary>Takes everything that <paramref name="source"/> holds, without copying.</summary>
    public void MoveFrom(IoBuffer source)
    {
        Debug.Assert(source._pool == _pool, "buffers of two workers: copy instead");
        source.TrimUnusedRoom();
        TrimUnusedRoom();
        while (source._count > 0)
        {
            PushSlice(source.SliceAt(0));
            source.PopFirst();
        }

        Length += source.Length;
        source.Length = 0;
    }

    /// <summary>
    /// As <see cref="MoveFrom(IoBuffer)"/>, but copies up to <paramref name="maxCopyBytes"/> bytes into the room behind what is here: one
    /// contiguous piece leaves in a plain send, which costs less than gathering two.
    /// </summary>
    internal void MoveOrCopyFrom(IoBuffer source, int maxCopyBytes)
    {
        if (_count > 0 && source.Length <= maxCopyBytes)
        {
            ref var last = ref SliceAt(_count - 1);
            if (last.Slab.Filled == last.End && last.Slab.Size - last.End >= source.Length)
            {
                CopyFrom(source);
                source.Clear();
                return;
            }
        }

        MoveFrom(source);
    }

    /// <summary>Takes the first <paramref name="count"/> bytes of <paramref name="source"/>, without copying but for a small piece of a slab.</summary>
    /// <remarks>A body of tiny chunks would else hold a slice and a share of a slab for each byte, far more than the limits count.</remarks>
    public void MoveFrom(IoBuffer source, long count)
    {
        Debug.Assert(source._pool == _pool, "buffers of two workers: copy instead");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, source.Length);
        TrimUnusedRoom();
        while (count > 0)
        {
            ref var first = ref source.SliceAt(0);
            if (first.Length <= count)
            {
                var n = first.Length;
                PushSlice(first);
                source.PopFirst();
                source.Length -= n;
                Length += n;
                count -= n;
            }
            else if (count <= MaxCopyBytes)
            {
                var n = (int)count;
                Append(first.Slab.Span(first.Start, n));
                first.Start += n;
                source.Length -= n;
                count = 0;
            }
            else
            {
                var n = (int)count;
                PushSlice(new Slice { Slab = first.Slab.AddReference(), Start = first.Start, End = first.Start + n });
                first.Start += n;
                source.Length -= n;
                Length += n;
                count = 0;
            }
        }
    }

    /// <summary>Drops bytes from the front.</summary>
    public void Drain(long count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Length);
        Length -= count;
        while (count > 0)
        {
            ref var first = ref SliceAt(0);
            if (first.Length > count)
            {
                first.Start += (int)count;
                return;
            }

            count -= first.Length;
            first.Slab.Release();
            PopFirst();
        }

        TrimUnusedRoom();
    }

    /// <summary>Drops everything and gives the slabs back.</summary>
    public void Clear()
    {
        while (_count > 0)
        {
            SliceAt(0).Slab.Release();
            PopFirst();
        }

        Length = 0;
    }

    /// <summary>Copies the first bytes out without draining them.</summary>
    public void CopyTo(Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, Length);
        for (var i = 0; !destination.IsEmpty; i++)
        {
            ref var slice = ref SliceAt(i);
            var n = Math.Min(slice.Length, destination.Length);
            slice.Slab.Span(slice.Start, n).CopyTo(destination);
            destination = destination[n..];
        }
    }

    /// <summary>Appends a copy of what another buffer holds, and leaves that buffer as it is (also across workers).</summary>
    public void CopyFrom(IoBuffer source)
    {
        for (var i = 0; i < source._count; i++)
        {
            ref var slice = ref source.SliceAt(i);
            Append(slice.Slab.Span(slice.Start, slice.Length));
        }
    }

    /// <summary>The readable bytes as a sequence. Allocates if there is more than one slice: not for the hot path.</summary>
    public ReadOnlySequence<byte> AsSequence()
    {
        if (_count == 0)
        {
            return ReadOnlySequence<byte>.Empty;
        }

        if (_count == 1)
        {
            ref var only = ref SliceAt(0);
            return new ReadOnlySequence<byte>(only.Slab.Array, only.Start, only.Length);
        }

        Segment? first = null, last = null;
        for (var i = 0; i < _count; i++)
        {
            ref var slice = ref SliceAt(i);
            var segment = new Segment(slice.Slab.Array.AsMemory(slice.Start, slice.Length), last);
            first ??= segment;
            last = segment;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    public byte[] ToArray()
    {
        var bytes = new byte[Length];
        CopyTo(bytes);
        return bytes;
    }

    /// <summary>
    /// Makes the first <paramref name="readable"/> bytes contiguous, in a slab with room for at least
    /// <paramref name="capacity"/> bytes from the first one on. Copies at most once for each doubling of the capacity.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">More than <see cref="SlabPool.MaxSlabBytes"/> was asked for.</exception>
    internal void MakeContiguous(int readable, int capacity)
    {
        Debug.Assert(readable <= Length && readable <= capacity);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, SlabPool.MaxSlabBytes);
        if (_count > 0)
        {
            ref var first = ref SliceAt(0);
            if (first.Length >= readable && first.Slab.Size - first.Start >= capacity
                && (_count > 1 || first.Slab.Filled == first.End))
            {
                return;
            }
        }

        var slab = _pool.Rent(capacity);
        CopyTo(slab.Array.AsSpan(0, readable));
        slab.Filled = readable;
        Drain(readable);
        Grow();
        _head = (_head - 1) & (_slices.Length - 1);
        _count++;
        _slices[_head] = new Slice { Slab = slab, Start = 0, End = readable };
        Length += readable;

        // The rest follows in the same slab as far as it fits, so that the head stays in one piece.
        while (_count > 1 && slab.Size - slab.Filled > 0)
        {
            ref var next = ref SliceAt(1);
            var n = Math.Min(next.Length, slab.Size - slab.Filled);
            next.Slab.Span(next.Start, n).CopyTo(slab.Array.AsSpan(slab.Filled));
            slab.Filled += n;
            _slices[_head].End += n;
            next.Start += n;
            if (next.Length > 0)
            {
                break;
            }

            next.Slab.Release();
            RemoveSecond();
        }
    }

    /// <summary>
    /// Room at the end for at least <paramref name="minBytes"/>; a new slab, if one is needed, is of a size for
    /// <paramref name="wantBytes"/>. Follow with <see cref="Commit"/>.
    /// </summary>
    internal Span<byte> WritableTail(int minBytes, int wantBytes)
    {
        if (_count > 0)
        {
            ref var last = ref SliceAt(_count - 1);
            var slab = last.Slab;
            if (slab.Filled == last.End && slab.Size - slab.Filled >= minBytes)
            {
                return slab.Array.AsSpan(slab.Filled);
            }

            TrimUnusedRoom();
        }

        var fresh = _pool.Rent(Math.Clamp(wantBytes, minBytes, SlabPool.BulkSlabBytes));
        PushSlice(new Slice { Slab = fresh });
        return fresh.Array;
    }

    /// <summary>Makes bytes that were written to the tail readable.</summary>
    internal void Commit(int count)
    {
        ref var last = ref SliceAt(_count - 1);
        Debug.Assert(last.Slab.Filled == last.End && last.End + count <= last.Slab.Size);
        last.End += count;
        last.Slab.Filled = last.End;
        Length += count;
        if (last.Length == 0)
        {
            TrimEmptyTail();
        }
    }

    /// <inheritdoc/>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (_count == 0)
        {
            ArgumentOutOfRangeException.ThrowIfNotEqual(count, 0);
            return;
        }

        Commit(count);
    }

    /// <inheritdoc/>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        WritableTail(Math.Max(sizeHint, 1), sizeHint);
        var slab = SliceAt(_count - 1).Slab;
        return slab.Array.AsMemory(slab.Filled);
    }

    /// <inheritdoc/>
    public Span<byte> GetSpan(int sizeHint = 0) => WritableTail(Math.Max(sizeHint, 1), sizeHint);

    /// <summary>Gives back a last slab that was asked for and not written: a slice without bytes may stand nowhere else.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void TrimUnusedRoom()
    {
        if (_count > 0 && SliceAt(_count - 1).Length == 0)
        {
            TrimEmptyTail();
        }
    }

    private void TrimEmptyTail()
    {
        SliceAt(_count - 1).Slab.Release();
        _slices[(_head + _count - 1) & (_slices.Length - 1)] = default;
        _count--;
        GiveBackSlicesIfEmpty();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PushSlice(in Slice slice)
    {
        if (_count == _slices.Length)
        {
            Grow();
        }

        _slices[(_head + _count) & (_slices.Length - 1)] = slice;
        _count++;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PopFirst()
    {
        _slices[_head] = default;
        _head = (_head + 1) & (_slices.Length - 1);
        _count--;
        GiveBackSlicesIfEmpty();
    }

    /// <summary>An empty buffer holds nothing, so that an idle connection's buffers cost next to nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void GiveBackSlicesIfEmpty()
    {
        if (_count == 0)
        {
            _pool.ReturnSlices(_slices);
            _slices = [];
            _head = 0;
        }
    }

    private void RemoveSecond()
    {
        var first = _slices[_head];
        _slices[_head] = default;
        _head = (_head + 1) & (_slices.Length - 1);
        _slices[_head] = first;
        _count--;
    }

    private void Grow()
    {
        if (_count < _slices.Length)
        {
            return;
        }

        if (_slices.Length == 0)
        {
            _slices = _pool.RentSlices();
            return;
        }

        var bigger = _pool.RentSlices(_slices.Length * 2);
        for (var i = 0; i < _count; i++)
        {
            bigger[i] = SliceAt(i);
        }

        Array.Clear(_slices);
        _pool.ReturnSlices(_slices);
        _slices = bigger;
        _head = 0;
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
