using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.ConnectionPools;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>
/// A downstream HTTP/2 connection: feeds its codec, has a stream object for each request, and writes what the codec has to say once a turn.
/// </summary>
/// <remarks>
/// What streams write waits in the codec until the turn's end, and longer while the socket is full: a slow client costs its own streams'
/// buffers, up to the watermarks. Streams resume after the codec has returned, so that no pump runs on its stack twice.
/// </remarks>
internal sealed class Http2ServerConnection : ServerConnection, IHttp2Events, ILoopItem
{
    /// <summary>DATA is made late and in bounded pieces, so that streams share the connection fairly and a reset stream's bytes never leave.</summary>
    private const int MaxFillBytes = 64 * 1024;

    /// <summary>So many requests a connection may begin in a turn of its worker; then others have theirs.</summary>
    private const int MaxRequestsATurn = 64;

    private readonly Http2Codec _codec;
    private readonly Http2Keepalive? _keepalive;
    private readonly Action _onWritten;
    private ValueTask<IoResult> _write;
    private Http2ServerStream? _firstReady;
    private Http2ServerStream? _lastReady;
    private DrainTimer? _drainTimer;
    private HeadTimer? _headTimer;
    private PrematureResets _resets;
    private int _streams;
    private int _requests;
    private int _requestsThisTurn;
    private long _turn;
    private int _depth;
    private DrainState _drain;
    private bool _flushQueued;
    private bool _writing;
    private bool _ended;
    private bool _closed;

    public Http2ServerConnection(DownstreamConnection downstream)
        : base(downstream)
    {
        var stats = Worker.Shared.Stats;
        stats.Http2ConnectionsTotal.Increment();
        stats.Http2ConnectionsActive.Add(1);
        _onWritten = OnWritten;
        _codec = new Http2Codec(
            Worker.Http2OptionsFor(downstream.Connection), Http2Role.Server, this, Worker.Loop.Slabs, Worker.Http2Streams, Worker.Shared.Http2Stats);
        _codec.Start();
        if (Worker.Shared.Config.Http2ProtocolOptions.ConnectionKeepalive is { Interval.Ticks: > 0 } keepalive)
        {
            _keepalive = new Http2Keepalive(Worker.Loop, keepalive, _codec, OnKeepaliveTimeout);
            _keepalive.Start();
        }
    }

    private enum DrainState : byte
    {
        None,

        /// <summary>The client was told to open no more streams; those on their way are taken.</summary>
        Noticed,

        /// <summary>No stream is taken any more: the connection closes after the last one.</summary>
        Closing,
    }

    public Http2Codec Codec => _codec;

    public override bool IsIdle => _streams == 0;

    public override bool HasActiveRequest => _streams > 0;

    public override void OnInput()
    {
        if (_turn != Worker.Loop.Turn)
        {
            _turn = Worker.Loop.Turn;
            _requestsThisTurn = 0;
        }

        _codec.IsPaused = _requestsThisTurn >= MaxRequestsATurn;
        _codec.NowMs = Worker.Loop.NowMs;
        _codec.SentBytes = Downstream.Connection.BytesSent;
        Enter();
        var counted = _codec.MessageFramesReceived;
        var isSound = _ended || _codec.Receive(Downstream.Input);
        Worker.Loop.CountMessages(_codec.MessageFramesReceived - counted);
        WakeReaders();
        Leave();
        if (!isSound)
        {
            OnCodecError();
        }
        else if (_codec.IsPaused && Downstream.IsOpen)
        {
            Downstream.QueueInput();
        }
        else if (Downstream is { IsOpen: true, ReadEnded: true })
        {
            Downstream.CloseByPeer();
        }
        else
        {
            WatchHead();
        }
    }

    /// <summary>Tells the client to open no more streams; later it is told which was the last (RFC 9113 section 6.8).</summary>
    public override void Drain()
    {
        if (_drain != DrainState.None || _ended || !Downstream.IsOpen)
        {
            return;
        }

        _drain = DrainState.Noticed;
        _codec.BeginGoAway();
        _drainTimer = new DrainTimer(this, Worker.Loop);
        _drainTimer.Arm(Worker.Shared.DrainTimeoutMs);
    }

    private void FinishDrain()
    {
        if (_drain == DrainState.Noticed && !_ended)
        {
            _drain = DrainState.Closing;
            _codec.FinishGoAway();
            CloseIfDrained();
        }
    }

    /// <summary>The peer does not answer: it is gone, or has stopped.</summary>
    private void OnKeepaliveTimeout()
    {
        Worker.Shared.Http2Stats.KeepaliveTimeout.Increment();
        Worker.Shared.Stats.DestroyedLocal.Increment();
        Downstream.Connection.Close(CloseType.NoFlush);
    }

