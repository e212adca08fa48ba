using System.Buffers.Binary;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Codecs.Grpc;

/// <summary>The five bytes before each message (gRPC over HTTP/2, "Length-Prefixed-Message"): compressed or not, and how many bytes follow.</summary>
internal static class GrpcFrame
{
    public const int PrefixBytes = 5;

    /// <summary>Reads the prefix at the buffer's beginning and leaves it there; false if it is not whole yet.</summary>
    public static bool TryReadPrefix(IoBuffer buffer, out byte flags, out uint length)
    {
        flags = 0;
        length = 0;
        if (buffer.Length < PrefixBytes)
        {
            return false;
        }

        Span<byte> prefix = stackalloc byte[PrefixBytes];
        buffer.CopyTo(prefix);
        flags = prefix[0];
        length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        return true;
    }

    /// <summary>Makes room for a prefix in an empty buffer, for <see cref="EndMessage"/> to fill.</summary>
    public static void BeginMessage(IoBuffer buffer) => buffer.Append([0, 0, 0, 0, 0]);

    /// <summary>All of the message stands in the buffer behind its prefix.</summary>
    public static void EndMessage(IoBuffer buffer) =>
        BinaryPrimitives.WriteUInt32BigEndian(buffer.FirstSlab.Array.AsSpan(buffer.FirstOffset + 1), checked((uint)(buffer.Length - PrefixBytes)));
}
