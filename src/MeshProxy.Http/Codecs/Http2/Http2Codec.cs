using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http2.Hpack;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>An HTTP/2 connection without its socket (RFC 9113): bytes in, events out; calls in, bytes out. Either role.</summary>
/// <remarks>
/// On its worker only. The owner moves <see cref="Output"/> to its connection only when the write before has completed, and says how much of it
/// has left (<see cref="SentBytes"/>), so that what a slow peer leaves unread is counted here (<c>max_outbound_frames</c>, <c>max_outbound_control_frames</c>). See README.md beside this file.
/// </remarks>
internal sealed partial class Http2Codec
{
    private readonly Http2CodecOptions _options;
    private readonly Http2Role _role;
    private readonly IHttp2Events _events;
    private readonly SlabPool _slabs;
    private readonly Http2StreamPool _streams;
    private readonly Http2Stats _stats;
    private readonly Http2FloodGuard _guard;
    private readonly Http2StreamTable _table = new();
    private readonly Http2ClosedStreams _closed = new();
    private readonly Http2PeerSettings _peer = new();
    private readonly HpackDecoder _decoder = new();
    private readonly HpackEncoder _encoder;
    private readonly IoBuffer _block;

    private Http2ReadyList _ready;
    private int _unsent;                    // client: opened, and the request's head not sent yet
    private int _held;                      // stream objects that the owner has not released
    private uint _nextStreamId = 1;         // client
    private uint _lastPeerStreamId;         // server: the highest that the peer has opened
    private uint _goAwayLastId = uint.MaxValue;     // server: streams above it are ignored
    private bool _dead;

    public Http2Codec(Http2CodecOptions options, Http2Role role, IHttp2Events events, SlabPool slabs, Http2StreamPool streams, Http2Stats stats)
    {
        Debug.Assert(options.HeadKb * 1024 <= SlabPool.MaxSlabBytes, "cookie crumbs are joined in one slab");
        _options = options;
        _role = role;
        _events = events;
        _slabs = slabs;
        _streams = streams;
        _stats = stats;
        _guard = new Http2FloodGuard(options.Protocol, stats);
        _encoder = new HpackEncoder(options.Protocol.HpackTableSize);
        _block = new IoBuffer(slabs);
        Output = new IoBuffer(slabs);
        _prefaceMissing = role == Http2Role.Server ? Http2FrameHeader.Preface.Length : 0;

        // Until the peer has seen our settings it counts by the protocol's defaults, so the larger of the two is what it may use.
        _receiveInitial = Math.Max(options.Protocol.InitialStreamWindowSize, Http2FrameHeader.DefaultWindow);
        _connectionReceive = Http2FrameHeader.DefaultWindow;
    }

    /// <summary>What is to be sent. Control frames and HEADERS stand here at once, DATA when <see cref="FillData"/> puts it here.</summary>
    public IoBuffer Output { get; }

    /// <summary>Why Receive returned false. Methods that send set it as well, when an outbound limit is exceeded: look at it after a flush.</summary>
    public Http2Error Error { get; private set; }

    /// <summary>Milliseconds on the loop's clock. The owner sets it before Receive; limits per time count by it.</summary>
    public long NowMs { get; set; }

    /// <summary>Bytes that the owner's connection was given, up to the end of the last Output. With <see cref="SentBytes"/> it shows what a slow peer leaves
    /// waiting; an owner that sends all at once leaves both 0.</summary>
    public long WrittenBytes { get; set; }

    /// <summary>How many of them have left.</summary>
    public long SentBytes { get; set; }

    /// <summary>Streams that are open or half closed, with those that OpenStream gave and that have not sent their head.</summary>
    public int ActiveStreams => _table.Count + _unsent;

    /// <summary>Client: how many more streams can be opened now.</summary>
    public int AvailableStreams
    {
        get
        {
            if (GoAwayReceived || _dead || _nextStreamId + (2L * _unsent) > Http2FrameHeader.MaxStreamId)
            {
                return 0;
            }

            var most = Math.Min((uint)_options.Protocol.MaxConcurrentStreams, _peer.MaxConcurrentStreams);
            return (int)Math.Max(0, most - (long)ActiveStreams);
        }
    }

    /// <summary>The peer's SETTINGS have arrived.</summary>
    public bool SettingsReceived { get; private set; }

    /// <summary>The peer takes extended CONNECT (RFC 8441).</summary>
    public bool PeerEnablesConnectProtocol => _peer.EnableConnectProtocol;

    /// <summary>The peer has sent GOAWAY: no new streams.</summary>
    public bool GoAwayReceived { get; private set; }

    internal Http2PeerSettings Peer => _peer;

    /// <summary>Stream objects that were handed out and not released.</summary>
    internal int HeldStreams => _held;

    /// <summary>Writes the client's preface, and for both roles SETTINGS and the connection's window.</summary>
    public void Start()
    {
        if (_role == Http2Role.Client)
        {
            Output.Append(Http2FrameHeader.Preface);
        }

        WriteSettings();
        var more = _options.Protocol.InitialConnectionWindowSize - Http2FrameHeader.DefaultWindow;
        if (more > 0)
        {
            _connectionReceive += more;
            WriteWindowUpdate(0, more);
        }
    }

