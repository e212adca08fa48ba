using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Finds an encoder's table entries by name and by name and value.</summary>
/// <remarks>
/// Each bucket holds the number of its newest entry and each entry that of the next older one. Dropping an entry touches
/// nothing: it is the oldest, so it ends its chains, and a number that is not alive is the end of any chain. A number may in
/// time come to mean another entry; that costs a comparison and no more, as a chain is only followed towards older entries.
/// </remarks>
internal sealed class HpackEncoderIndex(HpackDynamicTable table)
{
    // Entries that collide are as many as the table's at worst; what is not found among the first few is sent as a literal.
    private const int MaxSteps = 8;

    private Chain[] _links = [];
    private Bucket[] _buckets = [];

    private struct Chain
    {
        public uint FieldHash;
        public uint NameHash;
        public uint OlderField;
        public uint OlderName;
    }

    private struct Bucket
    {
        public uint Field;
        public uint Name;
    }

    /// <summary>The memory that the index holds.</summary>
    public int AllocatedBytes => (_links.Length * Unsafe.SizeOf<Chain>()) + (_buckets.Length * Unsafe.SizeOf<Bucket>());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint HashName(byte code, ReadOnlySpan<byte> name) => code != 0 ? code * 0x9E3779B1u : Hash(name);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint HashField(uint nameHash, ReadOnlySpan<byte> value) => BitOperations.RotateLeft(nameHash * 0x85EBCA6Bu, 13) ^ Hash(value);

    /// <summary>The newest entry of a name.</summary>
    public bool FindName(uint nameHash, byte code, ReadOnlySpan<byte> name, out uint number)
    {
        number = 0;
        var limit = (uint)table.Count;
        if (limit == 0)
        {
            return false;
        }

        var oldest = table.OldestNumber;
        number = _buckets[Place(nameHash)].Name;
        for (var i = 0; i < MaxSteps; i++)
        {
            var age = number - oldest;
            if (age >= limit)
            {
                return false;
            }

            ref var link = ref _links[Place(number)];
            if (link.NameHash == nameHash && IsName(table.At(number), code, name))
            {
                return true;
            }

            limit = age;
            number = link.OlderName;
        }

        return false;
    }

    /// <summary>The newest entry of a name and value.</summary>
    public bool FindField(uint fieldHash, byte code, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, out uint number)
    {
        number = 0;
        var limit = (uint)table.Count;
        if (limit == 0)
        {
            return false;
        }

        var oldest = table.OldestNumber;
        number = _buckets[Place(fieldHash)].Field;
        for (var i = 0; i < MaxSteps; i++)
        {
            var age = number - oldest;
            if (age >= limit)
            {
                return false;
            }

            ref var link = ref _links[Place(number)];
            if (link.FieldHash == fieldHash)
            {
                ref var entry = ref table.At(number);
                if (IsName(entry, code, name) && table.ValueOf(entry).SequenceEqual(value))
                {
                    return true;
                }
            }

            limit = age;
            number = link.OlderField;
        }

        return false;
    }

    /// <summary>Notes the entry that has just been inserted.</summary>
    public void Add(uint nameHash, uint fieldHash)
    {
        if (_links.Length != table.Capacity)
        {
            Rebuild();
        }

        Link(table.NextNumber - 1, nameHash, fieldHash);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Place(uint hash) => (int)(hash & (uint)(_links.Length - 1));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsName(in HpackDynamicTable.Entry entry, byte code, ReadOnlySpan<byte> name) =>
        entry.Code == code && (code != 0 || table.NameOf(entry).SequenceEqual(name));

    private void Link(uint number, uint nameHash, uint fieldHash)
    {
        ref var byField = ref _buckets[Place(fieldHash)].Field;
        ref var byName = ref _buckets[Place(nameHash)].Name;
        ref var link = ref _links[Place(number)];
        link.FieldHash = fieldHash;
        link.NameHash = nameHash;
        link.OlderField = byField;
        link.OlderName = byName;
        byField = number;
        byName = number;
    }

    /// <summary>Grows with the table: all but its newest entry are in the old links.</summary>
    private void Rebuild()
    {
        var before = _links;
        _links = new Chain[table.Capacity];
        _buckets = new Bucket[table.Capacity];
        for (var number = table.OldestNumber; number != table.NextNumber - 1; number++)
        {
            ref var old = ref before[number & (uint)(before.Length - 1)];
            Link(number, old.NameHash, old.FieldHash);
        }
    }

    // Up to 24 of the bytes and the length: values that are alike there are told apart by comparing them.
    private static uint Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong K = 0x9E3779B97F4A7C15;
        ref var p = ref MemoryMarshal.GetReference(bytes);
        var length = bytes.Length;
        ulong hash;
        if (length >= 8)
        {
            hash = Unsafe.ReadUnaligned<ulong>(ref p) * K;
            hash = (BitOperations.RotateLeft(hash, 31) ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, (length / 2) - 4))) * K;
            hash = (BitOperations.RotateLeft(hash, 31) ^ Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref p, length - 8))) * K;
        }
        else if (length >= 4)
        {
            hash = (Unsafe.ReadUnaligned<uint>(ref p) | ((ulong)Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref p, length - 4)) << 32)) * K;
        }
        else
        {
            hash = length == 0 ? 0 : (p | ((uint)Unsafe.Add(ref p, length / 2) << 8) | ((uint)Unsafe.Add(ref p, length - 1) << 16)) * K;
        }

        hash = (hash ^ (uint)length) * K;
        return (uint)(hash >> 32);
    }
}
