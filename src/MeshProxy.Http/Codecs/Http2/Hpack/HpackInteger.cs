using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Integers (RFC 7541 section 5.1), from 0 to 2^31-1.</summary>
internal static class HpackInteger
{
    /// <summary>The most bytes that writing one takes: 1, and 5 for 31 bits.</summary>
    public const int MaxBytes = 6;

    private const int MaxShift = 28;

    /// <summary>Reads one whose first byte stands at <paramref name="at"/>, which must be within the block.</summary>
    /// <param name="block">The header block.</param>
    /// <param name="at">Moves behind the integer.</param>
    /// <param name="mask">The bits of the first byte that belong to the integer.</param>
    /// <param name="value">The integer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HpackError Read(ReadOnlySpan<byte> block, scoped ref int at, int mask, out int value)
    {
        value = block[at++] & mask;
        return value < mask ? HpackError.None : ReadRest(block, ref at, ref value);
    }

    /// <summary>Writes one behind the bits of <paramref name="first"/>. Returns how many bytes it took.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Write(Span<byte> room, byte first, int mask, int value)
    {
        if (value < mask)
        {
            room[0] = (byte)(first | value);
            return 1;
        }

        return WriteLong(room, first, mask, value);
    }

    private static HpackError ReadRest(ReadOnlySpan<byte> block, ref int at, ref int value)
    {
        long sum = value;
        for (var shift = 0; shift <= MaxShift; shift += 7)
        {
            if (at >= block.Length)
            {
                return HpackError.TruncatedInteger;
            }

            var b = block[at++];
            sum += (long)(b & 0x7F) << shift;
            if (sum > int.MaxValue)
            {
                return HpackError.IntegerOverflow;
            }

            if (b < 0x80)
            {
                value = (int)sum;
                return HpackError.None;
            }
        }

        return HpackError.IntegerOverflow;
    }

    private static int WriteLong(Span<byte> room, byte first, int mask, int value)
    {
        room[0] = (byte)(first | mask);
        var rest = (uint)(value - mask);
        var at = 1;
        while (rest >= 0x80)
        {
            room[at++] = (byte)(rest | 0x80);
            rest >>= 7;
        }

        room[at++] = (byte)rest;
        return at;
    }
}