    /// <summary>Client: a new stream, or null when there can be none: the peer's or our limit, ids used up, GOAWAY.</summary>
    /// <remarks>
    /// Its id is given by SendHeaders. If the connection has gone away by then, SendHeaders calls OnReset (REFUSED_STREAM) instead of sending.
    /// </remarks>
    public Http2Stream? OpenStream(object owner)
    {
        Debug.Assert(_role == Http2Role.Client);
        if (AvailableStreams == 0)
        {
            return null;
        }

        var stream = Rent();
        stream.Owner = owner;
        _unsent++;
        return stream;
    }

    /// <summary>Kills a stream. OnReset is not called. Does nothing if it is closed already.</summary>
    public void Reset(Http2Stream stream, Http2ErrorCode code)
    {
        if (stream.IsClosed)
        {
            return;
        }

        stream.IsReset = true;
        if (stream.Id == 0)
        {
            stream.IsClosed = true;
            _unsent--;
            return;
        }

        Close(stream, Http2Closed.ResetByUs);
        WriteReset(stream.Id, code, control: false);
    }

    /// <summary>Bytes were taken out of the stream's Received: gives the windows back, in batches.</summary>
    public void Consume(Http2Stream stream, int bytes)
    {
        bytes = (int)Math.Min(bytes, stream.Unconsumed);
        if (bytes <= 0)
        {
            return;
        }

        stream.Unconsumed -= bytes;
        CreditConnection(bytes);
        CreditStream(stream, bytes);
    }

    /// <summary>The user is done with a stream that is closed in both directions; it is recycled. One that is not closed is reset first (CANCEL).</summary>
    public void Release(Http2Stream stream)
    {
        Reset(stream, Http2ErrorCode.Cancel);
        if (stream.Unconsumed > 0)
        {
            CreditConnection((int)stream.Unconsumed);
        }

        Return(stream);
    }

    /// <summary>The connection has ended: calls OnReset for every stream that is not closed, and gives all memory back. The codec is dead.</summary>
    /// <remarks>Streams that the owner holds are still to be released. A stream that has sent no head yet belongs to nobody but its owner.</remarks>
    public void CloseAll(Http2ErrorCode code, bool byPeer, string details)
    {
        _dead = true;
        while (_table.FindAbove(0) is { } stream)
        {
            stream.IsReset = true;
            Close(stream, Http2Closed.ResetByUs);
            _events.OnReset(stream, code, byPeer, details);
        }

        Output.Clear();
        _block.Clear();
    }

    /// <summary>Gives back the room that HPACK's tables have to spare: for a connection that is idle.</summary>
    public void Trim()
    {
        _decoder.Trim();
        _encoder.Trim();
    }

    private Http2Stream Rent()
    {
        _held++;
        return _streams.Rent();
    }

    private void Return(Http2Stream stream)
    {
        _held--;
        if (stream.Trailers is { } trailers)
        {
            _streams.ReturnTrailers(trailers);
        }

        stream.Clear();
        _streams.Return(stream);
    }

    private void Open(Http2Stream stream, uint id)
    {
        stream.Start(id, _peer.InitialWindowSize, _receiveInitial);
        _table.Add(stream);
        _guard.StreamsOpened++;
        _stats.StreamsActive.Increment();
    }

    /// <summary>Out of the table, in whatever way.</summary>
    private void Close(Http2Stream stream, Http2Closed how)
    {
        Debug.Assert(!stream.IsClosed);
        stream.IsClosed = true;
        _table.Remove(stream);
        _ready.Remove(stream);
        _closed.Add(stream.Id, how);
        _stats.StreamsActive.Decrement();
        if (!stream.Queue.IsEmpty)
        {
            _stats.PendingSendBytes.Sub(stream.Queue.Length);
            stream.Queue.Clear();
        }

        stream.QueuedTrailers = null;
    }

    private void EndLocal(Http2Stream stream)
    {
        stream.LocalEnded = true;
        if (stream.RemoteEnded)
        {
            Close(stream, Http2Closed.Ended);
        }
    }

    private void EndRemote(Http2Stream stream)
    {
        stream.RemoteEnded = true;
        if (stream.LocalEnded)
        {
            Close(stream, Http2Closed.Ended);
        }
    }

    /// <summary>Ends a stream for what the peer did (RFC 9113 section 5.4.2). Whoever owns it is told.</summary>
    private bool FailStream(Http2Stream stream, Http2ErrorCode code, string details)
    {
        stream.IsReset = true;
        Close(stream, Http2Closed.ResetByUs);
        WriteReset(stream.Id, code, control: true);
        _events.OnReset(stream, code, byPeer: false, details);
        return CountReset();
    }

    /// <summary>The same, for a stream that is no more.</summary>
    private bool FailClosedStream(uint id, Http2ErrorCode code)
    {
        _closed.MarkResetByUs(id);
        WriteReset(id, code, control: true);
        return CountReset();
    }

    private bool CountReset() => Check(_guard.OnReset(NowMs));

    /// <summary>Whether all is well; if not, the connection ends.</summary>
    private bool Check(in Http2Error error) => error.IsSet ? Fail(error) : !_dead;

    /// <summary>Ends the connection (RFC 9113 section 5.4.1). Always false.</summary>
    private bool Fail(in Http2Error error)
    {
        if (_dead)
        {
            return false;
        }

        Error = error;
        SendGoAway(error.Code, error.Reason);
        _dead = true;
        return false;
    }
}
