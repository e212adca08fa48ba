using System.Text;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>The strings of a ClientHello.</summary>
internal static class ClientHelloText
{
    /// <summary>A host name as a lower-case string.</summary>
    /// <param name="name">At most 255 bytes of ASCII.</param>
    public static string ToLower(ReadOnlySpan<byte> name)
    {
        Span<char> text = stackalloc char[255];
        for (var i = 0; i < name.Length; i++)
        {
            var c = (char)name[i];
            text[i] = char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c;
        }

        return new string(text[..name.Length]);
    }

    /// <summary>The name of an ALPN protocol: one string for all connections where the name is a common one. Bytes become chars of the same number.</summary>
    public static string ProtocolName(ReadOnlySpan<byte> name) => name switch
    {
        _ when name.SequenceEqual("h2"u8) => "h2",
        _ when name.SequenceEqual("http/1.1"u8) => "http/1.1",
        _ when name.SequenceEqual("http/1.0"u8) => "http/1.0",
        _ => Encoding.Latin1.GetString(name),
    };
}
