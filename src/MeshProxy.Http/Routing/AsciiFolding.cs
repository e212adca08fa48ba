using System.Buffers;
using System.Text;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Routing;

/// <summary>Lower case of ASCII letters; other bytes stay.</summary>
internal static class AsciiFolding
{
    /// <param name="into">At least as long.</param>
    public static void ToLower(ReadOnlySpan<byte> text, Span<byte> into)
    {
        if (Ascii.ToLower(text, into, out _) == OperationStatus.Done)
        {
            return;
        }

        for (var i = 0; i < text.Length; i++)
        {
            into[i] = HeaderBytes.ToLower(text[i]);
        }
    }

    /// <summary>The lower-case bytes of a text from a config, as UTF-8.</summary>
    public static byte[] ToLower(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] = HeaderBytes.ToLower(bytes[i]);
        }

        return bytes;
    }
}
