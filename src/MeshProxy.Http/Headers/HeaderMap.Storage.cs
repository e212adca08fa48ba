using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Headers;

// Where the bytes stand: slots, the received head, and the arena.
public abstract unsafe partial class HeaderMap
{
    /// <summary>The memory that a slot's offsets count from.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Block(in HeaderSlot slot) => slot.Block == 0 ? _head : _arena[slot.Block - 1].Pointer;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadOnlySpan<byte> NameOf(in HeaderSlot slot) => new(Block(slot) + slot.NameStart, slot.NameLength);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadOnlySpan<byte> ValueOf(in HeaderSlot slot) => new(Block(slot) + slot.ValueStart, slot.ValueLength);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal ReadOnlySpan<byte> PieceOf(HeaderPiece piece) =>
        new((piece.Block == 0 ? _head : _arena[piece.Block - 1].Pointer) + piece.Start, piece.Length);

    /// <summary>
    /// Notes a header that a codec has found in the head, by offsets from the head's first byte; the head itself is
    /// handed over when it is complete (<see cref="AttachHead"/>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void AddReceived(HeaderId id, int nameStart, int nameLength, int valueStart, int valueLength, bool wholeLine)
    {
        if (_slotCount == _slots.Length)
        {
            GrowSlots();
        }

        var index = _slotCount;
        ref var slot = ref _slots[index];
        slot.NameStart = (ushort)nameStart;
        slot.NameLength = (ushort)nameLength;
        slot.ValueStart = (ushort)valueStart;
        slot.ValueLength = (ushort)valueLength;
        slot.Block = 0;
        slot.Id = id;
        slot.Flags = wholeLine ? HeaderSlotFlags.WholeLine : HeaderSlotFlags.None;
        _slotCount = index + 1;
        Register(id, index, nameLength + valueLength);
    }

    /// <summary>Gives the map the memory that holds the head, and a reference to it; again when the head has moved.</summary>
    internal void AttachHead(Slab slab, int start)
    {
        if (_headSlab != slab)
        {
            _headSlab?.Release();
            _headSlab = slab.AddReference();
        }

        _head = slab.Pointer + start;
    }

    /// <summary>Adds a well-known header from its whole line, "name: value CR LF", which the caller has checked.</summary>
    internal void AddLine(HeaderId id, ReadOnlySpan<byte> line, int nameLength)
    {
        CheckThread();
        var at = Reserve(line.Length, out var block, out var start);
        line.CopyTo(new Span<byte>(at, line.Length));
        PushSlot(new HeaderSlot
        {
            Id = id,
            Block = block,
            NameStart = start,
            NameLength = (ushort)nameLength,
            ValueStart = (ushort)(start + nameLength + 2),
            ValueLength = (ushort)(line.Length - nameLength - 4),
            Flags = HeaderSlotFlags.WholeLine,
        });
    }

    /// <summary>Adds a header that a codec has unpacked and checked: the name lower-case, not both longer than 64 KiB less four.</summary>
    internal void AddDecoded(HeaderId id, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool neverIndexed)
    {
        var slot = default(HeaderSlot);
        WriteLine(ref slot, name, value, default);
        slot.Id = id;
        if (neverIndexed)
        {
            slot.Flags |= HeaderSlotFlags.NeverIndexed;
        }

        PushSlot(slot);
    }

