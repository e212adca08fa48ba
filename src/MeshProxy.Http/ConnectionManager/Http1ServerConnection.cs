using System.Buffers.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// A downstream HTTP/1.1 connection: reads heads, runs one stream at a time, writes its response. No state machine of its own: what arrives
/// drives it, and an idle connection holds no buffer and no stream.
/// </summary>
/// <remarks>
/// While a request's body is pulled, reads are issued on demand, so back-pressure is that no read is issued. When the request is
/// complete the connection goes on reading, to see the peer close (the stream then ends with DC) and to keep what it pipelines, up to
/// <see cref="MaxSurplusBytes"/>.
/// </remarks>
internal sealed class Http1ServerConnection(HttpWorker worker) : ITerminalFilter, IStreamOwner, ILoopItem, IConnectionCallbacks
{
    private const int MaxSurplusBytes = 64 * 1024;

    private readonly Http1RequestDecoder _decoder = new(worker.Shared.Http1);
    private INetworkFilterCallbacks _callbacks = null!;
    private IoBuffer _in = null!;
    private IoBuffer _out = null!;
    private Action _onRead = null!;
    private ValueTask<IoResult> _read;
    private ActiveStream? _stream;
    private LoopSource<bool>? _done;
    private LoopSource<ReadStatus>? _bodyWait;
    private IoBuffer? _bodyInto;
    private HeaderTrailers? _trailers;
    private IdleTimer? _idleTimer;
    private long _idleSinceMs;
    private int _requests;
    private BodyFraming _responseFraming;
    private long _responseRemaining;
    private Http1ConnectionState _state;
    private bool _reading;
    private bool _readEnded;
    private bool _inputQueued;
    private bool _closeAfterResponse;
    private bool _continueSent;
    private bool _headRequest;
    private bool _http10;
    private bool _upgrade;

    private enum Http1ConnectionState : byte
    {
        /// <summary>Between requests, or inside a head.</summary>
        Head,

        /// <summary>The stream pulls the body.</summary>
        Body,

        /// <summary>The request is complete, the response is under way.</summary>
        Watching,

        Closed,
    }

    public Connection Connection => _callbacks.Connection;

    public StreamInfo ConnectionInfo => _callbacks.StreamInfo;

    public ClientIdentity Client { get; private set; } = null!;

    public HeaderTrailers? RequestTrailers => _trailers;

    public void Initialize(INetworkFilterCallbacks callbacks)
    {
        _callbacks = callbacks;
        _in = new IoBuffer(worker.Loop.Slabs);
        _out = new IoBuffer(worker.Loop.Slabs);
        _onRead = OnReadCompleted;
        Client = new ClientIdentity(worker.Shared.Config, callbacks.Connection.RemoteAddress, callbacks.Connection.DirectRemoteAddress, callbacks.Connection.LocalAddress);
    }

    public ValueTask RunAsync()
    {
        var stats = worker.Shared.Stats;
        stats.ConnectionsTotal.Increment();
        stats.ConnectionsActive.Add(1);
        stats.Http1ConnectionsTotal.Increment();
        stats.Http1ConnectionsActive.Add(1);
        Connection.Callbacks = this;
        _done = new LoopSource<bool>(worker.Loop);
        var done = _done.WaitForEndAsync();
        if (Connection.IsClosed)
        {
            ((IConnectionCallbacks)this).OnClosed();
        }
        else
        {
            GoIdle();
            ReadMore();
        }

        return done;
    }

    public void OnDestroy()
    {
        _in.Clear();
        _out.Clear();
        var stats = worker.Shared.Stats;
        stats.ConnectionsActive.Add(-1);
        stats.Http1ConnectionsActive.Add(-1);
        stats.ConnectionsDestroyed.Increment();
        stats.ReceivedBytes.Add(Connection.BytesReceived);
        stats.SentBytes.Add(Connection.BytesSent);
        stats.ConnectionLengthMs.Record((worker.Loop.NowUs - ConnectionInfo.StartUs) / 1000);
    }

    void IConnectionCallbacks.OnPeerReset()
    {
        worker.Shared.Stats.DestroyedRemote.Increment();
        Connection.Close(CloseType.NoFlush);
    }

    void IConnectionCallbacks.OnClosed()
    {
        _state = Http1ConnectionState.Closed;
        _idleTimer?.Cancel();
        if (_stream is { } stream)
        {
            if (stream.IsLive)
            {
                stream.OnDownstreamReset();
            }
            else
            {
                _stream = null;
                stream.Discard();
            }
        }

        CheckDone();
    }

