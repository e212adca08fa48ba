using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// A connection manager's part of one downstream connection: reads its bytes, chooses the protocol when the first ones are here, times it,
/// drains it, counts it and closes it. What the bytes mean is <see cref="ServerConnection"/>'s matter.
/// </summary>
/// <remarks>
/// A read is outstanding all the time, to see the peer close; what comes before it is asked for (of a body, a tunnel or the next request) is
/// kept up to <see cref="MaxSurplusBytes"/>. Back-pressure is that no further read is issued then. An idle connection holds no buffer.
/// </remarks>
internal sealed class DownstreamConnection(HttpWorker worker)
    : ICallbackTerminalFilter, ILoopItem, IConnectionCallbacks, IDrainAwareFilter
{
    private const int MaxSurplusBytes = 64 * 1024;

    /// <summary>A worker serves many clients: an upload moves this much, then the others have their turn.</summary>
    private const int MaxUploadBytesATurn = 64 * 1024;

    private INetworkFilterCallbacks _callbacks = null!;
    private Action _onRead = null!;
    private ValueTask<IoResult> _read;
    private ServerConnection? _protocol;
    private ITerminalFilterOwner? _owner;
    private ConnectionTimer? _timer;
    private bool _done;
    private bool _inputQueued;

    public HttpWorker Worker => worker;

    public Connection Connection => _callbacks.Connection;

    public StreamInfo ConnectionInfo => _callbacks.StreamInfo;

    public INetworkFilterCallbacks Callbacks => _callbacks;

    public ClientIdentity Client { get; private set; } = null!;

    /// <summary>What has arrived and was not used yet.</summary>
    public IoBuffer Input { get; private set; } = null!;

    public bool IsReading { get; private set; }

    /// <summary>Whether the peer has ended, or broken, its side.</summary>
    public bool ReadEnded { get; private set; }

    /// <summary>Whether that was not by a FIN.</summary>
    public bool ReadFailed { get; private set; }

    /// <summary>False once either side has begun to close: nothing more is parsed.</summary>
    public bool IsOpen { get; private set; } = true;

    /// <summary>Whether no request is under way, not even a part of a head.</summary>
    public bool IsIdle => _protocol is not { IsIdle: false };

    /// <summary>Since when, by the loop's milliseconds.</summary>
    public long IdleSinceMs { get; private set; }

    /// <summary>Whether there are bytes, and too few to tell the protocol by.</summary>
    public bool IsUndecided => _protocol is null && !Input.IsEmpty;

    private int CloseDelayMs => Math.Max(worker.Shared.DelayedCloseTimeoutMs, 1000);

    public void Initialize(INetworkFilterCallbacks callbacks)
    {
        _callbacks = callbacks;
        Input = new IoBuffer(worker.Loop.Slabs);
        _onRead = OnReadCompleted;
        callbacks.Connection.MaxReadBytes = MaxUploadBytesATurn;
        Client = worker.IdentityOf(callbacks.Connection);
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
        Input.Clear();
        _protocol?.OnDestroy();
        var stats = worker.Shared.Stats;
        stats.ConnectionsActive.Add(-1);
        stats.ConnectionsDestroyed.Increment();
        stats.ReceivedBytes.Add(Connection.BytesReceived);
        stats.SentBytes.Add(Connection.BytesSent);
        stats.ConnectionLengthMs.Record((worker.Loop.NowUs - ConnectionInfo.StartUs) / 1000);
    }

    public void OnDrain() => Drain();

    /// <summary>Ends the connection as soon as its protocol lets it end without a loss.</summary>
    public void Drain()
    {
        if (_protocol is { } protocol)
        {
            protocol.Drain();
        }
        else if (IsOpen)
        {
            CloseGently();
        }
    }

    void IConnectionCallbacks.OnPeerReset() => CloseByPeer();

    void IConnectionCallbacks.OnClosed()
    {
        IsOpen = false;
        _timer?.Cancel();
        _protocol?.OnClosed();
        CheckDone();
    }

    /// <summary>Goes on with bytes that were kept, or says that the connection is done.</summary>
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
            ProcessInput();
            ReadMore();
        }
    }

    /// <summary>Issues a read. False: it is under way, and the protocol hears of its end.</summary>
    public bool StartRead()
    {
        if (ReadEnded)
        {
            return true;
        }

        var read = _callbacks.ReadAsync(Input);
        if (read.IsCompleted)
        {
            OnReadResult(read.Result);
            return true;
        }

        IsReading = true;
        _read = read;
        read.GetAwaiter().UnsafeOnCompleted(_onRead);
        return false;
    }

    /// <summary>Has <see cref="ServerConnection.OnInput"/> called from the ready queue, and the next read issued.</summary>
    public void QueueInput()
    {
        if (!_inputQueued)
        {
            _inputQueued = true;
            worker.Loop.Enqueue(this);
        }
    }

    /// <summary>The last stream has ended, or the connection has begun.</summary>
    public void GoIdle()
    {
        IdleSinceMs = worker.Loop.NowMs;
        if (_timer is null && ConnectionTimer.IsNeeded(worker.Shared))
        {
            _timer = new ConnectionTimer(this, worker);
            _timer.Schedule();
        }
    }

    /// <summary>The peer has left.</summary>
    public void CloseByPeer()
    {
        var stats = worker.Shared.Stats;
        stats.DestroyedRemote.Increment();
        if (_protocol is { HasActiveRequest: true })
        {
            stats.DestroyedRemoteActive.Increment();
        }

        Connection.Close(CloseType.NoFlush);
    }

    /// <summary>Closes after what was written, and gives the peer time to read it.</summary>
    public void CloseGently()
    {
        worker.Shared.Stats.DestroyedLocal.Increment();
        var delay = worker.Shared.DelayedCloseTimeoutMs;
        _timer?.Cancel();
        Connection.Close(delay > 0 ? CloseType.FlushWriteAndDelay : CloseType.FlushWrite, delay > 0 ? delay : CloseDelayMs);
        EndReading();
    }

    /// <summary>Closes with a request under way.</summary>
    /// <param name="reset">By RST: what was sent must not be taken for the whole.</param>
    public void CloseCut(bool reset)
    {
        _timer?.Cancel();
        worker.Shared.Stats.DestroyedLocal.Increment();
        worker.Shared.Stats.DestroyedLocalActive.Increment();
        if (reset)
        {
            Connection.FlushNow(); // what came with the cut counts: a tunnel's last message
        }

        Connection.Close(reset ? CloseType.Reset : CloseType.FlushWrite, CloseDelayMs);
        EndReading();
    }

    /// <summary>Says that the connection manager is done with the connection once it is closed, or closing, and has no stream.</summary>
    public void CheckDone()
    {
        if (!IsOpen && IsIdle && !_done)
        {
            _done = true;
            _timer?.Cancel();
            QueueInput();
        }
    }

    private void EndReading()
    {
        if (IsOpen)
        {
            IsOpen = false;
            Input.Clear();
        }

        CheckDone();
    }

    /// <summary>Keeps one read outstanding, unless enough is kept.</summary>
    private void ReadMore()
    {
        while (!IsReading && !ReadEnded && !_inputQueued && IsOpen && Input.Length < MaxSurplusBytes)
        {
            if (!StartRead())
            {
                return;
            }

            ProcessInput();
        }
    }

    private void OnReadCompleted()
    {
        IsReading = false;
        var result = _read.Result;
        _read = default;
        OnReadResult(result);
        ProcessInput();
        ReadMore();
    }

    private void OnReadResult(IoResult result)
    {
        if (!result.IsOk)
        {
            ReadEnded = true;
            ReadFailed = result.Status != IoStatus.EndOfStream;
        }
    }

    private void ProcessInput()
    {
        if (!IsOpen)
        {
            return;
        }

        if (_protocol is null)
        {
            var choice = worker.Shared.Protocols.Choose(HttpWorker.AlpnOf(Connection), Input);
            if (choice == ProtocolChoice.Undecided || Input.IsEmpty)
            {
                if (ReadEnded)
                {
                    CloseByPeer();
                }
                else if (!Input.IsEmpty)
                {
                    _timer?.Schedule();
                }

                return;
            }

            _protocol = worker.CreateProtocol(choice, this);
        }

        _protocol.OnInput();
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
