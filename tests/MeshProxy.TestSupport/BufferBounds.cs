using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;

namespace MeshProxy.TestSupport;

/// <summary>What a connection with the default limits may hold of bytes that its peer does not take.</summary>
/// <remarks>
/// A relay reads on while the write before was complete, that is, while at most half of the buffer limit was unsent; one read of the largest size comes
/// on top. The slabs under these bytes hold more than they do: a read that fills less than a quarter of its slab halves the next one, and a larger
/// one comes only after a full read, so that all but a last descent of sizes (256 + 128 + ... KiB) are filled to a quarter on average; and
/// the first slab may be sent for the most part. How full they are depends on how the sender and the proxy take turns on the processor.
/// </remarks>
public static class BufferBounds
{
    /// <summary>Unsent payload of one connection, in bytes.</summary>
    public const long MaxUnsentBytes = (ConnectionOptions.DefaultBufferLimitBytes / 2) + SlabPool.BulkSlabBytes;

    /// <summary>The slabs under them, in bytes.</summary>
    public const long MaxSlabBytes = (4 * MaxUnsentBytes) + (2 * SlabPool.BulkSlabBytes) + SlabPool.BulkSlabBytes;
}
