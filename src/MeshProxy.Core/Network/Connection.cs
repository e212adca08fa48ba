using System.Diagnostics;
using System.Threading.Tasks.Sources;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.Network;

/// <summary>Hears of a connection's end.</summary>
internal interface IConnectionCallbacks
{
    /// <summary>The socket reported an error while nobody was reading: the peer has reset the connection.</summary>
    void OnPeerReset();

    /// <summary>The connection is closed, by whichever side; runs once.</summary>
    void OnClosed();
}

/// <summary>
/// One stream socket on one worker's loop, for life. Reads append to the caller's buffer when the socket is readable; writes
/// are taken whole, sent when the present loop callback returns, and complete when the unsent rest is at the low watermark.
/// </summary>
/// <remarks>
/// Worker thread only. One read and one write may be pending at a time. An idle connection holds no buffer. The readiness rules
/// (edge triggered, a short read means drained, never receive after a send) are those of the design, section 11.
/// </remarks>
public sealed class Connection : ISocketHandler, ILoopItem, IValueTaskSource<IoResult>, ITransportSocketCallbacks
{
    private const short ReadToken = 0;
    private const short WriteToken = 1;
    private const int MinReadBytes = SlabPool.MinSlabBytes;
    /// <summary>A read grows to this while the peer keeps it full; the buffer limit may say less.</summary>
    private const int DefaultMaxReadBytes = SlabPool.BulkSlabBytes;
    private const int EagerFlushBytes = 64 * 1024;

    /// <summary>A write this small is copied behind what waits already, so that both leave in one piece.</summary>
    private const int MaxCopyBytes = 2048;

    /// <summary>The smallest room at a buffer's end that is worth a receive call.</summary>
    private const int MinTailBytes = 2048;

    private static readonly Action<object?> s_completed = static _ => { };

    private static long s_lastId;

    private readonly EventLoop _loop;
    private readonly ISocketOps _ops;
    private readonly ConnectionOptions _options;
    private readonly IoBuffer _out;
    private readonly bool _shortReadMeansDrained;
    private readonly bool _needsRearm;
    private int _socket;
    private ConnectionPhase _phase;
    private bool _readable;
    private bool _writable = true;
    private bool _sticky;
    private bool _readEnded;
    private bool _broken;
    private bool _resetTold;
    private bool _finRequested;
    private bool _finSent;
    private bool _flushQueued;
    private CloseType _closeType;
    private int _nextReadBytes = MinReadBytes;
    private int _turnBytes;
    private long _turn;

    private IoBuffer? _readInto;
    private Action<object?>? _readContinuation;
    private object? _readState;
    private IoResult _readResult;
    private bool _writePending;
    private Action<object?>? _writeContinuation;
    private object? _writeState;
    private IoResult _writeResult;
    private WakeItem? _wake;
    private CloseTimer? _closeTimer;
    private int _closeDelayMs;

    internal Connection(EventLoop loop, ISocketOps ops, int socket, NetworkAddress? local, NetworkAddress? remote, ConnectionOptions options)
    {
        _loop = loop;
        _ops = ops;
        _socket = socket;
        _options = options;
        _out = new IoBuffer(loop.Slabs);
        _shortReadMeansDrained = ops.ShortReadMeansDrained && (remote ?? local) is SocketAddress;
        _needsRearm = ops.NeedsRearm(loop);
        LocalAddress = local;
        RemoteAddress = remote;
        DirectRemoteAddress = remote;
        Id = Interlocked.Increment(ref s_lastId);
    }

    private enum ConnectionPhase : byte
    {
        Open,
        Connecting,
        Flushing,
        Draining,
        Closed,
    }

    /// <summary>Unique in this process.</summary>
    public long Id { get; }

    /// <summary>The worker that owns this connection.</summary>
    public EventLoop Loop => _loop;

    public NetworkAddress? LocalAddress { get; internal set; }

    /// <summary>The peer, as a listener filter may have corrected it (PROXY protocol).</summary>
    public NetworkAddress? RemoteAddress { get; internal set; }

    /// <summary>The peer that the socket is connected to.</summary>
    public NetworkAddress? DirectRemoteAddress { get; }

