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

    // What follows is the codec's.

    /// <summary>Neither open nor half closed any more.</summary>
    internal bool IsClosed;

    /// <summary>The request's head, or the final response's, has come.</summary>
    internal bool HeadReceived;

    /// <summary>What is queued ends our half, with or without trailers.</summary>
    internal bool EndQueued;

    /// <summary>Client: the response has no body, whatever its content-length says (HEAD, 204, 304).</summary>
    internal bool NoBody;

    /// <summary>Client: the request was HEAD.</summary>
    internal bool IsHead;

    /// <summary>Either CONNECT: what follows the heads is a tunnel. On the client not any more once it was declined.</summary>
    internal bool IsConnect;

    internal int Informational;
    internal long ExpectedBytes;
    internal long BodyBytesReceived;
    internal HeaderTrailers? QueuedTrailers;

    /// <summary>What the peer lets us send; below zero after it has lowered its setting.</summary>
    internal long SendWindow;

    /// <summary>What we let the peer send.</summary>
    internal long ReceiveWindow;

    /// <summary>Bytes that were taken, and not yet given back to the peer.</summary>
    internal int Credit;

    /// <summary>Bytes that were received and not yet taken.</summary>
    internal long Unconsumed;

    // The scheduler's list of streams that have DATA to send and the stream's window to send it in.
    internal bool InReady;
    internal Http2Stream? NextReady;
    internal Http2Stream? PreviousReady;

    internal void Start(uint id, long sendWindow, long receiveWindow)
    {
        Id = id;
        SendWindow = sendWindow;
        ReceiveWindow = receiveWindow;
        ExpectedBytes = -1;
    }

    /// <summary>As new, for the next user.</summary>
    internal void Clear()
    {
        Received.Clear();
        Queue.Clear();
        Id = 0;
        Owner = null;
        Trailers = null;
        QueuedTrailers = null;
        IsReset = RemoteEnded = LocalEnded = IsAboveHighWatermark = false;
        IsClosed = HeadReceived = EndQueued = NoBody = IsHead = IsConnect = false;
        HeaderBytesReceived = BytesReceived = HeaderBytesSent = BytesSent = 0;
        Informational = Credit = 0;
        BodyBytesReceived = Unconsumed = 0;
    }
}
