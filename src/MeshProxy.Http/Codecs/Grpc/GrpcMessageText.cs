using System.Buffers;
using System.Text;

namespace MeshProxy.Http.Codecs.Grpc;

/// <summary>The percent coding of <c>grpc-message</c> (gRPC over HTTP/2, "Responses"): UTF-8, with whatever is not printable ASCII, and the
/// percent sign, as %XX.</summary>
internal static class GrpcMessageText
{
    private static readonly SearchValues<byte> s_plain = SearchValues.Create([.. Enumerable.Range(0x20, 0x5F).Select(b => (byte)b).Where(b => b != '%')]);

    public static byte[] Encode(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        if (!bytes.AsSpan().ContainsAnyExcept(s_plain))
        {
            return bytes;
        }

        var encoded = new ArrayBufferWriter<byte>(bytes.Length + 32);
        foreach (var b in bytes)
        {
            if (s_plain.Contains(b))
            {
                encoded.Write([b]);
            }
            else
            {
                encoded.Write([(byte)'%', (byte)HexDigit(b >> 4), (byte)HexDigit(b & 15)]);
            }
        }

        return encoded.WrittenSpan.ToArray();
    }

    /// <summary>Never fails: what is not a whole escape stays as it is, what is not UTF-8 becomes U+FFFD.</summary>
    public static string Decode(ReadOnlySpan<byte> encoded)
    {
        if (!encoded.Contains((byte)'%'))
        {
            return Encoding.UTF8.GetString(encoded);
        }

        var bytes = new byte[encoded.Length];
        var length = 0;
        for (var i = 0; i < encoded.Length; i++)
        {
            if (encoded[i] == '%' && i + 2 < encoded.Length && char.IsAsciiHexDigit((char)encoded[i + 1]) && char.IsAsciiHexDigit((char)encoded[i + 2]))
            {
                bytes[length++] = (byte)((HexValue(encoded[i + 1]) << 4) | HexValue(encoded[i + 2]));
                i += 2;
            }
            else
            {
                bytes[length++] = encoded[i];
            }
        }

        return Encoding.UTF8.GetString(bytes, 0, length);
    }

    private static int HexDigit(int value) => value < 10 ? '0' + value : 'A' + value - 10;

    private static int HexValue(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
