using System.Buffers.Text;
using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>
/// A pooled upstream HTTP/1.1 connection. It always has a read outstanding, except while a body is pulled on demand: idle, so that a close or
/// a byte that nobody asked for is seen at once; in use, to receive the response.
/// </summary>
/// <remarks>Worker thread only. One exchange at a time; itself the exchange's <see cref="IUpstreamStream"/>.</remarks>
internal sealed class Http1ClientConnection : IUpstreamStream, IConnectionCallbacks
{
    private const int FlushTimeoutMs = 1000;

    /// <summary>As HTTP/2's codec has it: an HTTP/2 client gets each as a frame, and more of them than it reads would end its connection.</summary>
    private const int MaxInformational = 32;

    private readonly HttpConnectionPool _pool;
    private readonly Http1ResponseDecoder _decoder;
    private readonly IoBuffer _in;
    private readonly IoBuffer _out;
    private readonly LoopSource<ReadStatus> _wait;
    private readonly Action _onRead;
    private ValueTask<IoResult> _read;
    private ResponseHeaders? _headersInto;
    private IoBuffer? _bodyInto;
    private HeaderTrailers? _trailers;
    private BodyFraming _requestFraming;
    private long _requestRemaining;
    private Http1ResponseTo _responseTo;
    private ReadPhase _phase;
    private int _informational;
    private bool _reading;
    private bool _readEnded;
    private bool _readFailed;
    private bool _requestEnded;
    private bool _received;
    private bool _isWebSocket;
    private BytesMeter _bytes;

    public Http1ClientConnection(HttpConnectionPool pool, Connection connection)
    {
        _pool = pool;
        Connection = connection;
        _decoder = new Http1ResponseDecoder(pool.Options.Http1);
        _in = new IoBuffer(connection.Loop.Slabs);
        _out = new IoBuffer(connection.Loop.Slabs);
        _wait = new LoopSource<ReadStatus>(connection.Loop);
        _onRead = OnReadCompleted;
        connection.Callbacks = this;
    }

    private enum ReadPhase : byte
    {
        Idle,
        Head,
        Body,
        Complete,
    }

    public Connection Connection { get; }

    public StreamProtocol Protocol => StreamProtocol.Http11;

    public UpstreamResetReason ResetReason => UpstreamResetReason.ConnectionTermination;

    public HeaderTrailers? ResponseTrailers => _trailers;

    public string ProtocolErrorDetails => _informational > MaxInformational ? Http1ResponseCodeDetails.TooManyInformational : _decoder.Error.Details;

    public Http2ErrorCode? ResetCode => null;

    public bool IsRequestMalformed { get; private set; }

    public ref readonly BytesMeter Bytes => ref _bytes;

    /// <summary>Exchanges that this connection has carried.</summary>
    public int Requests { get; private set; }

    public long CreatedUs { get; init; }

    /// <summary>When it last became idle, by the loop's milliseconds.</summary>
    public long IdleSinceMs { get; set; }

    /// <summary>Its place among the pool's idle connections, or -1.</summary>
    public int IdleIndex { get; set; } = -1;

    public bool IsUsable => Connection.IsOpen && !_readEnded;

    public bool MayWaitAgain => false;

    /// <summary>Whether a request could ever have had it.</summary>
    public bool WasReady { get; set; }

    /// <summary>Whether the server has granted one.</summary>
    private bool IsTunnel => _phase is ReadPhase.Body or ReadPhase.Complete && _decoder.Framing == BodyFraming.Tunnel;

    /// <summary>Starts to watch a new connection.</summary>
    public void Start() => ReadMore();

    public ValueTask<IoResult> EncodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        Debug.Assert(_phase == ReadPhase.Idle && _in.IsEmpty && IdleIndex < 0, "bytes of one exchange must not become another's");
        Requests++;
        _requestEnded = endStream;
        _received = false;
        _informational = 0;
        _phase = ReadPhase.Head;
        _bytes = default;
        IsRequestMalformed = false;
        var upgrade = headers.Contains(HeaderNames.Upgrade);
        var connect = headers.MethodIs(KnownMethod.Connect);
        _isWebSocket = upgrade && HeaderBytes.EqualsIgnoreCase(headers.Get(HeaderNames.Upgrade), "websocket"u8);
        _responseTo = (headers.MethodIs(KnownMethod.Head) ? Http1ResponseTo.Head : 0)
            | (connect ? Http1ResponseTo.Connect : 0)
            | (upgrade ? Http1ResponseTo.Upgrade : 0);
        _requestRemaining = long.MaxValue;
        if (upgrade || connect)
        {
            _requestFraming = BodyFraming.Tunnel;
        }
        else if (endStream)
        {
            // Whatever a filter has written into content-length: without a body there is none to announce.
            _requestFraming = BodyFraming.None;
        }
        else
        {
            var given = headers.Get(HeaderNames.ContentLength);
            var hasLength = Utf8Parser.TryParse(given, out long length, out var used) && used == given.Length && length >= 0;
            _requestFraming = hasLength ? BodyFraming.ContentLength : BodyFraming.Chunked;
            _requestRemaining = hasLength ? length : long.MaxValue;
        }

