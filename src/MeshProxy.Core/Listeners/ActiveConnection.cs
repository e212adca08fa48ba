using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Listeners;

/// <summary>One live downstream connection, from accept to its access log.</summary>
/// <remarks>
/// Worker thread only. The steps: listener filters; choice of the chain; the transport socket's handshake; network filters, the terminal one to its end; flush and
/// close; stats and access log. Whatever a filter throws ends here: it is counted, logged, and closes this connection alone.
/// </remarks>
internal sealed class ActiveConnection : IConnectionCallbacks, ITerminalFilterOwner
{
    /// <summary>Stands for a peer without an address: the client side of a Unix socket.</summary>
    private static readonly NetworkAddress s_anonymous = new UnixSocketAddress("");

    /// <summary>How long the alert that tells of a failed handshake may take to leave.</summary>
    private const int HandshakeAlertFlushMs = 1000;

    private WorkerListener _owner;
    private Listener _listener;
    private readonly ExactBalancer? _balancer;
    private readonly Connection _connection;
    private readonly StreamInfo _streamInfo = new();
    private INetworkFilterBase[]? _filters;
    private NetworkFilterChain? _network;
    private ListenerFilterRun? _listenerFilters;
    private bool _running = true;
    private bool _ended;

    public ActiveConnection(WorkerListener owner, AcceptedSocket accepted)
    {
        _owner = owner;
        _listener = accepted.Listener;
        _balancer = accepted.Balancer;
        _connection = new Connection(
            owner.Handler.Loop, accepted.Ops, accepted.Socket, accepted.Local, accepted.Remote, _listener.ConnectionOptions);
    }

    /// <summary>Neighbours in the worker's list.</summary>
    public ActiveConnection? Next { get; set; }

    public ActiveConnection? Previous { get; set; }

    /// <summary>Null until it is chosen.</summary>
    public FilterChain? Chain { get; private set; }

    private ConnectionHandler Handler => _owner.Handler;

    private EventLoop Loop => _owner.Handler.Loop;

    public void Start()
    {
        Handler.Add(this);
        _listener.Stats.ConnectionBegan(Handler.Index);
        _streamInfo.Start(Loop.UtcNow, Loop.NowUs);
        _streamInfo.ConnectionId = (ulong)_connection.Id;
        _streamInfo.DownstreamDirectRemoteAddress = _connection.DirectRemoteAddress;
        TakeAddresses();
        if (_listener.ListenerFilters.Length == 0)
        {
            Serve();
        }
        else
        {
            _ = RunListenerFiltersAsync();
        }
    }

    /// <summary>The chain, the listener or the server drains.</summary>
    public void NotifyDrain()
    {
        foreach (var filter in _filters ?? [])
        {
            if (filter is not IDrainAwareFilter aware)
            {
                continue;
            }

            try
            {
                aware.OnDrain();
            }
            catch (Exception exception)
            {
                OnFault(exception);
            }
        }
    }

    /// <summary>Closes at once; the filters see their reads and writes end.</summary>
    public void CloseHard()
    {
        _listenerFilters?.Abort();
        if (_streamInfo.ConnectionTerminationDetails is null && Chain is { IsDraining: true })
        {
            _streamInfo.ConnectionTerminationDetails = LocalCloseReasons.DeferredCloseOnDrainedConnection;
        }

        _connection.Close(CloseType.NoFlush);
    }

    void IConnectionCallbacks.OnPeerReset() => _connection.Close(CloseType.NoFlush);

    void IConnectionCallbacks.OnClosed()
    {
        if (!_running)
        {
            End();
        }
    }

    void ITerminalFilterOwner.OnTerminalFilterDone()
    {
        try
        {
            _network!.Destroy();
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }

        Finish();
    }

    private async LoopPump RunListenerFiltersAsync()
    {
        var go = false;
        try
        {
            go = await RunListenerFiltersCoreAsync();
            if (go && _listener.Config.UseOriginalDst && FindOriginalListener() is { } original)
            {
                go = TryMoveTo(original) && (_listener.ListenerFilters.Length == 0 || await RunListenerFiltersCoreAsync());
            }
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }

        if (go)
        {
            Serve();
        }
        else
        {
            Finish();
        }
    }

