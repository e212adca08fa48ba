using System.Diagnostics;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Codecs.Http1;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>
/// One worker's HTTP/1.1 connections to one host: the idle ones, last used first, and the requests that wait for one.
/// </summary>
/// <remarks>Worker thread only. Limits: the cluster's circuit breakers (connections, pending requests), shared by all workers.</remarks>
internal sealed class HttpConnectionPool : IWorkerHostState
{
    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly long _idleTimeoutMs;
    private readonly int _maxRequests;
    private readonly IdleTimer _idleTimer;
    private Http1ClientConnection[] _idle = new Http1ClientConnection[4];
    private int _idleCount;
    private PendingRequest? _firstPending;
    private PendingRequest? _lastPending;
    private int _pendingCount;
    private int _connections;
    private int _connecting;
    private readonly List<ConnectAttempt> _attempts = [];
    private bool _draining;

    private HttpConnectionPool(WorkerCluster cluster, Host host)
    {
        _cluster = cluster;
        _host = host;
        var options = cluster.Info.Config.CommonHttpProtocolOptions;
        _idleTimeoutMs = (long)options.IdleTimeout.TotalMilliseconds;
        Codec = Http1CodecOptions.Upstream(options);
        _maxRequests = options.MaxRequestsPerConnection ?? 0;
        _idleTimer = new IdleTimer(this, cluster.Loop);
    }

    public Http1CodecOptions Codec { get; }

    /// <summary>The worker's pool for a host; made on first use.</summary>
    public static HttpConnectionPool For(WorkerCluster cluster, Host host)
    {
        ref var state = ref host.WorkerState(cluster.Loop.Index);
        return (HttpConnectionPool)(state ??= new HttpConnectionPool(cluster, host));
    }

    /// <summary>Takes an idle connection, the most recently used one.</summary>
    public Http1ClientConnection? TryAcquire()
    {
        while (_idleCount > 0)
        {
            var connection = _idle[--_idleCount];
            _idle[_idleCount] = null!;
            connection.IdleIndex = -1;
            if (connection.IsUsable)
            {
                return connection;
            }

            connection.Connection.Close(CloseType.NoFlush);
        }

        return null;
    }

    /// <summary>Queues a request for the next connection, and opens one if needed. False: a circuit breaker is open.</summary>
    public bool TryEnqueue(PendingRequest request)
    {
        var info = _cluster.Info;
        if (!info.Resources.PendingRequests.TryAcquire())
        {
            info.Stats.PendingOverflow.Increment();
            return false;
        }

        info.Stats.PendingTotal.Increment();
        info.Stats.PendingActive.Add(1);
        request.Pool = this;
        request.Previous = _lastPending;
        _lastPending = request;
        if (request.Previous is { } previous)
        {
            previous.Next = request;
        }
        else
        {
            _firstPending = request;
        }

        _pendingCount++;
        request.Start();
        if (_connecting < _pendingCount)
        {
            Connect();
        }

        return true;
    }

    /// <summary>The request no longer waits.</summary>
    public void Remove(PendingRequest request)
    {
        if (request.Previous is { } previous)
        {
            previous.Next = request.Next;
        }
        else
        {
            _firstPending = request.Next;
        }

        if (request.Next is { } next)
        {
            next.Previous = request.Previous;
        }
        else
        {
            _lastPending = request.Previous;
        }

        request.Previous = request.Next = null;
        request.Pool = null;
        _pendingCount--;
        _cluster.Info.Stats.PendingActive.Add(-1);
        _cluster.Info.Resources.PendingRequests.Release();
        AbandonUnwantedConnects();
    }

    /// <summary>A connection has finished its exchange. False: it is not to be kept.</summary>
    public bool TryReturn(Http1ClientConnection connection)
    {
        if (_maxRequests > 0 && connection.Requests >= _maxRequests)
        {
            _cluster.Info.Stats.MaxRequestsReached.Increment();
            return false;
        }

        if (_firstPending is { } request)
        {
            Remove(request);
            request.Complete(connection, IoStatus.Ok);
            return true;
        }

        if (_draining)
        {
            return false;
        }

        MakeIdle(connection);
        return true;
    }

