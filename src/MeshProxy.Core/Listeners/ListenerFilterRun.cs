using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Listeners;

/// <summary>The listener filters of one connection, and the bytes they have peeked at, which the connection's next reads see first.</summary>
/// <remarks>
/// Worker thread only. A read of the socket cannot be taken back, so that the filters wait for it through a source of their own, which
/// the timeout completes; a read that is still under way then belongs to whoever reads next.
/// </remarks>
internal sealed class ListenerFilterRun : IListenerFilterCallbacks, ITransportSocket, ITransportSocketCallbacks, IDisposable
{
    private const int MaxPeekedBytes = 64 * 1024;

    private Listener _listener;
    private readonly Connection _connection;
    private readonly LoopSource<IoResult> _waiter;
    private LoopTimer? _timeout;
    private bool _reading;
    private bool _timedOut;
    private bool _aborted;

    public ListenerFilterRun(Listener listener, Connection connection, StreamInfo streamInfo)
    {
        _listener = listener;
        _connection = connection;
        StreamInfo = streamInfo;
        Peeked = new IoBuffer(connection.Loop.Slabs);
        _waiter = new LoopSource<IoResult>(connection.Loop);
        StartTimeout();
    }

    public EventLoop Loop => _connection.Loop;

    public StreamInfo StreamInfo { get; }

    public NetworkAddress? LocalAddress
    {
        get => _connection.LocalAddress;
        set
        {
            _connection.LocalAddress = value;
            IsLocalAddressRestored = true;
        }
    }

    /// <summary>Whether a filter has set <see cref="LocalAddress"/>.</summary>
    public bool IsLocalAddressRestored { get; private set; }

    public NetworkAddress? RemoteAddress
    {
        get => _connection.RemoteAddress;
        set => _connection.RemoteAddress = value;
    }

    public NetworkAddress? DirectRemoteAddress => _connection.DirectRemoteAddress;

    public NetworkAddress? GetOriginalDestination() => _connection.GetOriginalDestination();

    public string? RequestedServerName
    {
        get => StreamInfo.RequestedServerName;
        set => StreamInfo.RequestedServerName = value;
    }

    public string? DetectedTransportProtocol { get; set; }

    public IReadOnlyList<string> RequestedApplicationProtocols
    {
        get => ApplicationProtocols;
        set => ApplicationProtocols = [.. value];
    }

    public string[] ApplicationProtocols { get; private set; } = [];

    public IoBuffer Peeked { get; }

    /// <summary>Runs the filters in order. True: go on to the filter chain.</summary>
    public async ValueTask<bool> RunAsync()
    {
        try
        {
            foreach (var factory in _listener.ListenerFilters)
            {
                var status = await factory.Create(Loop).OnAcceptAsync(this);
                if (_timedOut || _aborted)
                {
                    break;
                }

                if (status == FilterStatus.StopIteration || _connection.IsClosed)
                {
                    return false;
                }
            }

            return !_aborted && (!_timedOut || _listener.Config.ContinueOnListenerFiltersTimeout);
        }
        finally
        {
            _timeout?.Cancel();
        }
    }

    /// <summary>Another listener takes the connection over: its filters run next, on what has been peeked and found out so far.</summary>
    public void Redirect(Listener listener)
    {
        _listener = listener;
        StartTimeout();
    }

    public ValueTask<IoResult> PeekAsync()
    {
        if (_timedOut || _aborted || Peeked.Length >= MaxPeekedBytes)
        {
            return new ValueTask<IoResult>(new IoResult(IoStatus.Aborted));
        }

        return ReadMoreAsync();
    }

    /// <summary>The connection belongs to the network filters from here on; they, or the transport socket over it, get what was peeked first.</summary>
    /// <returns>What lies under the transport socket.</returns>
    public ITransportSocketCallbacks HandOver()
    {
        if (!_reading && Peeked.IsEmpty)
        {
            return _connection;
        }

        _connection.Transport = this;
        return this;
    }

    /// <summary>Ends the filters' wait; they go no further.</summary>
    public void Abort()
    {
        _aborted = true;
        _waiter.CompleteQueued(new IoResult(IoStatus.Aborted));
    }

    public void Dispose()
    {
        _timeout?.Cancel();
        Peeked.Clear();
    }

    ValueTask<IoResult> ITransportSocket.HandshakeAsync() => new(IoResult.Success);

    Connection ITransportSocketCallbacks.Connection => _connection;

    ValueTask<IoResult> ITransportSocketCallbacks.ReadAsync(IoBuffer into) =>
        _reading || !Peeked.IsEmpty ? ReadAsync(into) : ((ITransportSocketCallbacks)_connection).ReadAsync(into);

    ValueTask<IoResult> ITransportSocketCallbacks.WriteAsync(IoBuffer data, bool endStream) => WriteAsync(data, endStream);

    public async ValueTask<IoResult> ReadAsync(IoBuffer into)
    {
        if (Peeked.IsEmpty && _reading)
        {
            var result = await _waiter.WaitAsync();
            if (!result.IsOk)
            {
                Leave();
                return result;
            }
        }

        var length = (int)Peeked.Length;
        into.MoveFrom(Peeked);
        Leave();
        return new IoResult(IoStatus.Ok, length);
    }

    public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream) =>
        ((ITransportSocketCallbacks)_connection).WriteAsync(data, endStream);

    void ITransportSocket.Close(CloseType how)
    {
    }

    private ValueTask<IoResult> ReadMoreAsync()
    {
        if (!_reading)
        {
            var read = ((ITransportSocketCallbacks)_connection).ReadAsync(Peeked);
            if (read.IsCompleted)
            {
                return read;
            }

            _reading = true;
            _ = FinishRead(read);
        }

        return _waiter.WaitAsync();
    }

    private async LoopPump FinishRead(ValueTask<IoResult> read)
    {
        var result = await read;
        _reading = false;
        if (_waiter.IsPending)
        {
            _waiter.CompleteInline(result);
        }
    }

    /// <summary>Nothing is left of the peeked bytes: the connection reads its socket itself from here on.</summary>
    private void Leave()
    {
        if (!_reading && Peeked.IsEmpty && ReferenceEquals(_connection.Transport, this))
        {
            _connection.Transport = null;
        }
    }

    private void StartTimeout()
    {
        var timeoutMs = (long)_listener.Config.ListenerFiltersTimeout.TotalMilliseconds;
        if (timeoutMs > 0)
        {
            _timeout = new LoopTimer(Loop, static state => ((ListenerFilterRun)state!).OnTimeout(), this);
            _timeout.Arm(timeoutMs);
        }
    }

    private void OnTimeout()
    {
        _timedOut = true;
        _listener.Stats.PreConnectionTimeout.Increment();
        if (!_listener.Config.ContinueOnListenerFiltersTimeout)
        {
            _connection.Close(CloseType.NoFlush);
        }

        _waiter.CompleteQueued(new IoResult(IoStatus.Aborted));
    }
}