    private async ValueTask<bool> RunListenerFiltersCoreAsync()
    {
        var stats = _listener.Stats;
        stats.PreConnectionsActive.Increment();
        if (_listenerFilters is not { } run)
        {
            _connection.Start();
            _listenerFilters = run = new ListenerFilterRun(_listener, _connection, _streamInfo);
        }
        else
        {
            run.Redirect(_listener);
        }

        try
        {
            return await run.RunAsync();
        }
        finally
        {
            stats.PreConnectionsActive.Decrement();
            TakeAddresses();
        }
    }

    /// <summary>The listener of the address that a filter has restored; null if there is none, or it is this one.</summary>
    private WorkerListener? FindOriginalListener() =>
        _listenerFilters!.IsLocalAddressRestored && Handler.FindListener(_connection.LocalAddress) is { } found && found != _owner ? found : null;

    /// <summary>
    /// Hands the connection over, once: a listener that got it this way passes it on to no other, as in Envoy. The socket keeps the buffer
    /// limits and options of the listener that accepted it.
    /// </summary>
    /// <returns>False: the other listener has as many connections as it may.</returns>
    private bool TryMoveTo(WorkerListener target)
    {
        var listener = target.Current;
        if (listener.Config.MaxConnections is { } max && !listener.Limiter.TryAcquire(max))
        {
            listener.Stats.Overflow.Increment();
            return false;
        }

        if (_listener.Config.MaxConnections is not null)
        {
            _listener.Limiter.Release();
        }

        _listener.Stats.ConnectionEnded(Handler.Index, (Loop.NowUs - _streamInfo.StartUs) / 1000);
        _owner = target;
        _listener = listener;
        listener.Stats.ConnectionBegan(Handler.Index);
        return true;
    }

    /// <summary>Lets the chosen chain serve the connection; <see cref="Finish"/> follows.</summary>
    private void Serve()
    {
        try
        {
            if (!TryChooseChain())
            {
                _connection.Close(CloseType.NoFlush);
                Finish();
                return;
            }
        }
        catch (Exception exception)
        {
            OnFault(exception);
            Finish();
            return;
        }

        if (Chain!.TransportSocket is { } factory)
        {
            _ = HandshakeAsync(factory, StartSocket());
        }
        else
        {
            StartSocket();
            ServeFilters();
        }
    }

    /// <summary>The lowest layer that the chain reads from: the socket, or what listener filters have peeked and then the socket.</summary>
    private ITransportSocketCallbacks StartSocket()
    {
        if (_listenerFilters is { } run)
        {
            return run.HandOver();
        }

        _connection.Start();
        return _connection;
    }

    private async LoopPump HandshakeAsync(ITransportSocketFactory factory, ITransportSocketCallbacks socket)
    {
        var done = false;
        try
        {
            done = await HandshakeCoreAsync(factory, socket);
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }

        if (done)
        {
            ServeFilters();
        }
        else
        {
            _connection.Close(CloseType.FlushWrite, HandshakeAlertFlushMs);
            Finish();
        }
    }

    private async ValueTask<bool> HandshakeCoreAsync(ITransportSocketFactory factory, ITransportSocketCallbacks socket)
    {
        var transport = factory.Create(socket, null);
        _connection.Transport = transport;
        LoopTimer? timeout = null;
        if (Chain!.Config.TransportSocketConnectTimeout is { Ticks: > 0 } limit)
        {
            timeout = new LoopTimer(Loop, static state => ((ActiveConnection)state!).OnHandshakeTimeout(), this);
            timeout.Arm((long)limit.TotalMilliseconds);
        }

        IoResult result;
        try
        {
            result = await transport.HandshakeAsync();
        }
        finally
        {
            timeout?.Cancel();
        }

        _streamInfo.DownstreamTls = transport.Tls;
        _streamInfo.RequestedServerName ??= transport.Tls?.ServerName;
        if (result.IsOk)
        {
            return !_connection.IsClosed;
        }

        _streamInfo.DownstreamTransportFailureReason ??= transport.FailureReason;
        return false;
    }

    private void OnHandshakeTimeout()
    {
        _listener.Stats.TransportSocketConnectTimeout.Increment();
        _streamInfo.ConnectionTerminationDetails = LocalCloseReasons.TransportSocketTimeout;
        _connection.Close(CloseType.NoFlush);
    }

