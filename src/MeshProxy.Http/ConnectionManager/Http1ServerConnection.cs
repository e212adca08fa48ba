using System.Diagnostics;
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
/// A read is outstanding all the time, in each state, to see the peer close (the stream then ends with DC); what comes before it is asked for
/// (of a body, a tunnel or the next request) is kept up to <see cref="MaxSurplusBytes"/>. Back-pressure is that no further read is issued then.
/// </remarks>
internal sealed class Http1ServerConnection(HttpWorker worker)
    : ICallbackTerminalFilter, IStreamOwner, ILoopItem, IConnectionCallbacks, IDrainAwareFilter
{
    private const int MaxSurplusBytes = 64 * 1024;

    /// <summary>A worker serves many clients: an upload moves this much, then the others have their turn.</summary>
    private const int MaxUploadBytesATurn = 64 * 1024;

    private INetworkFilterCallbacks _callbacks = null!;
    private IoBuffer _in = null!;
    private Action _onRead = null!;
    private ValueTask<IoResult> _read;
    private ActiveStream? _stream;
    private Http1ServerCodec? _codec;
    private ITerminalFilterOwner? _owner;
    private LoopSource<ReadStatus>? _bodyWait;
    private IoBuffer? _bodyInto;
    private ConnectionTimer? _timer;
    private int _requests;
    private Http1ConnectionState _state;
    private bool _done;
    private bool _reading;
    private bool _readEnded;
    private bool _readFailed;
    private bool _inputQueued;
    private bool _closeAfterResponse;
    private bool _closeWhenIdle;
    private bool _continueSent;
    private bool _isTunnel;

    private enum Http1ConnectionState : byte
    {
        /// <summary>Between requests, or inside a head.</summary>
        Head,

        /// <summary>The stream pulls the body, or a tunnel's bytes.</summary>
        Body,

        /// <summary>
        /// A tunnel was asked for and not granted yet. What the client sends before that waits: an upstream that declines would
        /// read it as requests that nobody has checked.
        /// </summary>
        AwaitingTunnel,

        /// <summary>The request is complete, the response is under way.</summary>
        Watching,

        Closed,
    }

    private Http1RequestDecoder Decoder => _codec!.Decoder;

    private Http1ResponseWriter Writer => _codec!.Writer;

    public Connection Connection => _callbacks.Connection;

    public StreamInfo ConnectionInfo => _callbacks.StreamInfo;

    public ClientIdentity Client { get; private set; } = null!;

    public HeaderTrailers? RequestTrailers => _codec?.Trailers;

    public bool IsTunnel => _isTunnel;

    /// <summary>Whether no request is under way, not even a part of a head.</summary>
    public bool IsIdle => _stream is null;

    public bool IsOpen => _state != Http1ConnectionState.Closed;

    /// <summary>Since when, by the loop's milliseconds.</summary>
    public long IdleSinceMs { get; private set; }

    public void Initialize(INetworkFilterCallbacks callbacks)
    {
        _callbacks = callbacks;
        _in = new IoBuffer(worker.Loop.Slabs);
        _onRead = OnReadCompleted;
        var connection = callbacks.Connection;
        connection.MaxReadBytes = MaxUploadBytesATurn;
        Client = new ClientIdentity(
            worker.Shared.Config, connection.RemoteAddress, connection.DirectRemoteAddress, connection.LocalAddress, lines: worker.ClientLines);
    }

    public ValueTask RunAsync()
    {
        var owner = new AwaitableOwner(worker.Loop);
        Run(owner);
        return owner.Task;
    }

    public void Run(ITerminalFilterOwner owner)
    {
        var stats = worker.Shared.Stats;
        stats.ConnectionsTotal.Increment();
        stats.ConnectionsActive.Add(1);
        stats.Http1ConnectionsTotal.Increment();
        stats.Http1ConnectionsActive.Add(1);
        Connection.FilterCallbacks = this;
        _owner = owner;
        if (Connection.IsClosed)
        {
            ((IConnectionCallbacks)this).OnClosed();
        }
        else
        {
            GoIdle();
            ReadMore();
        }
    }

    public void OnDestroy()
    {
        Connection.FilterCallbacks = null;
        _in.Clear();
        GiveBackCodec();
        var stats = worker.Shared.Stats;
        stats.ConnectionsActive.Add(-1);
        stats.Http1ConnectionsActive.Add(-1);
        stats.UpgradesActive.Add(_isTunnel ? -1 : 0);
        stats.ConnectionsDestroyed.Increment();
        stats.ReceivedBytes.Add(Connection.BytesReceived);
        stats.SentBytes.Add(Connection.BytesSent);
        stats.ConnectionLengthMs.Record((worker.Loop.NowUs - ConnectionInfo.StartUs) / 1000);
    }

    /// <summary>An idle connection closes now, a busy one after its response.</summary>
    public void OnDrain() => CloseWhenIdle();

    /// <summary>Closes now if no request is under way, else after the response.</summary>
    public void CloseWhenIdle()
    {
        _closeWhenIdle = true;
        if (IsIdle && IsOpen)
        {
            worker.Shared.Stats.DestroyedLocal.Increment();
            CloseGently();
        }
    }

    void IConnectionCallbacks.OnPeerReset() => CloseByPeer();

    void IConnectionCallbacks.OnClosed()
    {
        _state = Http1ConnectionState.Closed;
        _timer?.Cancel();
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
                GiveBackCodec();
            }
        }

        CheckDone();
    }

    /// <summary>Goes on with bytes that were pipelined behind the last request, or says that the connection is done.</summary>
    void ILoopItem.Run()
    {
        _inputQueued = false;
        if (_done)
        {
            var owner = _owner;
            _owner = null;
            owner?.OnTerminalFilterDone();
            return;
        }

        if (IsOpen)
        {
            Advance();
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
                if (!_reading)
                {
                    QueueInput(); // to read again, so that the peer's close is seen whatever the stream does now
                }

                return new ValueTask<ReadStatus>(status.Value);
            }

            SendContinue();
            if (_reading || _state == Http1ConnectionState.AwaitingTunnel || !StartRead(out var result))
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

    public void Reset(ActiveStream stream)
    {
        AbortRead();
        if (IsOpen && PeerHasLeft)
        {
            CloseByPeer();
        }
        else if (IsOpen)
        {
            CloseCut(stream);
        }
    }

    public ValueTask<IoResult> EncodeInformationalAsync(ResponseHeaders headers)
    {
        _continueSent |= headers.Status == 100;
        return Writer.WriteInformationalAsync(headers);
    }

    public ValueTask<IoResult> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        var isTunnel = Writer.BeginsTunnel(headers.Status);
        if (!isTunnel)
        {
            DecideClose();
        }

        var written = Writer.WriteHeadersAsync(headers, endStream, ref _closeAfterResponse);
        if (isTunnel && _state == Http1ConnectionState.AwaitingTunnel)
        {
            OpenTunnel();
        }

        return written;
    }

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream) => Writer.WriteDataAsync(data, endStream);

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers) => Writer.WriteTrailersAsync(trailers);

    public void OnHeadTimeout(ActiveStream stream, string details) => Refuse(stream, 408, details, ResponseFlags.None);

    public void OnStreamComplete(ActiveStream stream)
    {
        _stream = null;
        if (_state == Http1ConnectionState.Closed)
        {
            CheckDone();
            return;
        }

        if (!stream.ResponseEnded)
        {
            CloseCut(stream);
            return;
        }

        if (_closeAfterResponse || _closeWhenIdle || _state != Http1ConnectionState.Watching || Writer.EndsWithConnection)
        {
            worker.Shared.Stats.DestroyedLocal.Increment();
            CloseGently();
            return;
        }

        _state = Http1ConnectionState.Head;
        GiveBackCodec();
        GoIdle();
        if (!_in.IsEmpty || _readEnded)
        {
            QueueInput();
        }
    }

    /// <summary>Whether the peer is gone. A tunnel's FIN ends one direction only, once the stream has read what came before it.</summary>
    private bool PeerHasLeft => _readEnded && (!_isTunnel || _readFailed);

    private int CloseDelayMs => Math.Max(worker.Shared.DelayedCloseTimeoutMs, 1000);

    /// <summary>Ends a response that cannot be completed. A body that ends with the connection is cut off by RST: it must not be taken for the whole.</summary>
    private void CloseCut(ActiveStream stream)
    {
        _timer?.Cancel();
        worker.Shared.Stats.DestroyedLocal.Increment();
        worker.Shared.Stats.DestroyedLocalActive.Increment();
        Connection.Close(Writer.EndsWithConnection && stream.ResponseStarted ? CloseType.Reset : CloseType.FlushWrite, CloseDelayMs);
        EndReading();
    }

    private void CloseByPeer()
    {
        var stats = worker.Shared.Stats;
        stats.DestroyedRemote.Increment();
        if (_stream is { IsLive: true })
        {
            stats.DestroyedRemoteActive.Increment();
        }

        Connection.Close(CloseType.NoFlush);
    }

    private void CloseGently()
    {
        var delay = worker.Shared.DelayedCloseTimeoutMs;
        _timer?.Cancel();
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
        if (_state == Http1ConnectionState.Closed && _stream is null && !_done)
        {
            _done = true;
            _timer?.Cancel();
            QueueInput();
        }
    }

    /// <summary>Keeps one read outstanding, unless enough is kept.</summary>
    private void ReadMore()
    {
        while (!_reading && !_readEnded && !_inputQueued && IsOpen && _in.Length < MaxSurplusBytes)
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
        if (_bodyInto is { } into && _state == Http1ConnectionState.Body)
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
            _readFailed = result.Status != IoStatus.EndOfStream;
        }
    }

    /// <summary>Something arrived while no body was waited for.</summary>
    private void Advance()
    {
        if (_state == Http1ConnectionState.Head)
        {
            ProcessHead();
        }
        else if (IsOpen && PeerHasLeft)
        {
            CloseByPeer();
        }
    }

    private void ProcessHead()
    {
        if (_in.IsEmpty || _readEnded)
        {
            if (_readEnded)
            {
                CloseByPeer();
            }

            return;
        }

        var stream = _stream;
        if (stream is null)
        {
            _codec = worker.RentCodec(_callbacks);
            _stream = stream = worker.Rent();
            stream.Attach(this);
        }

        var before = _in.Length;
        switch (Decoder.DecodeHead(_in, stream.RequestHeaders))
        {
            case DecodeStatus.Complete:
                ref var meter = ref stream.StreamInfo.DownstreamBytes;
                meter.HeaderBytesReceived = meter.WireBytesReceived = before - _in.Length;
                if (Decoder.DroppedUnderscores > 0)
                {
                    worker.Shared.Stats.HeadersWithUnderscoresDropped.Add(Decoder.DroppedUnderscores);
                }

                BeginStream(stream);
                break;
            case DecodeStatus.NeedMore:
                stream.AwaitHead();
                break;
            case DecodeStatus.Error:
                worker.Shared.Stats.ProtocolError.Increment();
                if (Decoder.Error.Details == Http1ResponseCodeDetails.UnexpectedUnderscore)
                {
                    worker.Shared.Stats.RequestsRejectedForUnderscores.Increment();
                }

                Refuse(stream, Decoder.Error.StatusCode, Decoder.Error.Details, ResponseFlags.DownstreamProtocolError);
                break;
        }
    }

    /// <summary>Answers a head that is not a request; the connection closes then.</summary>
    private void Refuse(ActiveStream stream, int status, string details, ResponseFlags flag)
    {
        _state = Http1ConnectionState.Body; // whatever follows is not a request
        _closeAfterResponse = true;
        Writer.Begin(stream.StreamInfo, toHead: false, http10: false, upgrade: false, connect: false);
        stream.BeginRefused(status, details, flag);
    }

    private void BeginStream(ActiveStream stream)
    {
        _requests++;
        _continueSent = false;
        _closeAfterResponse = false;
        var headers = stream.RequestHeaders;
        var connect = headers.MethodIs(KnownMethod.Connect);
        var wantsTunnel = Decoder.IsUpgrade || connect;
        Writer.Begin(stream.StreamInfo, headers.MethodIs(KnownMethod.Head), headers.HttpVersion == 10, Decoder.IsUpgrade, connect);
        if (wantsTunnel)
        {
            Decoder.StartTunnel();
            _state = Http1ConnectionState.AwaitingTunnel;
            stream.Begin(Client, endStream: false, upgrade: true);
            return;
        }

        var endStream = Decoder.Framing == BodyFraming.None;
        _state = endStream ? Http1ConnectionState.Watching : Http1ConnectionState.Body;
        stream.Begin(Client, endStream, upgrade: false);
    }

    /// <summary>The tunnel was granted: what has come for it goes on.</summary>
    private void OpenTunnel()
    {
        _isTunnel = true;
        worker.Shared.Stats.UpgradesTotal.Increment();
        worker.Shared.Stats.UpgradesActive.Add(1);
        _state = Http1ConnectionState.Body;
        if (_bodyInto is { } into && DecodeBody(into) is { } status)
        {
            _bodyInto = null;
            _bodyWait!.CompleteQueued(status);
        }

        QueueInput();
    }

    /// <summary>Decodes body bytes that are here. Null: none are.</summary>
    private ReadStatus? DecodeBody(IoBuffer into)
    {
        if (_state != Http1ConnectionState.Body)
        {
            return _state switch
            {
                Http1ConnectionState.AwaitingTunnel => null,
                Http1ConnectionState.Closed => ReadStatus.Aborted,
                _ => ReadStatus.End,
            };
        }

        var trailers = Decoder.Framing == BodyFraming.Chunked ? _codec!.NeedTrailers() : null;
        var before = _in.Length;
        var decoded = Decoder.DecodeBody(_in, into, trailers);
        _stream!.StreamInfo.DownstreamBytes.WireBytesReceived += before - _in.Length;
        switch (decoded)
        {
            case DecodeStatus.Complete:
                _state = Http1ConnectionState.Watching;
                return ReadStatus.End;
            case DecodeStatus.Error:
                worker.Shared.Stats.ProtocolError.Increment();
                _closeAfterResponse = true;
                _stream.StreamInfo.AddResponseFlag(ResponseFlags.DownstreamProtocolError);
                _stream.SendLocalReply(Decoder.Error.StatusCode, "", Decoder.Error.Details);
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

        return _isTunnel && !_readFailed ? ReadStatus.End : ReadStatus.Reset;
    }

    private void SendContinue()
    {
        if (Decoder.ExpectContinue && !_continueSent && !worker.Shared.Config.Proxy100Continue && !_stream!.ResponseStarted)
        {
            _continueSent = true;
            _ = Writer.WriteContinueAsync();
        }
    }

    private void DecideClose()
    {
        var shared = worker.Shared;

        // A request that is not complete, or a tunnel that was not granted: what follows on this connection is not a request.
        if (!Decoder.KeepAlive || _state != Http1ConnectionState.Watching || _closeWhenIdle)
        {
            _closeAfterResponse = true;
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

    private void GiveBackCodec()
    {
        if (_codec is { } codec)
        {
            Debug.Assert(_stream is null, "the stream still reads and writes by it");
            _codec = null;
            worker.Return(codec);
        }
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
        IdleSinceMs = worker.Loop.NowMs;
        if (_timer is null && (worker.Shared.IdleTimeoutMs > 0 || worker.Shared.MaxConnectionDurationMs > 0))
        {
            _timer = new ConnectionTimer(this, worker);
            _timer.Schedule();
        }
    }

    /// <summary>For a chain with filters before this one, which awaits the end.</summary>
    private sealed class AwaitableOwner : ITerminalFilterOwner
    {
        private readonly LoopSource<bool> _source;

        public AwaitableOwner(EventLoop loop)
        {
            _source = new LoopSource<bool>(loop);
            Task = _source.WaitForEndAsync();
        }

        public ValueTask Task { get; }

        public void OnTerminalFilterDone() => _source.CompleteInline(true);
    }
}