    public override void OnClosed()
    {
        _closed = true;
        if (_depth == 0)
        {
            EndStreams(Http2ErrorCode.Cancel, byPeer: true, ResponseCodeDetails.DownstreamRemoteDisconnect);
        }
    }

    public override void OnDestroy()
    {
        EndStreams(Http2ErrorCode.Cancel, byPeer: true, ResponseCodeDetails.DownstreamRemoteDisconnect);
        Worker.Shared.Stats.Http2ConnectionsActive.Add(-1);
    }

    /// <summary>The server is about to answer a request: is it to be the last one here?</summary>
    public void CheckDrain()
    {
        if (_drain == DrainState.None && Worker.Shared.IsDraining)
        {
            Worker.Shared.Stats.DrainClose.Increment();
            Drain();
        }
    }

    /// <summary>A reader waits for what has come; it is resumed when the codec has read all.</summary>
    public void QueueReader(Http2ServerStream stream)
    {
        if (_lastReady is null)
        {
            _firstReady = stream;
        }
        else
        {
            _lastReady.NextReady = stream;
        }

        _lastReady = stream;
    }

    /// <summary>A request has ended, one way or another.</summary>
    public void OnRequestEnd(StreamInfo info)
    {
        if (!_closed && !_ended)
        {
            _resets.OnRequestEnd(info, Worker.Loop.NowUs);
            CloseIfAbused();
        }
    }

    /// <summary>Nothing of a stream is left.</summary>
    public void OnStreamGone(Http2ServerStream stream)
    {
        Worker.Return(stream);
        if (--_streams > 0)
        {
            return;
        }

        if (!Downstream.IsOpen)
        {
            Downstream.CheckDone();
            return;
        }

        Downstream.GoIdle();
        CloseIfDrained();
    }

    RequestHeaders? IHttp2Events.BeginRequest(Http2Stream stream)
    {
        if (_closed || _ended)
        {
            return null;
        }

        _streams++;
        return Worker.RentHttp2Stream().Attach(this, stream);
    }

    ResponseHeaders? IHttp2Events.BeginResponse(Http2Stream stream) => null;

    void IHttp2Events.OnHeaders(Http2Stream stream, bool endStream)
    {
        CountRequest();
        ((Http2ServerStream)stream.Owner!).OnHeaders(endStream);
    }

    void IHttp2Events.OnData(Http2Stream stream, bool endStream) => ((Http2ServerStream)stream.Owner!).OnBody();

    void IHttp2Events.OnTrailers(Http2Stream stream) => ((Http2ServerStream)stream.Owner!).OnBody();