    private void ServeFilters()
    {
        try
        {
            if (!TryMakeFilters())
            {
                _connection.Close(CloseType.NoFlush);
                Finish();
            }
            else
            {
                if (!_network!.TryRun(this))
                {
                    _ = RunFiltersAsync(_network);
                }

                if (Chain!.IsDraining)
                {
                    NotifyDrain(); // it began while listener filters looked at this connection, or during its handshake
                }
            }
        }
        catch (Exception exception)
        {
            OnFault(exception);
            Finish();
        }
    }

    private async LoopPump RunFiltersAsync(NetworkFilterChain network)
    {
        try
        {
            await network.RunAsync();
        }
        catch (Exception exception)
        {
            OnFault(exception);
        }

        Finish();
    }

    private bool TryChooseChain()
    {
        if (_owner.IsRemoved)
        {
            // The listener went while its filters looked at this connection; its chains may be gone.
            return false;
        }

        var chain = SelectChain(_owner.Current);
        if (chain is null)
        {
            _listener.Stats.NoFilterChainMatch.Increment();
            _streamInfo.AddResponseFlag(ResponseFlags.NoRouteFound);
            _streamInfo.ResponseCodeDetails = ResponseCodeDetails.FilterChainNotFound;
            return false;
        }

        if (chain.Factories.IsEmpty)
        {
            return false; // Envoy: a chain without filters closes the connection
        }

        Chain = chain;
        chain.ConnectionBegan(Handler.Index);
        return true;
    }

    private bool TryMakeFilters()
    {
        if (_connection.IsClosed || _connection.IsClosing)
        {
            return false;
        }

        var factories = Chain!.Factories;
        var filters = new INetworkFilterBase[factories.Length];
        for (var i = 0; i < filters.Length; i++)
        {
            filters[i] = factories[i].Create(Loop);
        }

        _filters = filters;
        _network = new NetworkFilterChain(_connection, _streamInfo, filters);
        return true;
    }

    private FilterChain? SelectChain(Listener current) => current.Matcher.Match(new FilterChainMatchInput
    {
        DestinationAddress = _connection.LocalAddress ?? s_anonymous,
        SourceAddress = _connection.RemoteAddress ?? s_anonymous,
        DirectSourceAddress = _connection.DirectRemoteAddress ?? s_anonymous,
        ServerName = _streamInfo.RequestedServerName,
        TransportProtocol = _listenerFilters?.DetectedTransportProtocol ?? FilterChainMatchInput.RawBuffer,
        ApplicationProtocols = _listenerFilters is null ? default : _listenerFilters.ApplicationProtocols,
    });

    private void TakeAddresses()
    {
        _streamInfo.DownstreamLocalAddress = _connection.LocalAddress;
        _streamInfo.DownstreamRemoteAddress = _connection.RemoteAddress;
    }

    private void OnFault(Exception exception)
    {
        Loop.ReportFault(exception, "a network filter");
        _connection.Close(CloseType.Reset);
    }

    /// <summary>The filters are done: closes what they left open, after what they wrote was sent.</summary>
    private void Finish()
    {
        _running = false;
        if (_connection.IsClosed)
        {
            End();
            return;
        }

        _connection.Callbacks = this;
        if (!_connection.IsClosing)
        {
            _connection.Close(CloseType.FlushWrite);
        }
    }

    private void End()
    {
        if (_ended)
        {
            return;
        }

        _ended = true;
        _listenerFilters?.Dispose();
        _streamInfo.EndUs = Loop.NowUs;
        if (_streamInfo.BytesReceived == 0)
        {
            _streamInfo.BytesReceived = _connection.BytesReceived;
            _streamInfo.BytesSent = _connection.BytesSent;
        }


        // Before the gauges: who reads there that the connection is gone may count on its place.
        if (_listener.Config.MaxConnections is not null)
        {
            _listener.Limiter.Release();
        }

        _balancer?.Release(Handler.Index);
        _listener.Stats.ConnectionEnded(Handler.Index, (_streamInfo.EndUs - _streamInfo.StartUs) / 1000);
        Log();
        Chain?.ConnectionEnded(Handler.Index);
        Handler.Remove(this);
    }

    private void Log()
    {
        if (_listener.AccessLogs.Length == 0)
        {
            return;
        }

        var entry = new AccessLogEntry(_streamInfo);
        foreach (var log in _listener.AccessLogs)
        {
            try
            {
                log.Log(entry);
            }
            catch (Exception exception)
            {
                Loop.ReportFault(exception, "an access log");
            }
        }
    }
}
