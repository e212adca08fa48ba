using MeshProxy.Core.Buffers;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What a downstream connection speaks.</summary>
internal enum ProtocolChoice : byte
{
    /// <summary>Too few bytes are here.</summary>
    Undecided,
    Http1,
    Http2,
}

/// <summary>Chooses a downstream connection's protocol (Envoy: <c>codec_type</c>): as configured, else by what TLS has agreed upon (ALPN), else by the
/// first bytes.</summary>
/// <remarks>Immutable, shared by all workers.</remarks>
internal sealed class ProtocolSelector(CodecType type)
{
    /// <summary>RFC 9113 section 3.4: made so that an HTTP/1 server takes it for a request that it must refuse.</summary>
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <param name="alpn">What TLS has agreed upon; null if nothing.</param>
    /// <param name="input">The connection's first bytes, of which none is taken.</param>
    public ProtocolChoice Choose(string? alpn, IoBuffer input) => type switch
    {
        CodecType.Http1 => ProtocolChoice.Http1,
        CodecType.Http2 => ProtocolChoice.Http2,
        _ => alpn switch
        {
            null => ByFirstBytes(input),
            "h2" => ProtocolChoice.Http2,
            _ => ProtocolChoice.Http1,
        },
    };

    private static ProtocolChoice ByFirstBytes(IoBuffer input)
    {
        Span<byte> first = stackalloc byte[24];
        first = first[..(int)Math.Min(first.Length, input.Length)];
        input.CopyTo(first);
        return !Preface.StartsWith(first) ? ProtocolChoice.Http1
            : first.Length == Preface.Length ? ProtocolChoice.Http2
            : ProtocolChoice.Undecided;
    }
}
