using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// A dynamic table (RFC 7541 section 2.3.2): a ring of entries over one array of bytes, each entry's name and value
/// standing together. Both are empty until something is indexed and grow with what is, never beyond the table's size.
/// </summary>
/// <remarks>
/// An entry has a number that counts up from the table's first one and never changes. The bytes are added at the end of
/// the array; when that is reached, those of the live entries move to its front, at most once for each 32 bytes that
/// are added, as every entry counts 32 bytes more than it takes.
/// </remarks>
internal sealed class HpackDynamicTable
{
    /// <summary>What an entry counts beside its name and value (RFC 7541 section 4.1).</summary>
    public const int EntryOverhead = 32;

    /// <summary>The largest size: 65535, so that an entry takes 8 bytes beside its name and value.</summary>
    public const int MaxTableBytes = ushort.MaxValue;

    private const int InitialEntries = 8;
    private const int InitialBytes = 256;

    private Entry[] _entries = [];
    private byte[] _bytes = [];
    private int _bytesStart;
    private int _bytesEnd;

    public HpackDynamicTable(int maxBytes)
    {
        CheckSize(maxBytes);
        MaxBytes = maxBytes;
    }

    internal struct Entry
    {
        public ushort Start;
        public ushort NameLength;
        public ushort ValueLength;
        public byte Code;

        /// <summary>An encoder has used the entry again.</summary>
        public bool Hit;
    }

    /// <summary>The size that <see cref="Bytes"/> may not exceed.</summary>
    public int MaxBytes { get; private set; }

    /// <summary>The entries' names and values and 32 for each.</summary>
    public int Bytes { get; private set; }

    public int Count { get; private set; }

    /// <summary>The number of the entry that the next insertion makes.</summary>
    public uint NextNumber { get; private set; }

    /// <summary>The number of the oldest entry.</summary>
    public uint OldestNumber => NextNumber - (uint)Count;

    /// <summary>How many entries the ring has room for: a power of two, or zero.</summary>
    public int Capacity => _entries.Length;

    /// <summary>The memory that the table holds.</summary>
    public int AllocatedBytes => _bytes.Length + (_entries.Length * Unsafe.SizeOf<Entry>());

    /// <summary>A live entry.</summary>
    /// <param name="number">From <see cref="OldestNumber"/> up to before <see cref="NextNumber"/>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Entry At(uint number) => ref _entries[number & (uint)(_entries.Length - 1)];

    /// <summary>An entry by its place: 0 is the newest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref Entry FromNewest(int place) => ref At(NextNumber - 1 - (uint)place);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> NameOf(in Entry entry) => _bytes.AsSpan(entry.Start, entry.NameLength);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ReadOnlySpan<byte> ValueOf(in Entry entry) => _bytes.AsSpan(entry.Start + entry.NameLength, entry.ValueLength);

    /// <summary>Sets another size; entries that no longer fit are dropped, the oldest first (RFC 7541 section 4.3).</summary>
    public void Resize(int maxBytes)
    {
        CheckSize(maxBytes);
        MaxBytes = maxBytes;
        EvictTo(maxBytes);
        if (maxBytes < _bytes.Length)
        {
            // What is held must not stay larger than the size that was agreed.
            MoveBytes(RoomFor(_bytesEnd - _bytesStart));
        }

        if (maxBytes == 0)
        {
            _entries = [];
        }
    }

    /// <summary>
    /// Adds an entry, for which the oldest are dropped as far as need be. One that is larger than the table empties it
    /// and is not added, which is no error (RFC 7541 section 4.4).
    /// </summary>
    /// <param name="code">The name's code in <see cref="HpackNames"/>.</param>
    /// <param name="name">Not of this table: its bytes may move or be overwritten.</param>
    /// <param name="value">Likewise.</param>
    /// <returns>Whether it was added.</returns>
    public bool Insert(byte code, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var length = name.Length + value.Length;
        if (length > MaxBytes - EntryOverhead)
        {
            EvictTo(0);
            return false;
        }

        EvictTo(MaxBytes - EntryOverhead - length);
        if (Count == _entries.Length)
        {
            GrowEntries();
        }

        if (length > _bytes.Length - _bytesEnd)
        {
            var live = _bytesEnd - _bytesStart;
            MoveBytes(RoomFor(live + length));
        }

        ref var entry = ref At(NextNumber);
        entry.Start = (ushort)_bytesEnd;
        entry.NameLength = (ushort)name.Length;
        entry.ValueLength = (ushort)value.Length;
        entry.Code = code;
        entry.Hit = false;
        name.CopyTo(_bytes.AsSpan(_bytesEnd));
        value.CopyTo(_bytes.AsSpan(_bytesEnd + name.Length));
        _bytesEnd += length;
        NextNumber++;
        Count++;
        Bytes += length + EntryOverhead;
        return true;
    }

    /// <summary>Gives back the room that no entry uses; the next insertion asks for new. For a connection that has become idle.</summary>
    public void Trim()
    {
        var live = _bytesEnd - _bytesStart;
        if (live < _bytes.Length)
        {
            MoveBytes(live);
        }
    }

    public static void CheckSize(int maxBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(maxBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(maxBytes, MaxTableBytes);
    }

    private void EvictTo(int bytes)
    {
        if (Bytes <= bytes)
        {
            return;
        }

        do
        {
            ref var oldest = ref At(OldestNumber);
            var length = oldest.NameLength + oldest.ValueLength;
            _bytesStart = oldest.Start + length;
            Bytes -= length + EntryOverhead;
            Count--;
        }
        while (Bytes > bytes);

        if (Count == 0)
        {
            _bytesStart = 0;
            _bytesEnd = 0;
        }
    }

    /// <summary>The array's length for some live bytes: with as much again to spare, so that they rarely move, but not more than the table's size.</summary>
    private int RoomFor(int bytes)
    {
        if (bytes == 0)
        {
            return 0;
        }

        var room = Math.Max(_bytes.Length, InitialBytes);
        while (room < bytes * 2L && room < MaxBytes)
        {
            room *= 2;
        }

        return Math.Min(room, Math.Max(MaxBytes, bytes));
    }

    private void MoveBytes(int room)
    {
        var live = _bytes.AsSpan(_bytesStart, _bytesEnd - _bytesStart);
        var target = room == _bytes.Length ? _bytes : room == 0 ? [] : new byte[room];
        live.CopyTo(target);
        var moved = _bytesStart;
        for (var number = OldestNumber; number != NextNumber; number++)
        {
            At(number).Start -= (ushort)moved;
        }

        _bytes = target;
        _bytesEnd -= moved;
        _bytesStart = 0;
    }

    private void GrowEntries()
    {
        var bigger = new Entry[Math.Max(InitialEntries, _entries.Length * 2)];
        for (var number = OldestNumber; number != NextNumber; number++)
        {
            bigger[number & (uint)(bigger.Length - 1)] = At(number);
        }

        _entries = bigger;
    }
}
