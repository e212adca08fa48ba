using System.Diagnostics.CodeAnalysis;
using System.Text;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Grpc;

/// <summary>One entry of a call's metadata. A name that ends with <c>-bin</c> has bytes for its value, which travel as base64.</summary>
internal readonly record struct GrpcMetadata
{
    private const string BinarySuffix = "-bin";

    /// <exception cref="ArgumentException">The name ends with -bin.</exception>
    public GrpcMetadata(HeaderName name, string value)
    {
        if (name.ToString().EndsWith(BinarySuffix, StringComparison.Ordinal))
        {
            throw new ArgumentException("A name that ends with -bin takes bytes.", nameof(name));
        }

        (Name, Value) = (name, value);
    }

    /// <exception cref="ArgumentException">The name does not end with -bin.</exception>
    public GrpcMetadata(HeaderName name, ReadOnlySpan<byte> value)
    {
        if (!name.ToString().EndsWith(BinarySuffix, StringComparison.Ordinal))
        {
            throw new ArgumentException("Bytes need a name that ends with -bin.", nameof(name));
        }

        (Name, Value) = (name, Convert.ToBase64String(value).TrimEnd('='));
    }

    public HeaderName Name { get; }

    /// <summary>As it travels.</summary>
    public string Value { get; }

    /// <summary>The bytes of the first value of a <c>-bin</c> name; false if there is none or it is not base64, with or without padding.</summary>
    public static bool TryGetBytes(HeaderMap headers, HeaderName name, [NotNullWhen(true)] out byte[]? bytes)
    {
        bytes = null;
        if (!headers.TryGet(name, out var value))
        {
            return false;
        }

        // Several values of one name may have been joined.
        var comma = value.IndexOf((byte)',');
        var text = Encoding.ASCII.GetString(comma < 0 ? value : value[..comma]).Trim().TrimEnd('=');
        var padded = text.PadRight((text.Length + 3) / 4 * 4, '=');
        var into = new byte[padded.Length / 4 * 3];
        if (!Convert.TryFromBase64String(padded, into, out var length))
        {
            return false;
        }

        bytes = into[..length];
        return true;
    }
}
