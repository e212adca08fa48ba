using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>
/// An upstream HTTP/2 connection: carries many exchanges at a time. It always has a read outstanding; what its streams write leaves in one
/// piece when the present callback returns.
/// </summary>
/// <remarks>
/// Worker thread only. What the codec tells of a stream only marks it: the waiters go on after the codec has returned, so that no pump runs
/// inside of it, and a head and a body that came together are seen together.
/// </remarks>
internal sealed class Http2ClientConnection : IHttp2Events, IConnectionCallbacks, ILoopItem
{
    private const int FillBytes = 64 * 1024;
    private const int MaxFillsPerTurn = 4;
    private const int GoodbyeFlushMs = 1000;

    private readonly HttpConnectionPool _pool;
    private readonly Http2ClientWorker _worker;
    private readonly Http2Codec _codec;
    private readonly Http2Keepalive? _keepalive;
    private readonly IdleTimer _idleTimer;
    private readonly List<Http2ClientStream> _streams = [];
    private readonly List<Http2ClientStream> _signaled = [];
    private readonly IoBuffer _in;
    private readonly Action _onRead;
    private readonly Action _onWritten;
    private readonly long _createdUs;
    private ValueTask<IoResult> _read;
    private ValueTask<IoResult> _write;
    private int _requests;
    private int _awaited;
    private bool _writing;
    private bool _flushQueued;
    private bool _resuming;
    private bool _takesNoMore;
    private bool _failed;
    private bool _inCodec;
    private bool _closing;
    private bool _settingsCame;

    public Http2ClientConnection(HttpConnectionPool pool, Connection connection)
    {
        _pool = pool;
        _worker = Http2ClientWorker.For(connection.Loop);
        Connection = connection;
        _createdUs = connection.Loop.NowUs;
        var slabs = connection.Loop.Slabs;
        _in = new IoBuffer(slabs);
        _codec = new Http2Codec(pool.Options.Http2, Http2Role.Client, this, slabs, _worker.CodecStreams, pool.Options.Http2Stats);
        _idleTimer = new IdleTimer(this);
        if (pool.Options.Http2.Protocol.ConnectionKeepalive is { } keepalive)
        {
            _keepalive = new Http2Keepalive(connection.Loop, keepalive, _codec, OnKeepaliveTimeout);
        }

        _onRead = OnReadCompleted;
        _onWritten = OnWritten;
        connection.Callbacks = this;
    }

    public Connection Connection { get; }

    public Http2Codec Codec => _codec;

    /// <summary>Whether it stands among its pool's connections with room.</summary>
    public bool IsOffered { get; set; }

    /// <summary>Whether a stream that was opened may still begin its exchange here.</summary>
    public bool IsUsable => Connection.IsOpen && !_failed && !_codec.GoAwayReceived;

    /// <summary>Whether an exchange has begun on it.</summary>
    public bool HasCarried { get; set; }

    /// <summary>Whether extended CONNECT is allowed by our own options.</summary>
    public bool AllowsConnect => _pool.Options.Http2.Protocol.AllowConnect;

    private EventLoop Loop => Connection.Loop;

    /// <summary>Says hello and starts to read.</summary>
    public void Start()
    {
        if (_pool.PeerStreamLimit is null)
        {
            // Until the host has once said how many streams it takes, only one is risked; the others need not open connections meanwhile.
            Await();
        }

        _codec.Start();
        _keepalive?.Start();
        ArmIdle();
        ReadOn();
    }

    /// <summary>A new stream; null when there is no room for one.</summary>
    public Http2ClientStream? TryOpen()
    {
        if (_takesNoMore || !IsUsable || (!_codec.SettingsReceived && _streams.Count >= (_pool.PeerStreamLimit ?? 1)) || _codec.AvailableStreams <= 0)
        {
            return null;
        }

        var stream = _worker.Rent();
        if (_codec.OpenStream(stream) is not { } opened)
        {
            _worker.Return(stream);
            return null;
        }

        stream.Begin(this, opened, _streams.Count);
        _streams.Add(stream);
        _idleTimer.Cancel();
        _requests++;
        if (_pool.Options.MaxRequestsPerConnection is > 0 and var max && _requests >= max)
        {
            _pool.Stats.MaxRequestsReached.Increment();
            _takesNoMore = true;
        }

        _keepalive?.OnStreamBegin();
        return stream;
    }

    /// <summary>A stream has gone back, and its place is free.</summary>
    public void OnStreamEnd(int index)
    {
        var last = _streams[^1];
        _streams[index] = last;
        last.Index = index;
        _streams.RemoveAt(_streams.Count - 1);
        if (Connection.IsClosed || _failed)
        {
            return;
        }

        if (_takesNoMore)
        {
            CloseIfDone();
            return;
        }

        if (_streams.Count == 0)
        {
            ArmIdle();
        }

        _pool.OnRoom(this);
    }