    /// <summary>The upstream endpoint's name, where it has one.</summary>
    internal string? RemoteHostname { get; init; }

    public long BytesReceived { get; private set; }

    public long BytesSent { get; private set; }

    /// <summary>The loop's time when bytes last came or went; 0 if none did.</summary>
    internal long LastActivityUs { get; private set; }

    /// <summary>Where the peer wanted to go before the system redirected it here; null if it did not, or cannot tell.</summary>
    internal NetworkAddress? GetOriginalDestination() => IsClosed ? null : _ops.GetOriginalDestination(_socket);

    /// <summary>Bytes that wait to be sent.</summary>
    public long BufferedBytes => _out.Length;

    /// <summary>Unsent bytes at half of which a write completes (Envoy: <c>per_connection_buffer_limit_bytes</c>).</summary>
    internal int BufferLimitBytes => _options.BufferLimitBytes;

    public bool IsOpen => _phase == ConnectionPhase.Open && !_broken;

    public bool IsClosed => _phase == ConnectionPhase.Closed;

    /// <summary>Whether a close is under way that still flushes or waits for the peer.</summary>
    internal bool IsClosing => _phase is ConnectionPhase.Flushing or ConnectionPhase.Draining;

    /// <summary>Whether the peer has finished sending.</summary>
    public bool IsReadEnded => _readEnded;

    /// <summary>Whether the peer, or the network, broke the connection.</summary>
    internal bool IsBroken => _broken;

    /// <summary>The owner's: the listener or the pool that counts this connection.</summary>
    internal IConnectionCallbacks? Callbacks { get; set; }

    /// <summary>The terminal filter's, which hears before the owner does.</summary>
    internal IConnectionCallbacks? FilterCallbacks { get; set; }

    /// <summary>What a read grows to, and what this connection may read in one turn of its worker, in bytes. A smaller number is fairer to others, a larger one cheaper.</summary>
    internal int MaxReadBytes { get; set; } = DefaultMaxReadBytes;

    /// <summary>Null: plain bytes.</summary>
    internal ITransportSocket? Transport { get; set; }

    /// <summary>What the TLS handshake has agreed on; null without TLS, and before the handshake is done.</summary>
    public Streams.TlsInfo? Tls => Transport?.Tls;

    private int LowWatermarkBytes => _options.BufferLimitBytes / 2;

    /// <summary>Registers an accepted socket with the loop.</summary>
    internal void Start()
    {
        ApplySocketOptions();
        _ops.Register(_loop, _socket, this, PollMode.Edge);
    }

    /// <summary>Connects a new socket. Completes with <see cref="IoStatus.ConnectFailed"/> when refused; the caller owns the timeout (<see cref="Close"/>).</summary>
    internal ValueTask<IoResult> ConnectAsync(NetworkAddress address)
    {
        ApplySocketOptions();
        _writable = false;
        var status = _ops.Connect(_socket, address);
        if (status is not (SocketStatus.Ok or SocketStatus.InProgress))
        {
            Close(CloseType.NoFlush);
            return new ValueTask<IoResult>(new IoResult(IoStatus.ConnectFailed));
        }

        _ops.Register(_loop, _socket, this, PollMode.Edge);
        if (status == SocketStatus.Ok)
        {
            _writable = true;
            LocalAddress = _ops.GetLocalAddress(_socket);
            return new ValueTask<IoResult>(IoResult.Success);
        }

        _phase = ConnectionPhase.Connecting;
        _writePending = true;
        _writeContinuation = null;
        if (_needsRearm)
        {
            _loop.Poller.Rearm(_socket, Readiness.Writable);
        }

        return new ValueTask<IoResult>(this, WriteToken);
    }

    /// <summary>Appends what has arrived to <paramref name="into"/>; waits if nothing has.</summary>
    public ValueTask<IoResult> ReadAsync(IoBuffer into) => Transport is { } transport ? transport.ReadAsync(into) : ReadSocketAsync(into);

