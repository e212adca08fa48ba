using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Decodes Huffman strings (RFC 7541 section 5.2), up to two symbols a step.</summary>
internal static unsafe class HuffmanDecoder
{
    /// <summary>The room that decoding some bytes takes: no code is shorter than 5 bits, and a step may write a byte too many.</summary>
    public static int MaxDecodedBytes(int encodedBytes) => (int)((encodedBytes * 8L / HuffmanTable.MinBits) + 2);

    /// <summary>Decodes a whole string.</summary>
    /// <param name="source">The encoded bytes.</param>
    /// <param name="destination">At least <see cref="MaxDecodedBytes"/> long.</param>
    /// <param name="written">How many bytes it has become.</param>
    public static HpackError Decode(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        written = 0;
        if (destination.Length < MaxDecodedBytes(source.Length))
        {
            throw new ArgumentException("the room must be MaxDecodedBytes long", nameof(destination));
        }

        fixed (byte* from = source, to = destination)
        {
            var error = Decode(from, from + source.Length, to, out var end);
            written = (int)(end - to);
            return error;
        }
    }

    private static HpackError Decode(byte* from, byte* end, byte* to, out byte* toEnd)
    {
        // The next bits of the string stand at the top; those below the valid ones are zero.
        var start = from;
        var bits = 0UL;
        var valid = 0;
        var steps = HuffmanTable.Steps;
        while (true)
        {
            if (end - from >= 8)
            {
                // Takes as many whole bytes as fit; the same bits may be or-ed in again next time.
                bits |= BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(from)) >> valid;
                from += (63 - valid) >> 3;
                valid |= 56;
            }
            else
            {
                Refill(start, ref from, end, ref bits, ref valid);
                if (valid < HuffmanTable.MaxBits)
                {
                    return DecodeEnd(bits, valid, to, out toEnd);
                }
            }

            do
            {
                var step = steps[bits >> (64 - HuffmanTable.StepBits)];
                if (step == 0)
                {
                    var symbol = HuffmanTable.SymbolAt((uint)(bits >> 32), HuffmanTable.StepBits + 1, out var length);
                    if (symbol == HuffmanTable.EndOfString)
                    {
                        toEnd = to;
                        return HpackError.HuffmanEos;
                    }

                    *to++ = (byte)symbol;
                    bits <<= length;
                    valid -= length;
                    continue;
                }

                Unsafe.WriteUnaligned(to, (ushort)step);
                to += step >> 24;
                var taken = (int)(step >> 16) & 0xFF;
                bits <<= taken;
                valid -= taken;
            }
            while (valid >= HuffmanTable.MaxBits);
        }
    }

    /// <summary>Takes in the last bytes, fewer than 8.</summary>
    private static void Refill(byte* start, ref byte* from, byte* end, ref ulong bits, ref int valid)
    {
        // Bits that the wide load has put below the valid ones are or-ed with themselves: harmless.
        var left = (int)(end - from);
        if (left > 0 && end - start >= 8)
        {
            var last = BinaryPrimitives.ReverseEndianness(Unsafe.ReadUnaligned<ulong>(end - 8)) << (64 - (8 * left));
            bits |= last >> valid;
            var taken = Math.Min(left, (64 - valid) >> 3);
            from += taken;
            valid += 8 * taken;
            return;
        }

        while (valid <= 56 && from < end)
        {
            bits |= (ulong)*from++ << (56 - valid);
            valid += 8;
        }
    }

    /// <summary>Decodes the last bits, fewer than the longest code, and checks the padding.</summary>
    private static HpackError DecodeEnd(ulong bits, int valid, byte* to, out byte* toEnd)
    {
        // Filled up with ones, what is left of a padding reads as a code that is longer than the bits that are there.
        bits |= ulong.MaxValue >> valid;
        while (valid >= HuffmanTable.MinBits)
        {
            int length;
            var step = HuffmanTable.Steps[bits >> (64 - HuffmanTable.StepBits)];
            if (step != 0)
            {
                length = (int)(step >> 16) & 0xFF;
                if (length <= valid)
                {
                    Unsafe.WriteUnaligned(to, (ushort)step);
                    to += step >> 24;
                }
                else
                {
                    length = (byte)HuffmanTable.Codes[(byte)step];
                    if (length > valid)
                    {
                        break;
                    }

                    *to++ = (byte)step;
                }
            }
            else
            {
                var symbol = HuffmanTable.SymbolAt((uint)(bits >> 32), HuffmanTable.StepBits + 1, out length);
                if (length > valid)
                {
                    break;
                }

                *to++ = (byte)symbol;
            }

            bits = (bits << length) | ((1UL << length) - 1);
            valid -= length;
        }

        toEnd = to;
        var padded = valid <= 7 && (valid == 0 || bits >> (64 - valid) == (1UL << valid) - 1);
        return padded ? HpackError.None : HpackError.HuffmanPadding;
    }
}