        Http1Encoder.EncodeRequestHead(
            _out, headers, _requestFraming, _requestRemaining, upgrade ? Http1EncodeFlags.Upgrade : Http1EncodeFlags.None);
        _bytes.HeaderBytesSent += _out.Length;
        return WriteOut();
    }

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        _requestRemaining -= data.Length;
        if (_requestRemaining < 0 || (endStream && _requestFraming == BodyFraming.ContentLength && _requestRemaining != 0))
        {
            return RefuseBody(data);
        }

        _requestEnded |= endStream;
        if (_requestFraming != BodyFraming.Chunked)
        {
            _bytes.WireBytesSent += data.Length;
            return Connection.WriteAsync(data, endStream && _requestFraming == BodyFraming.Tunnel);
        }

        Http1Encoder.EncodeChunk(_out, data);
        if (endStream)
        {
            Http1Encoder.EncodeLastChunk(_out);
        }

        return WriteOut();
    }

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers)
    {
        if (_requestFraming == BodyFraming.ContentLength && _requestRemaining != 0)
        {
            return RefuseBody(null);
        }

        _requestEnded = true;
        if (_requestFraming == BodyFraming.Chunked)
        {
            Http1Encoder.EncodeLastChunk(_out, _pool.Options.Http1.Protocol.EnableTrailers ? trailers : null);
        }

        return WriteOut();
    }

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into)
    {
        while (true)
        {
            if (DecodeHead(into) is { } status)
            {
                return new ValueTask<ReadStatus>(status);
            }

            if (_reading || !StartRead())
            {
                _headersInto = into;
                return _wait.WaitAsync();
            }
        }
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        while (true)
        {
            if (DecodeBody(into) is { } status)
            {
                return new ValueTask<ReadStatus>(status);
            }

            if (_reading || !StartRead())
            {
                _bodyInto = into;
                return _wait.WaitAsync();
            }
        }
    }

    public void Release()
    {
        // A response that came before all of its request was sent is early too: its request may never be read.
        var reusable = _phase == ReadPhase.Complete && _requestEnded && _decoder.KeepAlive && _in.IsEmpty
            && _requestFraming != BodyFraming.Tunnel && Connection.BufferedBytes == 0;
        if (_phase == ReadPhase.Complete && !_in.IsEmpty)
        {
            _pool.Stats.UnsolicitedBytes.Increment();
        }

        _phase = ReadPhase.Idle;
        _trailers?.Clear();
        _decoder.Reset();
        if (reusable)
        {
            ReturnUnused();
        }
        else if (_requestFraming == BodyFraming.Tunnel && _requestEnded)
        {
            // What the client sent last is still on its way out.
            Connection.Close(CloseType.FlushWrite, FlushTimeoutMs);
        }
        else
        {
            Connection.Close(CloseType.NoFlush);
        }
    }

    public void ReturnUnused()
    {
        if (IsUsable && _pool.TryReturn(this))
        {
            ReadMore();
        }
        else
        {
            Connection.Close(CloseType.NoFlush);
        }
    }

    public void Reset()
    {
        _pool.Stats.DestroyedWithActiveRequest.Increment();
        _headersInto = null;
        _bodyInto = null;
        _wait.CompleteQueued(ReadStatus.Aborted);
        if (IsTunnel && !_readFailed)
        {
            // What the client sent right before its end counts; and a FIN behind it would say that it is all (RFC 9113 section 8.5).
            Connection.FlushNow();
            Connection.Close(CloseType.Reset);
        }
        else
        {
            Connection.Close(CloseType.NoFlush);
        }
    }

    void IConnectionCallbacks.OnPeerReset()
    {
        // In use, the response may have come before the reset, and is still to be read.
        if (_phase == ReadPhase.Idle)
        {
            Connection.Close(CloseType.NoFlush);
        }
    }

    void IConnectionCallbacks.OnClosed()
    {
        _in.Clear();
        _out.Clear();
        _trailers?.Clear();
        _pool.OnClosed(this);
    }

    private ValueTask<IoResult> WriteOut()
    {
        _bytes.WireBytesSent += _out.Length;
        return Connection.WriteAsync(_out, endStream: false);
    }

    /// <summary>
    /// A body that is not as long as its head says: what is missing would be taken from the next request, what is too much would be one.
    /// The connection can only be closed.
    /// </summary>
    private ValueTask<IoResult> RefuseBody(IoBuffer? data)
    {
        data?.Clear();
        IsRequestMalformed = true;
        return new ValueTask<IoResult>(new IoResult(IoStatus.Aborted));
    }

    private ReadStatus? DecodeHead(ResponseHeaders into)
    {
        if (_phase == ReadPhase.Complete)
        {
            return ReadStatus.End;
        }

        var before = _in.Length;
        switch (before == 0 ? DecodeStatus.NeedMore : _decoder.DecodeHead(_in, into, _responseTo))
        {
            case DecodeStatus.Complete:
                _bytes.HeaderBytesReceived += before - _in.Length;
                _bytes.WireBytesReceived += before - _in.Length;
                if (_decoder.IsInformational)
                {
                    if (++_informational > MaxInformational)
                    {
                        return Refuse();
                    }

                    _decoder.Reset();
                    return ReadStatus.More;
                }

                if (_decoder.Framing == BodyFraming.None || (_decoder.Framing == BodyFraming.ContentLength && _decoder.ContentLength == 0))
                {
                    _phase = ReadPhase.Complete;
                    return ReadStatus.End;
                }

                _phase = ReadPhase.Body;
                return ReadStatus.More;
            case DecodeStatus.Error:
                return Refuse();
        }

        return _readEnded ? ReadStatus.Reset : null;
    }

    private ReadStatus Refuse()
    {
        _pool.Stats.ProtocolError.Increment();
        return ReadStatus.ProtocolError;
    }

    private ReadStatus? DecodeBody(IoBuffer into)
    {
        if (_phase == ReadPhase.Complete)
        {
            return ReadStatus.End;
        }

        _trailers ??= _decoder.Framing == BodyFraming.Chunked && _pool.Options.Http1.Protocol.EnableTrailers ? new HeaderTrailers(Connection.Loop.Slabs) : null;
        var before = _in.Length;
        var decoded = _decoder.DecodeBody(_in, into, _trailers);
        _bytes.WireBytesReceived += before - _in.Length;
        switch (decoded)
        {
            case DecodeStatus.Complete:
                _phase = ReadPhase.Complete;
                return ReadStatus.End;
            case DecodeStatus.Error:
                return Refuse();
        }

        if (!into.IsEmpty)
        {
            return ReadStatus.More;
        }

        if (!_readEnded)
        {
            return null;
        }

        if (!_readFailed && _decoder.DecodeEof() == DecodeStatus.Complete)
        {
            _phase = ReadPhase.Complete;
            return ReadStatus.End;
        }

        return ReadStatus.Reset;
    }

    /// <summary>Keeps a read outstanding while idle, and until the head is whole.</summary>
    private void ReadMore()
    {
        while (!_reading && !_readEnded && _phase is ReadPhase.Idle)
        {
            if (!StartRead())
            {
                return;
            }

            OnIdleRead();
        }
    }

    /// <summary>Issues a read. False: it is under way.</summary>
    private bool StartRead()
    {
        var read = Connection.ReadAsync(_in);
        if (read.IsCompleted)
        {
            OnResult(read.Result);
            return true;
        }

        _reading = true;
        _read = read;
        read.GetAwaiter().UnsafeOnCompleted(_onRead);
        return false;
    }

    private void OnResult(IoResult result)
    {
        if (!result.IsOk)
        {
            // A WebSocket's close frame says whether it is whole (RFC 6455 section 7.1.5), so a FIN without TLS's goodbye can be passed on as the end that
            // it is of the TCP connection (RFC 8441 section 5). A reset would have HTTP/2 clients throw away the close frame in front of it.
            _readEnded = true;
            _readFailed = result.Status != IoStatus.EndOfStream && !(result.Status == IoStatus.Truncated && _isWebSocket && IsTunnel);
        }
        else
        {
            _received = true;
        }
    }

    private void OnReadCompleted()
    {
        _reading = false;
        var result = _read.Result;
        _read = default;
        OnResult(result);
        while (true)
        {
            ReadStatus? status;
            if (_headersInto is { } headers)
            {
                status = DecodeHead(headers);
            }
            else if (_bodyInto is { } body)
            {
                status = DecodeBody(body);
            }
            else
            {
                OnIdleRead();
                ReadMore();
                return;
            }

            if (status is { } known)
            {
                _headersInto = null;
                _bodyInto = null;
                _wait.CompleteInline(known);
                return;
            }

            if (!StartRead())
            {
                return;
            }
        }
    }

    /// <summary>Nobody waits: a close, or bytes that no request asked for, end an idle connection (no response may be taken for the next).</summary>
    private void OnIdleRead()
    {
        if (_phase == ReadPhase.Idle)
        {
            if (_received && !_in.IsEmpty)
            {
                _pool.Stats.UnsolicitedBytes.Increment();
            }

            Connection.Close(CloseType.NoFlush);
        }
    }
}