    /// <summary>Takes every header of a name out that is not well-known and may be in any case.</summary>
    internal void RemoveCustom(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i < _slotCount; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.NameLength == name.Length && slot.Id == HeaderId.None && (slot.Flags & HeaderSlotFlags.Removed) == 0
                && System.Text.Ascii.EqualsIgnoreCase(NameOf(slot), name))
            {
                RemoveSlot(ref slot);
            }
        }
    }

    /// <summary>The first slot of a name, or -1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal int IndexOf(HeaderName name) => name.Id != HeaderId.None ? _first[(int)name.Id] - 1 : IndexOfCustom(name.Bytes, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Contains(HeaderId id) => _first[(int)id] != 0;

    internal ReadOnlySpan<byte> ValueAt(int index) => ValueOf(_slots[index]);

    /// <summary>Copies bytes of a start line into the arena.</summary>
    private protected HeaderPiece StorePiece(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> more = default)
    {
        var at = Reserve(bytes.Length + more.Length, out var block, out var start);
        bytes.CopyTo(new Span<byte>(at, bytes.Length));
        more.CopyTo(new Span<byte>(at + bytes.Length, more.Length));
        return new HeaderPiece { Block = block, Start = start, Length = (ushort)(bytes.Length + more.Length) };
    }

    private int IndexOfCustom(ReadOnlySpan<byte> lower, int from)
    {
        for (var i = from; i < _slotCount; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.NameLength == lower.Length && slot.Id == HeaderId.None && (slot.Flags & HeaderSlotFlags.Removed) == 0
                && HeaderBytes.NameEquals(Block(slot) + slot.NameStart, lower.Length, lower))
            {
                return i;
            }
        }

        return -1;
    }

    private int RemoveAfter(int index, HeaderName name)
    {
        var removed = 0;
        if (name.Id == HeaderId.None)
        {
            while ((index = IndexOfCustom(name.Bytes, index + 1)) >= 0)
            {
                RemoveSlot(ref _slots[index]);
                removed++;
            }

            return removed;
        }

        for (var i = index + 1; i < _slotCount; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Id == name.Id && (slot.Flags & HeaderSlotFlags.Removed) == 0)
            {
                var first = _first[(int)name.Id];
                RemoveSlot(ref slot);
                _first[(int)name.Id] = first;
                removed++;
            }
        }

        return removed;
    }

    /// <summary>Marks a slot removed. The caller sees to it that none of the same name remains, or puts the first one back.</summary>
    private void RemoveSlot(ref HeaderSlot slot)
    {
        slot.Flags |= HeaderSlotFlags.Removed;
        if (slot.Id != HeaderId.None)
        {
            _first[(int)slot.Id] = 0;
        }

        Count--;
        ByteSize -= slot.NameLength + slot.ValueLength + 4;
    }

    private void AppendSlot(HeaderName name, ReadOnlySpan<byte> value, ReadOnlySpan<byte> secondValue)
    {
        var slot = default(HeaderSlot);
        WriteLine(ref slot, name.Bytes, value, secondValue);
        slot.Id = name.Id;
        PushSlot(slot);
    }

    private void PushSlot(in HeaderSlot slot)
    {
        if (_slotCount == _slots.Length)
        {
            GrowSlots();
        }

        var index = _slotCount++;
        _slots[index] = slot;
        Register(slot.Id, index, slot.NameLength + slot.ValueLength);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Register(HeaderId id, int index, int bytes)
    {
        if (id != HeaderId.None && _first[(int)id] == 0)
        {
            _first[(int)id] = (ushort)(index + 1);
        }

        Count++;
        ByteSize += bytes + 4;
    }

    private void Rewrite(int index, ReadOnlySpan<byte> value, ReadOnlySpan<byte> secondValue)
    {
        var before = _slots[index];
        var after = before;
        WriteLine(ref after, NameOf(before), value, secondValue);
        after.Flags |= before.Flags & HeaderSlotFlags.NeverIndexed;
        _slots[index] = after;
        ByteSize += after.ValueLength - before.ValueLength;
    }

    /// <summary>Writes "name: value CR LF" to the arena, the way it will be sent. A second value goes behind a comma.</summary>
    private void WriteLine(ref HeaderSlot slot, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, ReadOnlySpan<byte> secondValue)
    {
        var valueLength = value.Length + (secondValue.IsEmpty ? 0 : 1 + secondValue.Length);
        var at = Reserve(name.Length + 2 + valueLength + 2, out var block, out var start);
        name.CopyTo(new Span<byte>(at, name.Length));
        at += name.Length;
        *at++ = (byte)':';
        *at++ = (byte)' ';
        value.CopyTo(new Span<byte>(at, value.Length));
        at += value.Length;
        if (!secondValue.IsEmpty)
        {
            *at++ = (byte)',';
            secondValue.CopyTo(new Span<byte>(at, secondValue.Length));
            at += secondValue.Length;
        }

        *at++ = (byte)'\r';
        *at = (byte)'\n';
        slot.Block = block;
        slot.NameStart = start;
        slot.NameLength = (ushort)name.Length;
        slot.ValueStart = (ushort)(start + name.Length + 2);
        slot.ValueLength = (ushort)valueLength;
        slot.Flags = HeaderSlotFlags.WholeLine;
    }

    private byte* Reserve(int bytes, out byte block, out ushort start)
    {
        if (_addedBytes + bytes > MaxAddedBytes || bytes > SlabPool.MaxSlabBytes)
        {
            throw new InvalidOperationException($"More than {MaxAddedBytes} bytes were added to one header map, or more than {SlabPool.MaxSlabBytes} at once.");
        }

        _addedBytes += bytes;
        Slab? slab = null;
        if (_arenaCount > 0)
        {
            slab = _arena[_arenaCount - 1];
            if (slab.Size - slab.Filled < bytes || slab.References > 1)
            {
                slab = null;
            }
        }

        slab ??= RentArena(bytes);
        block = (byte)_arenaCount;
        start = (ushort)slab.Filled;
        slab.Filled += bytes;
        return slab.Pointer + start;
    }

    private Slab RentArena(int bytes)
    {
        // At most 256 KiB in pieces of 8 KiB or more, each at least half full before the next: far below the 255 that a slot can name.
        if (_arenaCount == _arena.Length)
        {
            Array.Resize(ref _arena, Math.Max(2, _arena.Length * 2));
        }

        var slab = _pool!.Rent(bytes);
        _arena[_arenaCount++] = slab;
        return slab;
    }

    private void GrowSlots()
    {
        if (_slotCount > 2 * Count)
        {
            Compact();
            return;
        }

        if (_slots.Length >= MaxSlots)
        {
            throw new InvalidOperationException($"A header map holds at most {MaxSlots} headers.");
        }

        Array.Resize(ref _slots, _slots.Length * 2);
    }

    private void Compact()
    {
        var kept = 0;
        _first = default;
        for (var i = 0; i < _slotCount; i++)
        {
            if ((_slots[i].Flags & HeaderSlotFlags.Removed) != 0)
            {
                continue;
            }

            var id = _slots[i].Id;
            if (id != HeaderId.None && _first[(int)id] == 0)
            {
                _first[(int)id] = (ushort)(kept + 1);
            }

            _slots[kept++] = _slots[i];
        }

        _slotCount = kept;
    }

    private void CheckChange(HeaderName name, ReadOnlySpan<byte> value)
    {
        CheckThread();
        if (value.ContainsAny((byte)'\r', (byte)'\n', (byte)0))
        {
            // The value may be a secret: it is not shown.
            throw new ArgumentException($"The value for header '{name}' holds CR, LF or NUL.", nameof(value));
        }

        if (value.Length > SlabPool.MaxSlabBytes / 2)
        {
            throw new ArgumentException($"The value for header '{name}' is {value.Length} bytes long; {SlabPool.MaxSlabBytes / 2} are the most.", nameof(value));
        }
    }
}

/// <summary>A part of a start line: where it stands in the map's memory.</summary>
internal struct HeaderPiece
{
    public ushort Start;
    public ushort Length;
    public byte Block;

    public readonly bool IsSet => Length != 0;
}