    public void OnClosed(Http1ClientConnection connection)
    {
        var index = connection.IdleIndex;
        if (index >= 0)
        {
            connection.IdleIndex = -1;
            Array.Copy(_idle, index + 1, _idle, index, _idleCount - index - 1);
            _idle[--_idleCount] = null!;
            for (var i = index; i < _idleCount; i++)
            {
                _idle[i].IdleIndex = i;
            }
        }

        if (_idleCount == 0)
        {
            _idleTimer.Cancel();
        }

        var stats = _cluster.Info.Stats;
        (connection.Connection.IsReadEnded || connection.Connection.IsBroken ? stats.DestroyedRemote : stats.DestroyedLocal).Increment();
        stats.ConnectionLengthMs.Record((_cluster.Loop.NowUs - connection.CreatedUs) / 1000);
        _connections--;
        UpstreamConnector.Released(_cluster, _host);
        if (_firstPending is not null && _connecting < _pendingCount)
        {
            Connect();
        }
    }

    public void OnUnsolicitedBytes() => _cluster.Info.Stats.UnsolicitedBytes.Increment();

    public void Drain()
    {
        _draining = true;
        _idleTimer.Cancel();
        while (_idleCount > 0)
        {
            var connection = _idle[--_idleCount];
            _idle[_idleCount] = null!;
            connection.IdleIndex = -1;
            connection.Connection.Close(CloseType.NoFlush);
        }

        AbandonUnwantedConnects();
    }

    /// <summary>Once the pool drains and nobody waits, a connect under way would only outlive its cluster.</summary>
    private void AbandonUnwantedConnects()
    {
        if (!_draining || _firstPending is not null)
        {
            return;
        }

        foreach (var attempt in _attempts)
        {
            attempt.Abandon();
        }
    }

    /// <summary>Opens a connection if the circuit breaker lets it. A pool without any may always open one, as in Envoy, or its requests would wait for nothing.</summary>
    private void Connect()
    {
        if (UpstreamConnector.TryReserve(_cluster, force: _connections == 0))
        {
            _connections++;
            _connecting++;
            _ = ConnectAsync();
        }
    }

    private async LoopPump ConnectAsync()
    {
        var attempt = new ConnectAttempt(_cluster.Loop);
        _attempts.Add(attempt);
        var result = await UpstreamConnector.ConnectAsync(_cluster, _host, attempt);
        _attempts.Remove(attempt);
        _connecting--;
        if (result.Connection is { } connection)
        {
            _cluster.Info.Stats.Http1ConnectionsTotal.Increment();
            var client = new Http1ClientConnection(this, connection) { CreatedUs = _cluster.Loop.NowUs };
            client.Start();
            if (!connection.IsClosed && !TryReturn(client))
            {
                connection.Close(CloseType.NoFlush);
            }

            return;
        }

        _connections--;

        // As in Envoy: what waits for a connection of this host fails with it.
        while (_firstPending is { } request && _connecting < _pendingCount)
        {
            Remove(request);
            _cluster.Info.Stats.PendingFailureEject.Increment();
            request.Complete(null, result.Status);
        }
    }

    private void MakeIdle(Http1ClientConnection connection)
    {
        Debug.Assert(connection.IdleIndex < 0 && connection.IsUsable, "a connection is idle once");
        if (_idleCount == _idle.Length)
        {
            Array.Resize(ref _idle, _idle.Length * 2);
        }

        connection.IdleSinceMs = _cluster.Loop.NowMs;
        connection.IdleIndex = _idleCount;
        _idle[_idleCount++] = connection;
        if (_idleTimeoutMs > 0 && !_idleTimer.IsArmed)
        {
            _idleTimer.Arm(_idleTimeoutMs);
        }
    }

    /// <summary>Closes what has been idle too long. One timer for all: the oldest stands first.</summary>
    private sealed class IdleTimer(HttpConnectionPool pool, EventLoop loop) : LoopTimer(loop)
    {
        protected override void OnElapsed()
        {
            var now = pool._cluster.Loop.NowMs;
            while (pool._idleCount > 0 && now >= pool._idle[0].IdleSinceMs + pool._idleTimeoutMs)
            {
                pool._cluster.Info.Stats.IdleTimeout.Increment();
                pool._idle[0].Connection.Close(CloseType.NoFlush);
            }

            if (pool._idleCount > 0)
            {
                Arm(Math.Max(1, pool._idle[0].IdleSinceMs + pool._idleTimeoutMs - now));
            }
        }
    }
}
