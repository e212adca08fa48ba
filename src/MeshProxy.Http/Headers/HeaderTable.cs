using System.Runtime.CompilerServices;
using System.Text;

namespace MeshProxy.Http.Headers;

/// <summary>Finds a well-known header's number from its bytes, in any case, and its lower-case bytes from its number.</summary>
internal static unsafe class HeaderTable
{
    /// <summary>The last of the names that an HTTP/1 codec must act upon.</summary>
    public const HeaderId LastSpecial = HeaderId.Expect;

    /// <summary>One more than the highest id.</summary>
    public const int Size = 128;

    private const int BucketBits = 9;

    private static readonly byte[][] s_names = BuildNames();
    private static readonly int s_maxLength = s_names.Max(n => n.Length);
    private static readonly byte[] s_pinned = GC.AllocateArray<byte>(s_names.Sum(n => n.Length + 8), pinned: true);
    private static readonly Entry[] s_entries = GC.AllocateArray<Entry>(Size, pinned: true);
    private static readonly byte[] s_buckets = GC.AllocateArray<byte>(1 << BucketBits, pinned: true);

    // The tables are pinned for the life of the process, so the lookup reads them without bounds checks.
    private static readonly Entry* s_entryTable = (Entry*)Unsafe.AsPointer(ref s_entries[0]);
    private static readonly byte* s_bucketTable = (byte*)Unsafe.AsPointer(ref s_buckets[0]);

    static HeaderTable()
    {
        var at = (byte*)Unsafe.AsPointer(ref s_pinned[0]);
        for (var id = 1; id < s_names.Length; id++)
        {
            var name = s_names[id];
            name.CopyTo(new Span<byte>(at, name.Length));
            var bucket = Hash(at, name.Length);
            s_entries[id] = new Entry { Name = at, Length = (byte)name.Length, Next = s_buckets[bucket] };
            s_buckets[bucket] = (byte)id;
            at += name.Length + 8;
        }
    }

    private struct Entry
    {
        public byte* Name;
        public byte Length;
        public byte Next;
    }

    /// <summary>The lower-case bytes of a well-known name.</summary>
    public static byte[] Name(HeaderId id) => s_names[(int)id];

    public static HeaderId Find(ReadOnlySpan<byte> name)
    {
        fixed (byte* p = name)
        {
            return Find(p, name.Length);
        }
    }

    /// <summary>The number of a name that holds token characters only, in any case.</summary>
    public static HeaderId Find(byte* name, int length)
    {
        if ((uint)(length - 2) > (uint)(s_maxLength - 2))
        {
            return HeaderId.None;
        }

        int id = s_bucketTable[Hash(name, length)];
        while (id != 0)
        {
            var entry = s_entryTable + id;
            if (entry->Length == length && EqualsLower(name, entry->Name, length))
            {
                return (HeaderId)id;
            }

            id = entry->Next;
        }

        return HeaderId.None;
    }

    /// <summary>
    /// Whether a token equals a name that is lower-case already. Setting bit 5 maps no other token character onto a
    /// letter, digit or dash, so that is all the folding that it takes.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool EqualsLower(byte* name, byte* lower, int length)
    {
        const ulong Fold8 = 0x2020202020202020;
        const uint Fold4 = 0x20202020;
        if (length >= 8)
        {
            var last = length - 8;
            for (var i = 0; i < last; i += 8)
            {
                if ((Unsafe.ReadUnaligned<ulong>(name + i) | Fold8) != Unsafe.ReadUnaligned<ulong>(lower + i))
                {
                    return false;
                }
            }

            return (Unsafe.ReadUnaligned<ulong>(name + last) | Fold8) == Unsafe.ReadUnaligned<ulong>(lower + last);
        }

        if (length >= 4)
        {
            return (Unsafe.ReadUnaligned<uint>(name) | Fold4) == Unsafe.ReadUnaligned<uint>(lower)
                && (Unsafe.ReadUnaligned<uint>(name + length - 4) | Fold4) == Unsafe.ReadUnaligned<uint>(lower + length - 4);
        }

        for (var i = 0; i < length; i++)
        {
            if ((name[i] | 0x20) != lower[i])
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(byte* name, int length)
    {
        uint first, last;
        if (length >= 4)
        {
            first = Unsafe.ReadUnaligned<uint>(name) | 0x20202020;
            last = Unsafe.ReadUnaligned<uint>(name + length - 4) | 0x20202020;
        }
        else
        {
            first = (uint)(name[0] | 0x20);
            last = (uint)(name[length - 1] | 0x20);
        }

        return ((first * 0x9E3779B1u) + (last * 0x85EBCA6Bu) + ((uint)length * 0xC2B2AE35u)) >> (32 - BucketBits);
    }

    private static byte[][] BuildNames() => [.. HeaderSpellings.All.Select(Encoding.ASCII.GetBytes)];
}