    void IHttp2Events.OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details) =>
        ((Http2ServerStream)stream.Owner!).OnReset(_closed ? ResponseFlags.DownstreamConnectionTermination
            : byPeer ? ResponseFlags.DownstreamRemoteReset
            : ResponseFlags.DownstreamProtocolError, details);

    void IHttp2Events.OnWritable(Http2Stream stream) => ((Http2ServerStream)stream.Owner!).OnWritable();

    void IHttp2Events.OnSent(Http2Stream stream) => ((Http2ServerStream)stream.Owner!).OnSent();

    void IHttp2Events.OnGoAway(uint lastStreamId, Http2ErrorCode code)
    {
        // The client opens no more streams (it never was to open more than it likes), and those that it has opened are answered.
    }

    void IHttp2Events.OnSettings()
    {
    }

    void IHttp2Events.OnPingAck(ulong payload) => _keepalive?.OnAck(payload);

    void IHttp2Events.OnOutput() => QueueFlush();

    /// <summary>The turn's end.</summary>
    void ILoopItem.Run()
    {
        _flushQueued = false;
        Flush();
    }

    private void QueueFlush()
    {
        if (!_flushQueued && !_writing)
        {
            _flushQueued = true;
            Worker.Loop.RunAtTurnEnd(this);
        }
    }

    private void Flush()
    {
        if (_writing || _ended || !Downstream.IsOpen)
        {
            return;
        }

        Enter();
        var more = _codec.FillData(MaxFillBytes);
        Leave();
        if (_ended || !Downstream.IsOpen)
        {
            return;
        }

        if (_codec.Error.IsSet)
        {
            OnCodecError();
            return;
        }

        var write = Downstream.Callbacks.WriteAsync(_codec.Output, endStream: false);
        _codec.SentBytes = Downstream.Connection.BytesSent;
        _codec.WrittenBytes = _codec.SentBytes + Downstream.Connection.BufferedBytes;
        if (write.IsCompleted)
        {
            _ = write.Result; // a broken connection shows at the read
            if (more)
            {
                QueueFlush();
            }

            return;
        }

        _writing = true;
        _write = write;
        write.GetAwaiter().UnsafeOnCompleted(_onWritten);
    }

    private void OnWritten()
    {
        _writing = false;
        _ = _write.Result;
        _write = default;
        Flush();
    }

    private void CountRequest()
    {
        var shared = Worker.Shared;
        _requests++;
        _codec.IsPaused = ++_requestsThisTurn >= MaxRequestsATurn;
        if (shared.MaxRequestsPerConnection > 0 && _requests == shared.MaxRequestsPerConnection)
        {
            shared.Stats.MaxRequestsReached.Increment();
            Drain();
        }
    }

    /// <summary>A head that stops in the middle stops the whole connection (RFC 9113 section 6.10).</summary>
    private void WatchHead()
    {
        if (!_codec.IsWithinHeaderBlock || !Downstream.IsOpen)
        {
            _headTimer?.Cancel();
        }
        else if (_headTimer is not { IsArmed: true } && Worker.Shared.HeadTimeoutMs < long.MaxValue)
        {
            _headTimer ??= new HeadTimer(this, Worker.Loop);
            _headTimer.Arm(Worker.Shared.HeadTimeoutMs);
        }
    }

    private void OnHeadTimeout()
    {
        Worker.Shared.Stats.HeaderTimeout.Increment();
        _codec.SendGoAway(Http2ErrorCode.EnhanceYourCalm, "a head was not complete in time");
        Close(Http2ErrorCode.EnhanceYourCalm, ResponseCodeDetails.RequestHeaderTimeout);
    }

    private void WakeReaders()
    {
        while (_firstReady is { } stream)
        {
            _firstReady = stream.NextReady;
            if (_firstReady is null)
            {
                _lastReady = null;
            }

            stream.NextReady = null;
            stream.WakeReader();
        }
    }

    /// <summary>What the client sent cannot be gone on from. A GOAWAY that says so stands in the output.</summary>
    private void OnCodecError()
    {
        if (_ended || !Downstream.IsOpen)
        {
            return;
        }

        Worker.Shared.Stats.ProtocolError.Increment();
        Close(Http2ErrorCode.ProtocolError, _codec.Error.Details);
    }

    private void CloseIfDrained()
    {
        if (_drain == DrainState.Closing && _streams == 0 && _depth == 0)
        {
            Close(Http2ErrorCode.NoError, "");
        }
    }

    private void CloseIfAbused()
    {
        if (_resets.AreTooMany && _depth == 0 && !_ended && Downstream.IsOpen)
        {
            Worker.Shared.Stats.TooManyPrematureResets.Increment();
            _codec.SendGoAway(Http2ErrorCode.EnhanceYourCalm, "too many premature resets");
            Close(Http2ErrorCode.EnhanceYourCalm, "too_many_premature_resets");
        }
    }

    /// <summary>Closes after what stands in the output; streams that are left end.</summary>
    private void Close(Http2ErrorCode code, string details)
    {
        // In front of the end of the streams: what they would still say is not to be said.
        _ = Downstream.Callbacks.WriteAsync(_codec.Output, endStream: false);
        Downstream.CloseGently();
        EndStreams(code, byPeer: false, details);
    }

    private void EndStreams(Http2ErrorCode code, bool byPeer, string details)
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        StopTimers();
        Enter();
        _codec.CloseAll(code, byPeer, details);
        WakeReaders();
        Leave();
        Downstream.CheckDone();
    }

    private void StopTimers()
    {
        _drainTimer?.Cancel();
        _headTimer?.Cancel();
        _keepalive?.Cancel();
    }

    private void Enter() => _depth++;

    /// <summary>Does what could not be done on the codec's stack.</summary>
    private void Leave()
    {
        if (--_depth > 0)
        {
            return;
        }

        if (_closed)
        {
            EndStreams(Http2ErrorCode.Cancel, byPeer: true, ResponseCodeDetails.DownstreamRemoteDisconnect);
        }
        else
        {
            CloseIfAbused();
            CloseIfDrained();
        }
    }

    /// <summary>The second step of a drain.</summary>
    private sealed class DrainTimer(Http2ServerConnection connection, EventLoop loop) : LoopTimer(loop)
    {
        protected override void OnElapsed() => connection.FinishDrain();
    }

    private sealed class HeadTimer(Http2ServerConnection connection, EventLoop loop) : LoopTimer(loop)
    {
        protected override void OnElapsed() => connection.OnHeadTimeout();
    }
}