    /// <summary>Goes on with bytes that were pipelined behind the last request.</summary>
    void ILoopItem.Run()
    {
        _inputQueued = false;
        if (_state == Http1ConnectionState.Head)
        {
            ProcessHead();
            ReadMore();
        }
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        while (true)
        {
            var status = DecodeBody(into);
            if (status is not null)
            {
                return new ValueTask<ReadStatus>(status.Value);
            }

            SendContinue();
            if (_reading || !StartRead(out var result))
            {
                _bodyInto = into;
                _bodyWait ??= new LoopSource<ReadStatus>(worker.Loop);
                return _bodyWait.WaitAsync();
            }

            OnReadResult(result);
        }
    }

    public void AbortRead()
    {
        _bodyInto = null;
        _bodyWait?.CompleteQueued(ReadStatus.Aborted);
    }

    public ValueTask<IoResult> EncodeInformationalAsync(ResponseHeaders headers)
    {
        if (headers.Status == 100)
        {
            _continueSent = true;
        }

        Http1Encoder.EncodeInformational(_out, headers.Status, headers);
        return _callbacks.WriteAsync(_out, endStream: false);
    }

    public ValueTask<IoResult> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        DecideClose();
        var (framing, length) = FramingOf(headers, endStream);
        _responseFraming = framing;
        _responseRemaining = framing == BodyFraming.ContentLength ? length : long.MaxValue;
        var flags = (_closeAfterResponse ? Http1EncodeFlags.ConnectionClose : 0)
            | (_http10 ? Http1EncodeFlags.Http10Peer : 0)
            | (_headRequest ? Http1EncodeFlags.ToHead : 0)
            | (framing == BodyFraming.Tunnel && headers.Status == 101 ? Http1EncodeFlags.Upgrade : 0);
        Http1Encoder.EncodeResponseHead(_out, headers, framing, length, flags);
        return _callbacks.WriteAsync(_out, endStream: false);
    }

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        if (_responseFraming == BodyFraming.None)
        {
            data.Clear();
            return new ValueTask<IoResult>(IoResult.Success);
        }

        _responseRemaining -= data.Length;
        if (_responseRemaining < 0 || (endStream && _responseFraming == BodyFraming.ContentLength && _responseRemaining != 0))
        {
            // A body that is not as long as its head says would be read as part of the next response.
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        if (_responseFraming != BodyFraming.Chunked)
        {
            return _callbacks.WriteAsync(data, endStream && _responseFraming == BodyFraming.Tunnel);
        }

        if (!data.IsEmpty)
        {
            Http1Encoder.EncodeChunk(_out, data);
        }

        if (endStream)
        {
            Http1Encoder.EncodeLastChunk(_out, null);
        }

        return _callbacks.WriteAsync(_out, endStream: false);
    }

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers)
    {
        if (_responseFraming == BodyFraming.Chunked)
        {
            Http1Encoder.EncodeLastChunk(_out, worker.Shared.Http1.EnableTrailers ? trailers : null);
        }

        return _callbacks.WriteAsync(_out, endStream: false);
    }

    public void OnHeadTimeout(ActiveStream stream) => Refuse(stream, 408, ResponseCodeDetails.RequestHeaderTimeout);

    public void OnStreamComplete(ActiveStream stream)
    {
        _stream = null;
        _trailers?.Clear();
        if (_state == Http1ConnectionState.Closed)
        {
            CheckDone();
            return;
        }

        if (!stream.ResponseEnded)
        {
            // The downstream must not take a part for the whole: a body that ends with the connection is cut off by RST.
            Connection.Close(_responseFraming == BodyFraming.UntilClose && stream.ResponseStarted ? CloseType.Reset : CloseType.FlushWrite, CloseDelayMs);
            EndReading();
            return;
        }

        if (_closeAfterResponse || _state != Http1ConnectionState.Watching || _responseFraming is BodyFraming.UntilClose or BodyFraming.Tunnel)
        {
            worker.Shared.Stats.DestroyedLocal.Increment();
            CloseGently();
            return;
        }

        _state = Http1ConnectionState.Head;
        _decoder.Reset();
        GoIdle();
        if (!_in.IsEmpty || _readEnded)
        {
            QueueInput();
        }
    }

    private int CloseDelayMs => Math.Max(worker.Shared.DelayedCloseTimeoutMs, 1000);

    private void CloseGently()
    {
        var delay = worker.Shared.DelayedCloseTimeoutMs;
        _idleTimer?.Cancel();
        Connection.Close(delay > 0 ? CloseType.FlushWriteAndDelay : CloseType.FlushWrite, delay > 0 ? delay : CloseDelayMs);
        EndReading();
    }

    /// <summary>This side has begun to close: nothing more is parsed.</summary>
    private void EndReading()
    {
        if (_state != Http1ConnectionState.Closed)
        {
            _state = Http1ConnectionState.Closed;
            _in.Clear();
        }

        CheckDone();
    }

    private void CheckDone()
    {
        if (_state == Http1ConnectionState.Closed && _stream is null && _done is { IsPending: true } done)
        {
            _idleTimer?.Cancel();
            done.CompleteQueued(true);
        }
    }

    /// <summary>Keeps one read outstanding, except while a body is pulled on demand or enough is kept.</summary>
    private void ReadMore()
    {
        while (!_reading && !_readEnded && !_inputQueued && _state is Http1ConnectionState.Head or Http1ConnectionState.Watching
            && _in.Length < MaxSurplusBytes)
        {
            if (!StartRead(out var result))
            {
                return;
            }

            OnReadResult(result);
            Advance();
        }
    }

    /// <summary>Issues a read. False: it is under way.</summary>
    private bool StartRead(out IoResult result)
    {
        if (_readEnded)
        {
            result = new IoResult(IoStatus.EndOfStream);
            return true;
        }

        var read = _callbacks.ReadAsync(_in);
        if (read.IsCompleted)
        {
            result = read.Result;
            return true;
        }

        _reading = true;
        _read = read;
        read.GetAwaiter().UnsafeOnCompleted(_onRead);
        result = default;
        return false;
    }

    private void OnReadCompleted()
    {
        _reading = false;
        var result = _read.Result;
        _read = default;
        OnReadResult(result);
        if (_bodyInto is { } into)
        {
            if (DecodeBody(into) is { } status)
            {
                _bodyInto = null;
                _bodyWait!.CompleteInline(status);
            }
            else if (!StartReadForBody())
            {
                return;
            }
        }
        else
        {
            Advance();
        }

        ReadMore();
    }

    /// <summary>The body waits and what came was not enough: reads on. True when the wait ended.</summary>
    private bool StartReadForBody()
    {
        while (StartRead(out var result))
        {
            OnReadResult(result);
            if (DecodeBody(_bodyInto!) is { } status)
            {
                _bodyInto = null;
                _bodyWait!.CompleteInline(status);
                return true;
            }
        }

        return false;
    }

    private void OnReadResult(IoResult result)
    {
        if (!result.IsOk)
        {
            _readEnded = true;
        }
    }

    /// <summary>Something arrived while no body was waited for.</summary>
    private void Advance()
    {
        if (_state == Http1ConnectionState.Head)
        {
            ProcessHead();
        }
        else if (_state == Http1ConnectionState.Watching && _readEnded)
        {
            worker.Shared.Stats.DestroyedRemoteActive.Increment();
            Connection.Close(CloseType.NoFlush);
        }
    }

    private void ProcessHead()
    {
        if (_in.IsEmpty || _readEnded)
        {
            if (_readEnded)
            {
                worker.Shared.Stats.DestroyedRemote.Increment();
                Connection.Close(CloseType.NoFlush);
            }

            return;
        }

        var stream = _stream;
        if (stream is null)
        {
            _stream = stream = worker.Rent();
            stream.Attach(this);
            stream.AwaitHead();
        }

        switch (_decoder.DecodeHead(_in, stream.RequestHeaders))
        {
            case DecodeStatus.Complete:
                BeginStream(stream);
                break;
            case DecodeStatus.Error:
                worker.Shared.Stats.ProtocolError.Increment();
                Refuse(stream, _decoder.Error.StatusCode, _decoder.Error.Details);
                break;
        }
    }

    /// <summary>Answers a head that is not a request; the connection closes then.</summary>
    private void Refuse(ActiveStream stream, int status, string details)
    {
        _state = Http1ConnectionState.Body; // whatever follows is not a request
        _closeAfterResponse = true;
        _headRequest = false;
        _http10 = false;
        _upgrade = false;
        stream.BeginRefused(status, details);
    }

    private void BeginStream(ActiveStream stream)
    {
        _requests++;
        _continueSent = false;
        _closeAfterResponse = false;
        _headRequest = stream.RequestHeaders.MethodIs(KnownMethod.Head);
        _http10 = stream.RequestHeaders.HttpVersion == 10;
        _upgrade = _decoder.IsUpgrade || stream.RequestHeaders.MethodIs(KnownMethod.Connect);
        if (_upgrade)
        {
            _decoder.StartTunnel();
        }

        var endStream = _decoder.Framing == BodyFraming.None || (_decoder.Framing == BodyFraming.ContentLength && _decoder.ContentLength == 0);
        _state = endStream ? Http1ConnectionState.Watching : Http1ConnectionState.Body;
        stream.Begin(Client, endStream, _upgrade);
    }

    /// <summary>Decodes body bytes that are here. Null: none are.</summary>
    private ReadStatus? DecodeBody(IoBuffer into)
    {
        if (_state != Http1ConnectionState.Body)
        {
            return _state == Http1ConnectionState.Closed ? ReadStatus.Aborted : ReadStatus.End;
        }

        _trailers ??= _decoder.Framing == BodyFraming.Chunked ? new HeaderTrailers(worker.Loop.Slabs) : null;
        switch (_decoder.DecodeBody(_in, into, _trailers))
        {
            case DecodeStatus.Complete:
                _state = Http1ConnectionState.Watching;
                if (!_reading)
                {
                    QueueInput();
                }

                return ReadStatus.End;
            case DecodeStatus.Error:
                worker.Shared.Stats.ProtocolError.Increment();
                _closeAfterResponse = true;
                _stream!.StreamInfo.AddResponseFlag(ResponseFlags.DownstreamProtocolError);
                _stream.SendLocalReply(_decoder.Error.StatusCode, "", _decoder.Error.Details);
                return ReadStatus.ProtocolError;
        }

        if (!into.IsEmpty)
        {
            return ReadStatus.More;
        }

        if (!_readEnded)
        {
            return null;
        }

        return _upgrade ? ReadStatus.End : ReadStatus.Reset;
    }

    private void SendContinue()
    {
        if (_decoder.ExpectContinue && !_continueSent && !worker.Shared.Config.Proxy100Continue && !_stream!.ResponseStarted)
        {
            _continueSent = true;
            _out.Append("HTTP/1.1 100 Continue\r\n\r\n"u8);
            _ = _callbacks.WriteAsync(_out, endStream: false);
        }
    }

    private void DecideClose()
    {
        var shared = worker.Shared;
        if (!_decoder.KeepAlive || _state == Http1ConnectionState.Body)
        {
            _closeAfterResponse |= !_upgrade;
        }

        if (shared.MaxRequestsPerConnection > 0 && _requests >= shared.MaxRequestsPerConnection)
        {
            shared.Stats.MaxRequestsReached.Increment();
            _closeAfterResponse = true;
        }

        if (shared.IsDraining)
        {
            shared.Stats.DrainClose.Increment();
            _closeAfterResponse = true;
        }
    }

    private (BodyFraming Framing, long Length) FramingOf(ResponseHeaders headers, bool endStream)
    {
        var status = headers.Status;
        if (_upgrade && (_decoder.IsUpgrade ? status == 101 : status is >= 200 and < 300))
        {
            return (BodyFraming.Tunnel, 0);
        }

        if (_headRequest || status is 204 or 304 || status < 200)
        {
            return (BodyFraming.None, 0);
        }

        if (Utf8Parser.TryParse(headers.Get(HeaderNames.ContentLength), out long length, out _))
        {
            return (BodyFraming.ContentLength, length);
        }

        if (endStream)
        {
            return (BodyFraming.None, 0);
        }

        if (_http10)
        {
            _closeAfterResponse = true;
            return (BodyFraming.UntilClose, 0);
        }

        return (BodyFraming.Chunked, 0);
    }

    private void QueueInput()
    {
        if (!_inputQueued)
        {
            _inputQueued = true;
            worker.Loop.Enqueue(this);
        }
    }

    private void GoIdle()
    {
        _idleSinceMs = worker.Loop.NowMs;
        if (_idleTimer is null && (worker.Shared.IdleTimeoutMs > 0 || worker.Shared.MaxConnectionDurationMs > 0))
        {
            _idleTimer = new IdleTimer(this, worker);
            _idleTimer.Schedule();
        }
    }

    /// <summary>Idle timeout and maximum duration of the connection. It is not moved by activity: it looks when it fires.</summary>
    private sealed class IdleTimer(Http1ServerConnection connection, HttpWorker worker) : LoopTimer(worker.Loop)
    {
        private readonly long _endsAtMs = worker.Shared.MaxConnectionDurationMs > 0
            ? worker.Loop.NowMs + worker.Shared.MaxConnectionDurationMs
            : long.MaxValue;

        public void Schedule()
        {
            var now = worker.Loop.NowMs;
            var idle = worker.Shared.IdleTimeoutMs;
            var idleAt = idle <= 0 ? long.MaxValue : connection._stream is null ? connection._idleSinceMs + idle : now + idle;
            var at = Math.Min(idleAt, _endsAtMs);
            if (at < long.MaxValue)
            {
                Arm(Math.Max(1, at - now));
            }
        }

        protected override void OnElapsed()
        {
            var now = worker.Loop.NowMs;
            var shared = worker.Shared;
            if (now >= _endsAtMs)
            {
                shared.Stats.MaxDurationReached.Increment();
                connection._closeAfterResponse = true;
                if (connection._stream is null)
                {
                    connection.CloseGently();
                }

                return;
            }

            if (connection._stream is null && shared.IdleTimeoutMs > 0 && now >= connection._idleSinceMs + shared.IdleTimeoutMs)
            {
                shared.Stats.IdleTimeout.Increment();
                connection.CloseGently();
                return;
            }

            Schedule();
        }
    }
}