    /// <summary>Takes no more streams; closes when there is none.</summary>
    public void Drain()
    {
        _takesNoMore = true;
        CloseIfDone();
    }

    /// <summary>A stream has something for who waits on it.</summary>
    public void Signal(Http2ClientStream stream)
    {
        if (!stream.IsSignaled)
        {
            stream.IsSignaled = true;
            _signaled.Add(stream);
        }
    }

    RequestHeaders? IHttp2Events.BeginRequest(Http2Stream stream) => null;

    ResponseHeaders? IHttp2Events.BeginResponse(Http2Stream stream) => Of(stream)?.BeginHead();

    void IHttp2Events.OnHeaders(Http2Stream stream, bool endStream) => Of(stream)?.OnHead();

    void IHttp2Events.OnData(Http2Stream stream, bool endStream) => Of(stream)?.OnReadable();

    void IHttp2Events.OnTrailers(Http2Stream stream) => Of(stream)?.OnReadable();

    void IHttp2Events.OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details) => Of(stream)?.OnReset(code, byPeer, details);

    void IHttp2Events.OnWritable(Http2Stream stream)
    {
        if (Of(stream) is { } mine)
        {
            Signal(mine);
        }
    }

    void IHttp2Events.OnSent(Http2Stream stream) => Of(stream)?.OnSent();

    void IHttp2Events.OnGoAway(uint lastStreamId, Http2ErrorCode code)
    {
        _pool.Stats.CloseNotify.Increment();
        OnEndByServer();
        EndAwait();
    }

    void IHttp2Events.OnSettings()
    {
        var limit = (int)Math.Min((uint)_pool.Options.Http2.Protocol.MaxConcurrentStreams, _codec.Peer.MaxConcurrentStreams);
        var isFirst = !_settingsCame;
        _settingsCame = true;
        _pool.PeerStreamLimit = Math.Max(1, limit);
        foreach (var stream in _streams)
        {
            stream.OnSettings();
        }

        if (limit == 0 && (isFirst || _awaited > 0) && !_takesNoMore)
        {
            // A server that takes nothing yet says so in its next SETTINGS (RFC 9113 section 6.5.2); another connection would hear the same.
            Await();
            return;
        }

        EndAwait();
    }

    void IHttp2Events.OnPingAck(ulong payload) => _keepalive?.OnAck(payload);

    void IHttp2Events.OnOutput()
    {
        if (!_flushQueued && !_writing && !Connection.IsClosed)
        {
            _flushQueued = true;
            Loop.RunAtTurnEnd(this);
        }
    }

    void ILoopItem.Run()
    {
        _flushQueued = false;
        Flush();
    }

    void IConnectionCallbacks.OnPeerReset() => Connection.Close(CloseType.NoFlush);

    void IConnectionCallbacks.OnClosed()
    {
        _idleTimer.Cancel();
        _keepalive?.Cancel();
        if (_streams.Count > 0)
        {
            _pool.Stats.DestroyedWithActiveRequest.Increment();
        }

        EndStreams(UpstreamResetReason.ConnectionTermination);
        _codec.CloseAll(Http2ErrorCode.NoError, byPeer: Connection.IsReadEnded, Http2ResponseCodeDetails.RemoteReset);
        _in.Clear();
        OnEndByServer();
        _pool.OnClosed(this, _createdUs);
        EndAwait();
    }

    private static Http2ClientStream? Of(Http2Stream stream) => (Http2ClientStream?)stream.Owner;

    /// <summary>The connection is lost: those who wait hear of it from the ready queue, for a close may come from anywhere.</summary>
    private void EndStreams(UpstreamResetReason? reason)
    {
        _failed = true;
        for (var i = _streams.Count - 1; i >= 0; i--)
        {
            _streams[i].OnConnectionEnd(reason);
        }

        foreach (var stream in _signaled)
        {
            stream.IsSignaled = false;
        }

        _signaled.Clear();
    }

    /// <summary>Requests are to wait for what this connection's SETTINGS will say.</summary>
    private void Await()
    {
        if (_awaited == 0)
        {
            _awaited = _pool.Options.Http2.Protocol.MaxConcurrentStreams;
            _pool.Expect(_awaited);
        }
    }

    /// <summary>
    /// The connection ends, and not because we wanted it to. If no request ever got a stream on it, it was no better than a failed connect: a pool
    /// that connected again for the same requests might do so for as long as they wait.
    /// </summary>
    private void OnEndByServer()
    {
        if (_requests == 0 && !_takesNoMore)
        {
            StopAwait();
            _pool.FailPending(IoStatus.ConnectFailed);
        }

        _takesNoMore = true;
    }

    /// <summary>What the first SETTINGS say, or that they will not come, is known: requests that wait are served here or by further connections.</summary>
    private void EndAwait()
    {
        StopAwait();
        _pool.OnRoom(this);
        _pool.ConnectForPending();
    }

    private void StopAwait()
    {
        if (_awaited > 0)
        {
            _pool.Expect(-_awaited);
            _awaited = 0;
        }
    }

    /// <summary>Closes a connection that takes no more streams and has none. From within the codec it waits until that has returned.</summary>
    private void CloseIfDone()
    {
        if (_takesNoMore && _streams.Count == 0 && !_inCodec && !_closing)
        {
            CloseWhenFlushed();
        }
    }

    private void ArmIdle()
    {
        if (_pool.Options.IdleTimeoutMs > 0)
        {
            _idleTimer.Arm(_pool.Options.IdleTimeoutMs);
        }
    }

    private void CloseWhenFlushed()
    {
        _closing = true;
        Flush();
        Connection.Close(CloseType.FlushWrite, GoodbyeFlushMs);
    }

    private void OnKeepaliveTimeout()
    {
        _pool.Options.Http2Stats.KeepaliveTimeout.Increment();
        Connection.Close(CloseType.NoFlush);
    }

    private void ReadOn()
    {
        while (true)
        {
            var read = Connection.ReadAsync(_in);
            if (!read.IsCompleted)
            {
                _read = read;
                read.GetAwaiter().UnsafeOnCompleted(_onRead);
                return;
            }

            if (!OnBytes(read.Result))
            {
                return;
            }
        }
    }

    private void OnReadCompleted()
    {
        var result = _read.Result;
        _read = default;
        if (OnBytes(result))
        {
            ReadOn();
        }
    }

    /// <summary>False: there is nothing more to read.</summary>
    private bool OnBytes(IoResult result)
    {
        if (!result.IsOk)
        {
            if (!Connection.IsClosed && !Connection.IsClosing)
            {
                Connection.Close(CloseType.NoFlush);
            }

            return false;
        }

        _keepalive?.OnReceived();
        _codec.NowMs = Loop.NowMs;
        _codec.SentBytes = Connection.BytesSent;
        _inCodec = true;
        var counted = _codec.MessageFramesReceived;
        var sound = _codec.Receive(_in);
        Loop.CountMessages(_codec.MessageFramesReceived - counted);
        _inCodec = false;
        if (sound)
        {
            ResumeSignaled();
            CloseIfDone();
            return Connection.IsOpen;
        }

        Fail();
        return false;
    }

    /// <summary>The peer broke the protocol, or a limit. The codec has said so in a GOAWAY.</summary>
    private void Fail()
    {
        if (!_failed)
        {
            _pool.Stats.ProtocolError.Increment();
            EndStreams(null);
            OnEndByServer();
            CloseWhenFlushed();
        }
    }

    /// <summary>Moves what the codec has to say to the socket, DATA no earlier than there is room for it.</summary>
    private void Flush()
    {
        for (var fills = 1; !_writing && !Connection.IsClosed; fills++)
        {
            _inCodec = true;
            var more = _codec.FillData(FillBytes);
            _inCodec = false;
            if (_codec.Output.IsEmpty)
            {
                break;
            }

            var write = Connection.WriteAsync(_codec.Output, endStream: false);
            _codec.SentBytes = Connection.BytesSent;
            _codec.WrittenBytes = _codec.SentBytes + Connection.BufferedBytes;
            if (!write.IsCompleted)
            {
                _writing = true;
                _write = write;
                write.GetAwaiter().UnsafeOnCompleted(_onWritten);
                break;
            }

            // A write that fails shows at the read.
            if (!write.Result.IsOk || !more)
            {
                break;
            }

            if (fills == MaxFillsPerTurn)
            {
                if (!_flushQueued)
                {
                    _flushQueued = true;
                    Loop.Enqueue(this);
                }

                break;
            }
        }

        ResumeSignaled();
        if (_codec.Error.IsSet)
        {
            Fail(); // what we have to say piles up
        }
        else
        {
            CloseIfDone();
        }
    }

    private void OnWritten()
    {
        _writing = false;
        var written = _write.Result;
        _write = default;
        if (written.IsOk)
        {
            Flush();
        }
    }

    private void ResumeSignaled()
    {
        if (_resuming)
        {
            return; // whoever resumes sees what was added
        }

        _resuming = true;
        for (var i = 0; i < _signaled.Count; i++)
        {
            var stream = _signaled[i];
            if (stream.IsSignaled)
            {
                stream.IsSignaled = false;
                stream.Resume();
            }
        }

        _signaled.Clear();
        _resuming = false;
    }

    private sealed class IdleTimer(Http2ClientConnection connection) : LoopTimer(connection.Loop)
    {
        protected override void OnElapsed()
        {
            connection._pool.Stats.IdleTimeout.Increment();
            connection.Drain();
        }
    }
}
