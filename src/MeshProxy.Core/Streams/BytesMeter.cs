namespace MeshProxy.Core.Streams;

/// <summary>Bytes of a stream on one side (downstream or upstream), both ways.</summary>
public struct BytesMeter
{
    /// <summary>Bytes of the codec, with framing: heads, chunk sizes, frames.</summary>
    public long WireBytesReceived;

    public long WireBytesSent;

    /// <summary>Of these, the heads (and trailers).</summary>
    public long HeaderBytesReceived;

    public long HeaderBytesSent;
}
