using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>One stream of a connection: its state, what has arrived and was not taken, and what is to be sent.</summary>
/// <remarks>Pooled by <see cref="Http2StreamPool"/>. Belongs to its codec and whoever owns the message, from OpenStream or BeginRequest until Release.</remarks>
internal sealed class Http2Stream
{
    internal Http2Stream(SlabPool slabs)
    {
        Received = new IoBuffer(slabs);
        Queue = new IoBuffer(slabs);
    }

    /// <summary>On the client 0 until the request's head is sent: ids rise in the order of the heads.</summary>
    public uint Id { get; internal set; }

    /// <summary>The server's or the client's stream object. The codec only carries it.</summary>
    public object? Owner { get; set; }

    /// <summary>Dead in both directions.</summary>
    public bool IsReset { get; internal set; }

    /// <summary>The peer has ended its half: all of the message is here.</summary>
    public bool RemoteEnded { get; internal set; }

    /// <summary>Our half has ended: all of our message stands in the codec's output.</summary>
    public bool LocalEnded { get; internal set; }

    /// <summary>Body bytes that have arrived and were not taken. Tell <see cref="Http2Codec.Consume"/> what was taken.</summary>
    public IoBuffer Received { get; }

    /// <summary>Set before OnTrailers; valid until Release.</summary>
    public HeaderTrailers? Trailers { get; internal set; }

    /// <summary>Unsent body bytes.</summary>
    public long QueuedBytes => Queue.Length;

    /// <summary>Whether more is queued than the high watermark: stop sending until OnWritable.</summary>
    public bool IsAboveHighWatermark { get; internal set; }

    /// <summary>Bytes of frames received for this stream: headers with their frames, and in all.</summary>
    public long HeaderBytesReceived { get; internal set; }

    public long BytesReceived { get; internal set; }

    /// <summary>Bytes of frames sent for this stream: headers with their frames, and in all.</summary>
    public long HeaderBytesSent { get; internal set; }

    public long BytesSent { get; internal set; }

    internal IoBuffer Queue { get; }
}
