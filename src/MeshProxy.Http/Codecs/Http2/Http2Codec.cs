using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>An HTTP/2 connection without its socket (RFC 9113): bytes in, events out; calls in, bytes out. Either role.</summary>
/// <remarks>
/// On its worker only. The owner moves <see cref="Output"/> to the socket only when the write before has completed, so that what a slow peer
/// leaves unread stays countable here (<c>max_outbound_frames</c>, <c>max_outbound_control_frames</c>).
/// </remarks>
internal sealed class Http2Codec
{
    public Http2Codec(Http2CodecOptions options, Http2Role role, IHttp2Events events, SlabPool slabs, Http2StreamPool streams, Http2Stats stats) => throw new NotSupportedException();

    /// <summary>What is to be sent. Control frames and HEADERS stand here at once, DATA when <see cref="FillData"/> puts it here.</summary>
    public IoBuffer Output { get; }

    /// <summary>Why Receive returned false.</summary>
    public Http2Error Error { get; }

    /// <summary>Milliseconds on the loop's clock. The owner sets it before Receive; limits per time count by it.</summary>
    public long NowMs { get; set; }

    /// <summary>Streams that are open or half closed.</summary>
    public int ActiveStreams { get; }

    /// <summary>Client: how many more streams can be opened now.</summary>
    public int AvailableStreams { get; }

    /// <summary>Client: the peer's SETTINGS have arrived.</summary>
    public bool SettingsReceived { get; }

    /// <summary>The peer takes extended CONNECT (RFC 8441).</summary>
    public bool PeerEnablesConnectProtocol { get; }

    /// <summary>The peer has sent GOAWAY: no new streams.</summary>
    public bool GoAwayReceived { get; }

    /// <summary>Writes the client's preface, and for both roles SETTINGS and the connection's window.</summary>
    public void Start() => throw new NotSupportedException();

    /// <summary>Reads all whole frames in the input and drains them.</summary>
    /// <returns>False after a connection error: <see cref="Error"/>. A GOAWAY stands in Output; the owner flushes, closes and calls CloseAll.</returns>
    public bool Receive(IoBuffer input) => throw new NotSupportedException();

    /// <summary>Moves DATA of ready streams, in turn, into Output until it holds that many bytes.</summary>
    /// <returns>Whether more is ready.</returns>
    public bool FillData(int maxBytes) => throw new NotSupportedException();

    /// <summary>Client: a new stream, or null when there can be none: the peer's or our limit, ids used up, GOAWAY.</summary>
    public Http2Stream? OpenStream(object owner) => throw new NotSupportedException();

    public void SendHeaders(Http2Stream stream, RequestHeaders headers, bool endStream) => throw new NotSupportedException();

    /// <summary>Also a 1xx, which does not end the stream.</summary>
    public void SendHeaders(Http2Stream stream, ResponseHeaders headers, bool endStream) => throw new NotSupportedException();

    /// <summary>Takes all of data into the stream's queue.</summary>
    public void SendData(Http2Stream stream, IoBuffer data, bool endStream) => throw new NotSupportedException();

    /// <summary>Ends the message with trailers, after what is queued. The map must stay as it is until LocalEnded or IsReset.</summary>
    public void SendTrailers(Http2Stream stream, HeaderTrailers trailers) => throw new NotSupportedException();

    /// <summary>Kills a stream. OnReset is not called. Does nothing if it is closed already.</summary>
    public void Reset(Http2Stream stream, Http2ErrorCode code) => throw new NotSupportedException();

    /// <summary>Bytes were taken out of the stream's Received: gives the windows back, in batches.</summary>
    public void Consume(Http2Stream stream, int bytes) => throw new NotSupportedException();

    public void SendPing(ulong payload) => throw new NotSupportedException();

    /// <summary>The first step of a drain: GOAWAY with the highest id; new streams are still taken.</summary>
    public void BeginGoAway() => throw new NotSupportedException();

    /// <summary>The second step, a round trip or more later: GOAWAY with the last id that was taken. New streams are ignored from now on.</summary>
    public void FinishGoAway() => throw new NotSupportedException();

    /// <summary>GOAWAY with an error. The owner closes the connection when it is written.</summary>
    public void SendGoAway(Http2ErrorCode code, string debug) => throw new NotSupportedException();

    /// <summary>The user is done with a stream that is closed in both directions; it is recycled. One that is not closed is reset first (CANCEL).</summary>
    public void Release(Http2Stream stream) => throw new NotSupportedException();

    /// <summary>The connection has ended: calls OnReset for every stream that is not closed, and gives all memory back. The codec is dead.</summary>
    public void CloseAll(Http2ErrorCode code, bool byPeer, string details) => throw new NotSupportedException();
}
