using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>Encodes Huffman strings (RFC 7541 section 5.2).</summary>
internal static unsafe class HuffmanEncoder
{
    /// <summary>The bytes that a string comes to.</summary>
    public static int EncodedBytes(ReadOnlySpan<byte> source)
    {
        var bits = 0UL;
        foreach (var b in source)
        {
            bits += (byte)HuffmanTable.Codes[b];
        }

        return (int)((bits + 7) / 8);
    }

    /// <summary>Encodes a string if that makes it shorter.</summary>
    /// <param name="source">The string.</param>
    /// <param name="destination">At least as long as the string; what stands there is spoilt even if nothing comes of it.</param>
    /// <param name="written">How many bytes it has become: fewer than the string's own.</param>
    /// <returns>False if the encoded string would be as long as it is, or longer.</returns>
    public static bool TryEncodeShorter(ReadOnlySpan<byte> source, Span<byte> destination, out int written)
    {
        written = 0;
        if (destination.Length < source.Length)
        {
            throw new ArgumentException("the room must be as long as the string", nameof(destination));
        }

        var codes = HuffmanTable.Codes;
        var bits = 0UL;
        var count = 0;
        fixed (byte* start = destination, first = source)
        {
            var to = start;
            var limit = start + source.Length;
            var end = first + source.Length;
            for (var from = first; from < end; from++)
            {
                var code = codes[*from];
                var length = (int)(byte)code;
                bits = (bits << length) | (code >> 8);
                count += length;
                if (count >= 32)
                {
                    if (limit - to < 4)
                    {
                        return false;
                    }

                    count -= 32;
                    Unsafe.WriteUnaligned(to, BinaryPrimitives.ReverseEndianness((uint)(bits >> count)));
                    to += 4;
                }
            }

            var bytes = (count + 7) >> 3;
            if (limit - to <= bytes)
            {
                return false;
            }

            // The rest, padded with ones, from the top of 32 bits.
            var last = (uint)((bits << (32 - count)) | (uint.MaxValue >> count));
            for (var i = 0; i < bytes; i++)
            {
                *to++ = (byte)(last >> 24);
                last <<= 8;
            }

            written = (int)(to - start);
            return true;
        }
    }
}
