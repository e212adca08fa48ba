using System.Buffers.Binary;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>The five bytes before each TLS record (RFC 8446, section 5.1).</summary>
internal static class TlsRecord
{
    public const int HeaderBytes = 5;
    public const byte ChangeCipherSpec = 20;
    public const byte Handshake = 22;
    public const byte ApplicationData = 23;

    /// <summary>The most that a record may hold: 2^14, and what TLS 1.2 lets protection add (RFC 5246, section 6.2.3).</summary>
    private const int MaxPayloadBytes = (1 << 14) + 2048;

    /// <summary>The record's length with its header; 0 if this is no TLS record.</summary>
    public static int LengthOf(ReadOnlySpan<byte> header)
    {
        int payload = BinaryPrimitives.ReadUInt16BigEndian(header[3..]);
        return header[0] is >= ChangeCipherSpec and <= ApplicationData && header[1] == 3 && payload <= MaxPayloadBytes
            ? HeaderBytes + payload
            : 0;
    }
}
