using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Routing;

/// <summary>Finds a number by a byte string; of equal strings the one added first counts.</summary>
/// <remarks>
/// Immutable after the constructor, safe from any thread; a lookup allocates nothing. The hash is plain: its keys come from a config,
/// so a client cannot fill a bucket.
/// </remarks>
internal sealed class ByteStringMap
{
    private readonly Entry[] _entries;
    private readonly byte[] _keys;
    private readonly int _maxKeyLength;

    public ByteStringMap(IReadOnlyCollection<KeyValuePair<byte[], int>> items)
    {
        // At most half full, so that a probe ends soon.
        _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)Math.Max(2, items.Count * 2))];
        _keys = new byte[items.Sum(i => i.Key.Length)];
        var at = 0;
        foreach (var (key, value) in items)
        {
            var hash = Hash(key);
            var slot = FindSlot(key, hash);
            if (_entries[slot].Hash != 0)
            {
                continue;
            }

            key.CopyTo(_keys, at);
            _entries[slot] = new Entry { Hash = hash, Start = at, Length = key.Length, Value = value };
            at += key.Length;
            _maxKeyLength = Math.Max(_maxKeyLength, key.Length);
            Count++;
        }
    }

    public int Count { get; }

    /// <returns>False if there is no such key.</returns>
    public bool TryFind(ReadOnlySpan<byte> key, out int value)
    {
        if (key.Length > _maxKeyLength || Count == 0)
        {
            value = 0;
            return false;
        }

        ref var entry = ref _entries[FindSlot(key, Hash(key))];
        value = entry.Value;
        return entry.Hash != 0;
    }

    /// <summary>The slot that holds the key, or the free one where it would go.</summary>
    private int FindSlot(ReadOnlySpan<byte> key, uint hash)
    {
        var entries = _entries;
        var mask = entries.Length - 1;
        for (var slot = (int)(hash >> 1) & mask; ; slot = (slot + 1) & mask)
        {
            ref var entry = ref entries[slot];
            if (entry.Hash == 0 || (entry.Hash == hash && key.SequenceEqual(_keys.AsSpan(entry.Start, entry.Length))))
            {
                return slot;
            }
        }
    }

    /// <summary>Never 0: that marks a free slot.</summary>
    private static uint Hash(ReadOnlySpan<byte> key)
    {
        const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;
        var hash = (ulong)key.Length;
        while (key.Length >= 8)
        {
            hash = Mix(hash, BinaryPrimitives.ReadUInt64LittleEndian(key));
            key = key[8..];
        }

        foreach (var b in key)
        {
            hash = (hash << 8) + b + (hash >> 56);
        }

        hash = Mix(hash, 0);
        return (uint)(hash >> 32) | 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static ulong Mix(ulong hash, ulong word) => BitOperations.RotateLeft((hash ^ word) * Multiplier, 29) * Multiplier;
    }

    private struct Entry
    {
        public uint Hash;
        public int Start;
        public int Length;
        public int Value;
    }
}