    /// <summary>
    /// Takes all of <paramref name="data"/>; completes when the unsent bytes are at the low watermark, half of the buffer limit.
    /// Appending while a write is pending is legal, but only one write can be awaited.
    /// </summary>
    /// <param name="endStream">Half-closes after the data.</param>
    public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream) =>
        Transport is { } transport ? transport.WriteAsync(data, endStream) : WriteSocketAsync(data, endStream);

    Connection ITransportSocketCallbacks.Connection => this;

    ValueTask<IoResult> ITransportSocketCallbacks.ReadAsync(IoBuffer into) => ReadSocketAsync(into);

    ValueTask<IoResult> ITransportSocketCallbacks.WriteAsync(IoBuffer data, bool endStream) => WriteSocketAsync(data, endStream);

    /// <summary>Closes; pending operations end with <see cref="IoStatus.Closed"/> from the ready queue. Repeating it can only make it harder.</summary>
    /// <param name="delayMs">For <see cref="CloseType.FlushWriteAndDelay"/>, how long the peer may take to close; for
    /// <see cref="CloseType.FlushWrite"/>, how long flushing may take. Each send that gets something out starts it anew. 0 waits without end.</param>
    public void Close(CloseType how, int delayMs = 0)
    {
        if (_phase == ConnectionPhase.Closed)
        {
            return;
        }

        Transport?.Close(how);
        if (how is CloseType.NoFlush or CloseType.Reset || _broken || _phase == ConnectionPhase.Connecting
            || (_out.IsEmpty && how == CloseType.FlushWrite))
        {
            CloseNow(how);
            return;
        }

        if (_phase is ConnectionPhase.Flushing or ConnectionPhase.Draining)
        {
            return;
        }

        _phase = ConnectionPhase.Flushing;
        _closeType = how;
        if (delayMs > 0)
        {
            _closeDelayMs = delayMs;
            _closeTimer = new CloseTimer(this);
            _closeTimer.Arm(delayMs);
        }

        EndPendingRead(new IoResult(IoStatus.Closed));
        Flush();
    }

    /// <summary>Sends what was written in this callback now, as far as the socket takes it: a close by RST would drop it.</summary>
    internal void FlushNow()
    {
        if (_phase == ConnectionPhase.Open)
        {
            Flush();
        }
    }

    void ISocketHandler.OnReady(Readiness readiness)
    {
        if ((readiness & (Readiness.Error | Readiness.ReadClosed | Readiness.Urgent)) != 0)
        {
            // From here on the readable flag stays set: a FIN may stand behind the bytes, with no edge of its own.
            _sticky = true;
        }

        if (_phase == ConnectionPhase.Connecting)
        {
            // Bytes may have come with the connect: that edge is not told twice.
            _readable |= (readiness & Readiness.Readable) != 0;
            if ((readiness & (Readiness.Writable | Readiness.Error)) != 0)
            {
                FinishConnect();
            }

            return;
        }

        if ((readiness & Readiness.Readable) != 0)
        {
            _readable = true;
            if (_readInto is { } into)
            {
                if (TryReceive(into, out var result))
                {
                    _readInto = null;
                    CompleteRead(result);
                }
            }
            else if (_phase == ConnectionPhase.Draining)
            {
                Discard();
            }
        }

        if ((readiness & Readiness.Error) != 0 && _readInto is null && (_phase is ConnectionPhase.Open or ConnectionPhase.Flushing))
        {
            NoticeError();
        }

        if ((readiness & Readiness.Writable) != 0 && !_writable && _phase != ConnectionPhase.Closed)
        {
            _writable = true;
            Flush();
        }
    }

    void ISocketHandler.OnFault(Exception exception) => Close(CloseType.Reset);

    /// <summary>The loop's "after the present callback": sends what was written during it.</summary>
    void ILoopItem.Run()
    {
        _flushQueued = false;
        if (_phase != ConnectionPhase.Closed)
        {
            Flush();
        }
    }

    IoResult IValueTaskSource<IoResult>.GetResult(short token)
    {
        if (token == ReadToken)
        {
            _readContinuation = null;
            _readState = null;
            return _readResult;
        }

        _writeContinuation = null;
        _writeState = null;
        return _writeResult;
    }

    ValueTaskSourceStatus IValueTaskSource<IoResult>.GetStatus(short token) =>
        ReferenceEquals(token == ReadToken ? _readContinuation : _writeContinuation, s_completed)
            ? ValueTaskSourceStatus.Succeeded
            : ValueTaskSourceStatus.Pending;

    void IValueTaskSource<IoResult>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        ref var slot = ref (token == ReadToken ? ref _readContinuation : ref _writeContinuation);
        if (ReferenceEquals(slot, s_completed))
        {
            continuation(state);
            return;
        }

        Debug.Assert(slot is null, "one operation of a kind at a time");
        slot = continuation;
        if (token == ReadToken)
        {
            _readState = state;
        }
        else
        {
            _writeState = state;
        }
    }

    private ValueTask<IoResult> ReadSocketAsync(IoBuffer into)
    {
        Debug.Assert(_readInto is null && _loop.IsCurrent, "one read at a time, on the connection's own worker");
        if (_phase != ConnectionPhase.Open)
        {
            return new ValueTask<IoResult>(new IoResult(IoStatus.Closed));
        }

        if (_readable)
        {
            if (HasBudget())
            {
                if (TryReceive(into, out var result))
                {
                    return new ValueTask<IoResult>(result);
                }
            }
            else
            {
                Wake().QueueRead(receive: true);
            }
        }

        _readInto = into;
        _readContinuation = null;
        return new ValueTask<IoResult>(this, ReadToken);
    }

    private ValueTask<IoResult> WriteSocketAsync(IoBuffer data, bool endStream)
    {
        Debug.Assert(_loop.IsCurrent, "a connection belongs to its worker");
        if (_phase != ConnectionPhase.Open || _broken || _finRequested)
        {
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(_broken ? IoStatus.Reset : IoStatus.Closed));
        }

        _out.MoveOrCopyFrom(data, MaxCopyBytes);
        _finRequested = endStream;
        if (_out.Length >= EagerFlushBytes)
        {
            Flush();
            if (_broken)
            {
                return new ValueTask<IoResult>(new IoResult(IoStatus.Reset));
            }
        }
        else if (!_flushQueued)
        {
            _flushQueued = true;
            _loop.RunAfterCallback(this);
        }

        if (_out.Length <= LowWatermarkBytes || _writePending)
        {
            return new ValueTask<IoResult>(IoResult.Success);
        }

        _writePending = true;
        _writeContinuation = null;
        return new ValueTask<IoResult>(this, WriteToken);
    }

    private bool HasBudget()
    {
        if (_turn != _loop.Turn)
        {
            _turn = _loop.Turn;
            _turnBytes = 0;
        }

        return _turnBytes < MaxReadBytes;
    }

    /// <summary>One receive call. False: nothing there, wait for the edge.</summary>
    private bool TryReceive(IoBuffer into, out IoResult result)
    {
        var room = into.WritableTail(MinTailBytes, _nextReadBytes);
        var n = _ops.Receive(_socket, room, out var status);
        if (n > 0)
        {
            var full = n == room.Length;
            into.Commit(n);
            BytesReceived += n;
            LastActivityUs = _loop.NowUs;
            _options.ReceivedBytes?.Add(n);
            _ = HasBudget();
            _turnBytes += n;
            if (full)
            {
                _nextReadBytes = Math.Max(Math.Min(_nextReadBytes * 2, Math.Min(MaxReadBytes, _options.BufferLimitBytes)), MinReadBytes);
            }
            else
            {
                if (n < _nextReadBytes / 4)
                {
                    // Small messages in large slabs would hold many times their size while they wait to be sent.
                    _nextReadBytes = Math.Max(_nextReadBytes / 2, MinReadBytes);
                }

                if (_shortReadMeansDrained && !_sticky)
                {
                    Drained();
                }
            }

            result = new IoResult(IoStatus.Ok, n);
            return true;
        }

        into.Commit(0);
        if (n == 0)
        {
            // A broken socket whose error was already told says "end" once its bytes are read: nothing has ended cleanly.
            _readEnded |= !_broken;
            _resetTold |= _broken;
            result = new IoResult(_broken ? IoStatus.Reset : IoStatus.EndOfStream);
            return true;
        }

        if (status == SocketStatus.WouldBlock)
        {
            Drained();
            result = default;
            return false;
        }

        Break();
        _resetTold = true;
        result = new IoResult(IoStatus.Reset);
        return true;
    }

    /// <summary>Nothing can be sent any more. What has arrived can still be read; then the reads end with <see cref="IoStatus.Reset"/>.</summary>
    private void Break()
    {
        _broken = true;
        _out.Clear();
    }

    /// <summary>An error on a socket that nobody reads: its owner is told at once, not when it comes to read.</summary>
    private void NoticeError()
    {
        // A send may have consumed the error before; a hang-up after FINs both ways has none.
        if (!_broken && _ops.GetError(_socket) == SocketStatus.Ok)
        {
            return;
        }

        Break();
        if (!_resetTold)
        {
            _resetTold = true;
            FilterCallbacks?.OnPeerReset();
            Callbacks?.OnPeerReset();
        }
    }

    private void Drained()
    {
        _readable = false;
        if (_needsRearm)
        {
            _loop.Poller.Rearm(_socket, Readiness.Readable);
        }
    }

    private void Discard()
    {
        var sink = new IoBuffer(_loop.Slabs);
        while (TryReceive(sink, out var result))
        {
            sink.Clear();
            if (!result.IsOk)
            {
                CloseNow(CloseType.NoFlush);
                return;
            }

            if (!_readable)
            {
                return;
            }

            if (!HasBudget())
            {
                Wake().QueueRead(receive: true);
                return;
            }
        }

        sink.Clear();
    }

    private void Flush()
    {
        while (!_out.IsEmpty && _writable && !_broken)
        {
            var length = _out.Length;
            var n = _out.SliceCount == 1
                ? _ops.Send(_socket, _out.FirstSpan, out var status)
                : _ops.SendVector(_socket, _out, out status);
            if (n < 0)
            {
                if (status == SocketStatus.WouldBlock)
                {
                    Full();
                    break;
                }

                Break();
                break;
            }

            BytesSent += n;
            LastActivityUs = _loop.NowUs;
            _options.SentBytes?.Add(n);
            _closeTimer?.Arm(_closeDelayMs);
            var partial = n < length && (_out.SliceCount <= 16 || n < SixteenSlices());
            _out.Drain(n);
            if (partial)
            {
                Full();
            }
        }

        AfterFlush();
    }

    private long SixteenSlices()
    {
        long sum = 0;
        for (var i = 0; i < 16; i++)
        {
            sum += _out.SliceAt(i).Length;
        }

        return sum;
    }

    private void Full()
    {
        _writable = false;
        if (_needsRearm)
        {
            _loop.Poller.Rearm(_socket, Readiness.Writable);
        }
    }

    private void AfterFlush()
    {
        if (_out.IsEmpty && !_broken && (_finRequested || _phase == ConnectionPhase.Flushing) && !_finSent)
        {
            if (_finRequested || _closeType == CloseType.FlushWriteAndDelay)
            {
                _finSent = true;
                _ops.ShutdownSend(_socket);
            }
        }

        if (_phase == ConnectionPhase.Flushing && (_out.IsEmpty || _broken))
        {
            if (_broken || _closeType == CloseType.FlushWrite || _readEnded)
            {
                CloseNow(CloseType.NoFlush);
            }
            else
            {
                _phase = ConnectionPhase.Draining;
                if (_readable)
                {
                    Wake().QueueRead(receive: true);
                }
            }

            return;
        }

        if (_writePending && _phase != ConnectionPhase.Closed && (_broken || _out.Length <= LowWatermarkBytes))
        {
            _writePending = false;
            Wake().QueueWrite(_broken ? new IoResult(IoStatus.Reset) : IoResult.Success);
        }
    }

    private void FinishConnect()
    {
        var status = _ops.GetError(_socket);
        _writePending = false;
        if (status != SocketStatus.Ok)
        {
            _phase = ConnectionPhase.Open;
            _broken = true;
            CompleteWrite(new IoResult(status == SocketStatus.TimedOut ? IoStatus.TimedOut : IoStatus.ConnectFailed));
            CloseNow(CloseType.NoFlush);
            return;
        }

        _phase = ConnectionPhase.Open;
        _writable = true;
        LocalAddress = _ops.GetLocalAddress(_socket);
        CompleteWrite(IoResult.Success);
    }

    private void CloseNow(CloseType how)
    {
        if (_phase == ConnectionPhase.Closed)
        {
            return;
        }

        _phase = ConnectionPhase.Closed;
        _closeTimer?.Cancel();
        _out.Clear();
        if (how == CloseType.Reset)
        {
            _ops.SetOption(_socket, SocketOption.ResetOnClose, 1);
        }

        _ops.Close(_loop, _socket);
        _socket = -1;
        EndPendingRead(new IoResult(IoStatus.Closed));
        if (_writePending)
        {
            _writePending = false;
            Wake().QueueWrite(new IoResult(IoStatus.Closed));
        }

        var filter = FilterCallbacks;
        var owner = Callbacks;
        FilterCallbacks = null;
        Callbacks = null;
        filter?.OnClosed();
        owner?.OnClosed();
    }

    private void EndPendingRead(IoResult result)
    {
        if (_readInto is not null)
        {
            _readInto = null;
            _readResult = result;
            Wake().QueueRead(receive: false);
        }
    }

    private void CompleteRead(IoResult result)
    {
        _readResult = result;
        var continuation = _readContinuation;
        var state = _readState;
        _readContinuation = s_completed;
        continuation?.Invoke(state);
    }

    private void CompleteWrite(IoResult result)
    {
        _writeResult = result;
        var continuation = _writeContinuation;
        var state = _writeState;
        _writeContinuation = s_completed;
        continuation?.Invoke(state);
    }

    private WakeItem Wake() => _wake ??= new WakeItem(this);

    private void ApplySocketOptions()
    {
        if ((RemoteAddress ?? LocalAddress) is not SocketAddress)
        {
            return;
        }

        if (_options.NoDelay)
        {
            _ops.SetOption(_socket, SocketOption.NoDelay, 1);
        }

        if (_options.Keepalive is { } keepalive)
        {
            ApplyKeepalive(keepalive);
        }
    }

    private void ApplyKeepalive(Config.TcpKeepaliveConfig keepalive)
    {
        _ops.SetOption(_socket, SocketOption.KeepAlive, 1);
        if (keepalive.KeepaliveProbes is { } probes)
        {
            _ops.SetOption(_socket, SocketOption.KeepAliveProbes, probes);
        }

        if (keepalive.KeepaliveTime is { } time)
        {
            _ops.SetOption(_socket, SocketOption.KeepAliveTimeSeconds, (int)time.TotalSeconds);
        }

        if (keepalive.KeepaliveInterval is { } interval)
        {
            _ops.SetOption(_socket, SocketOption.KeepAliveIntervalSeconds, (int)interval.TotalSeconds);
        }
    }

    /// <summary>Resumes a waiter from the ready queue: a read that yielded its turn, or a completion that engine code caused.</summary>
    private sealed class WakeItem(Connection connection) : ILoopItem
    {
        private bool _queued;
        private bool _receive;
        private bool _readDone;
        private bool _writeDone;

        public void QueueRead(bool receive)
        {
            _receive = receive;
            _readDone = !receive;
            Queue();
        }

        public void QueueWrite(IoResult result)
        {
            connection._writeResult = result;
            _writeDone = true;
            Queue();
        }

        public void Run()
        {
            _queued = false;
            if (_readDone)
            {
                _readDone = false;
                connection.CompleteRead(connection._readResult);
            }
            else if (_receive)
            {
                _receive = false;
                if (connection._phase == ConnectionPhase.Draining)
                {
                    connection.Discard();
                }
                else if (connection._readInto is { } into && connection._readable && connection._phase != ConnectionPhase.Closed
                    && connection.TryReceive(into, out var result))
                {
                    connection._readInto = null;
                    connection.CompleteRead(result);
                }
            }

            if (_writeDone)
            {
                _writeDone = false;
                connection.CompleteWrite(connection._writeResult);
            }
        }

        private void Queue()
        {
            if (!_queued)
            {
                _queued = true;
                connection._loop.Enqueue(this);
            }
        }
    }

    private sealed class CloseTimer(Connection connection) : LoopTimer(connection._loop)
    {
        protected override void OnElapsed() => connection.CloseNow(CloseType.NoFlush);
    }
}
