using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace MeshProxy.Http.Headers;

/// <summary>The scans over a message head that must be fast: each finds the first byte that ends or spoils a part.</summary>
/// <remarks>
/// All take <c>loadable</c>, the bytes from <c>p</c> to the end of the memory block: a vector may be loaded past
/// <c>length</c> as long as it stays inside the block, and what it finds there is ignored. That keeps short names and
/// values, which are nearly all of them, to one load.
/// </remarks>
internal static unsafe class HeaderBytes
{
    private static readonly bool[] s_token = BuildTable("!#$%&'*+-.^_`|~");
    private static readonly bool[] s_host = BuildTable("-._~!$&'()*+;=%:[]");

    /// <summary>A token character (RFC 9110 section 5.6.2).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsToken(byte b) => s_token[b];

    public static bool IsToken(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (!s_token[b])
            {
                return false;
            }
        }

        return !bytes.IsEmpty;
    }

    /// <summary>The first byte that is not a token character, or <paramref name="length"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexOfNonToken(byte* p, int length, int loadable)
    {
        // Indexed by a byte's low half, one bit for each high half of which the byte is a token character.
        var rows = Vector128.Create((byte)0xE8, 0xFC, 0xF8, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xF8, 0xF8, 0xF4, 0x54, 0xD0, 0x54, 0xF4, 0x70);
        var i = 0;
        while (i < length)
        {
            if (i + 16 > loadable)
            {
                return IndexOfNon(s_token, p, i, length);
            }

            var bad = Misfits(rows, Vector128.Load(p + i));
            if (bad != 0)
            {
                return Math.Min(i + System.Numerics.BitOperations.TrailingZeroCount(bad), length);
            }

            i += 16;
        }

        return length;
    }

    /// <summary>
    /// The first byte that may not stand in an authority: RFC 3986 without user information. The comma, legal in a
    /// name, is refused as well: two Host fields that something joined look like that.
    /// </summary>
    public static int IndexOfNonHost(byte* p, int length, int loadable)
    {
        var rows = Vector128.Create((byte)0xA8, 0xFC, 0xF8, 0xF8, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0xFC, 0x7C, 0x50, 0x7C, 0xD4, 0x70);
        var i = 0;
        while (i < length)
        {
            if (i + 16 > loadable)
            {
                return IndexOfNon(s_host, p, i, length);
            }

            var bad = Misfits(rows, Vector128.Load(p + i));
            if (bad != 0)
            {
                return Math.Min(i + System.Numerics.BitOperations.TrailingZeroCount(bad), length);
            }

            i += 16;
        }

        return length;
    }

    /// <summary>The first control byte other than HTAB, or <paramref name="length"/> (RFC 9110 section 5.5).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexOfControl(byte* p, int length, int loadable)
    {
        var i = 0;
        while (i < length)
        {
            if (i + 32 > loadable)
            {
                while (i < length && !IsControl(p[i]))
                {
                    i++;
                }

                return i;
            }

            var v = Vector256.Load(p + i);
            var bad = Vector256.AndNot(Vector256.LessThan(v, Vector256.Create((byte)0x20)), Vector256.Equals(v, Vector256.Create((byte)'\t')))
                | Vector256.Equals(v, Vector256.Create((byte)0x7F));
            var bits = bad.ExtractMostSignificantBits();
            if (bits != 0)
            {
                return Math.Min(i + System.Numerics.BitOperations.TrailingZeroCount(bits), length);
            }

            i += 32;
        }

        return length;
    }

    /// <summary>The first byte that is not visible ASCII or is '#', or <paramref name="length"/>: the end of a request target.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int IndexOfTargetEnd(byte* p, int length, int loadable)
    {
        var i = 0;
        while (i < length)
        {
            if (i + 32 > loadable)
            {
                while (i < length && p[i] is > 0x20 and < 0x7F and not (byte)'#')
                {
                    i++;
                }

                return i;
            }

            var v = Vector256.Load(p + i);
            var bad = Vector256.GreaterThan(v - Vector256.Create((byte)0x21), Vector256.Create((byte)(0x7E - 0x21)))
                | Vector256.Equals(v, Vector256.Create((byte)'#'));
            var bits = bad.ExtractMostSignificantBits();
            if (bits != 0)
            {
                return Math.Min(i + System.Numerics.BitOperations.TrailingZeroCount(bits), length);
            }

            i += 32;
        }

        return length;
    }

    /// <summary>Whether a control byte other than HTAB is among them (RFC 9110 section 5.5).</summary>
    public static bool ContainsControl(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            for (var i = 0; i < bytes.Length; i += Vector128<byte>.Count)
            {
                var v = LoadAt(p, i, bytes.Length);
                var bad = Vector128.AndNot(Vector128.LessThan(v, Vector128.Create((byte)0x20)), Vector128.Equals(v, Vector128.Create((byte)'\t')))
                    | Vector128.Equals(v, Vector128.Create((byte)0x7F));
                if (bad != Vector128<byte>.Zero)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Whether all are visible ASCII other than '#', as in a request target.</summary>
    public static bool IsTarget(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* p = bytes)
        {
            for (var i = 0; i < bytes.Length; i += Vector128<byte>.Count)
            {
                var v = LoadAt(p, i, bytes.Length);
                var bad = Vector128.GreaterThan(v - Vector128.Create((byte)0x21), Vector128.Create((byte)(0x7E - 0x21)))
                    | Vector128.Equals(v, Vector128.Create((byte)'#'));
                if (bad != Vector128<byte>.Zero)
                {
                    return false;
                }
            }
        }

        return true;
    }

    /// <summary>Whether all are token characters, none of them an upper-case letter; there is at least one.</summary>
    public static bool IsLowerToken(ReadOnlySpan<byte> bytes)
    {
        // The rows of a token, without the bits of the columns 4 and 5, but for '^' and '_'.
        var rows = Vector128.Create((byte)0xC8, 0xCC, 0xC8, 0xCC, 0xCC, 0xCC, 0xCC, 0xCC, 0xC8, 0xC8, 0xC4, 0x44, 0xC0, 0x44, 0xE4, 0x60);
        fixed (byte* p = bytes)
        {
            for (var i = 0; i < bytes.Length; i += Vector128<byte>.Count)
            {
                if (Misfits(rows, LoadAt(p, i, bytes.Length)) != 0)
                {
                    return false;
                }
            }
        }

        return !bytes.IsEmpty;
    }

    /// <summary>Whether two names are the same but for the case of ASCII letters; <paramref name="lower"/> is lower-case.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool NameEquals(byte* name, int length, ReadOnlySpan<byte> lower)
    {
        if (length != lower.Length)
        {
            return false;
        }

        for (var i = 0; i < lower.Length; i++)
        {
            if (ToLower(name[i]) != lower[i])
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Whether a value equals a lower-case word, ignoring the case of ASCII letters.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool EqualsIgnoreCase(ReadOnlySpan<byte> value, ReadOnlySpan<byte> lower)
    {
        if (value.Length != lower.Length)
        {
            return false;
        }

        for (var i = 0; i < lower.Length; i++)
        {
            if (ToLower(value[i]) != lower[i])
            {
                return false;
            }
        }

        return true;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte ToLower(byte b) => (uint)(b - 'A') <= 'Z' - 'A' ? (byte)(b | 0x20) : b;

    public static void MakeLower(byte* name, int length)
    {
        for (var i = 0; i < length; i++)
        {
            name[i] = ToLower(name[i]);
        }
    }

    /// <summary>Cuts the next comma-separated element off a list, trimmed; false at the end. Empty elements are skipped.</summary>
    public static bool NextListElement(ref ReadOnlySpan<byte> list, out ReadOnlySpan<byte> element)
    {
        while (!list.IsEmpty)
        {
            var comma = list.IndexOf((byte)',');
            element = Trim(comma < 0 ? list : list[..comma]);
            list = comma < 0 ? default : list[(comma + 1)..];
            if (!element.IsEmpty)
            {
                return true;
            }
        }

        element = default;
        return false;
    }

    /// <summary>Without the spaces and tabs around it.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> value)
    {
        var start = 0;
        var end = value.Length;
        while (start < end && value[start] is (byte)' ' or (byte)'\t')
        {
            start++;
        }

        while (end > start && value[end - 1] is (byte)' ' or (byte)'\t')
        {
            end--;
        }

        return value[start..end];
    }

    /// <summary>Bytes from an index on, for a question about all: at the end some that were seen before, of few bytes some twice. Never others than these.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<byte> LoadAt(byte* p, int i, int length)
    {
        if (length >= Vector128<byte>.Count)
        {
            return Vector128.Load(p + Math.Min(i, length - Vector128<byte>.Count));
        }

        if (length >= sizeof(ulong))
        {
            return Vector128.Create(Unsafe.ReadUnaligned<ulong>(p), Unsafe.ReadUnaligned<ulong>(p + length - sizeof(ulong))).AsByte();
        }

        if (length >= sizeof(uint))
        {
            return Vector128.Create(Unsafe.ReadUnaligned<uint>(p) | ((ulong)Unsafe.ReadUnaligned<uint>(p + length - sizeof(uint)) << 32)).AsByte();
        }

        return Vector128.Create(p[0] | ((uint)p[length >> 1] << 8) | ((uint)p[length - 1] << 16) | ((uint)p[0] << 24)).AsByte();
    }

    private static bool IsControl(byte b) => (b < 0x20 && b != '\t') || b == 0x7F;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Misfits(Vector128<byte> rows, Vector128<byte> v)
    {
        var bits = Vector128.Create((byte)1, 2, 4, 8, 16, 32, 64, 128, 0, 0, 0, 0, 0, 0, 0, 0);
        var low = Vector128.ShuffleNative(rows, v & Vector128.Create((byte)0x0F));
        var high = Vector128.ShuffleNative(bits, Vector128.ShiftRightLogical(v.AsUInt16(), 4).AsByte() & Vector128.Create((byte)0x0F));
        return Vector128.Equals(low & high, Vector128<byte>.Zero).ExtractMostSignificantBits();
    }

    private static int IndexOfNon(bool[] table, byte* p, int i, int length)
    {
        while (i < length && table[p[i]])
        {
            i++;
        }

        return i;
    }

    private static bool[] BuildTable(string others)
    {
        var table = new bool[256];
        for (var c = 0; c < 128; c++)
        {
            table[c] = char.IsAsciiLetterOrDigit((char)c) || others.Contains((char)c);
        }

        return table;
    }
}
