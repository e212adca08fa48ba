using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>
/// One worker's connections to one host, whatever their protocol: the queue of requests that wait for one, and the connects under way.
/// </summary>
/// <remarks>
/// Worker thread only. Limits: the cluster's circuit breakers (connections, pending requests), shared by all workers. A connect is begun when
/// more requests wait than the connects under way are expected to serve.
/// </remarks>
internal abstract class ConnectionPool(WorkerCluster cluster, Host host)
{
    private readonly List<ConnectAttempt> _attempts = [];
    private PendingRequest? _firstPending;
    private PendingRequest? _lastPending;
    private int _pendingCount;
    private int _connections;
    private long _expected;

    public WorkerCluster Cluster { get; } = cluster;

    public Host Host { get; } = host;

    public EventLoop Loop => Cluster.Loop;

    public ClusterStats Stats => Cluster.Info.Stats;

    /// <summary>The host or its cluster is gone: nothing is kept for later.</summary>
    public bool IsDraining { get; private set; }

    /// <summary>Whether nothing lives in it: it may be forgotten.</summary>
    public bool IsEmpty => _connections == 0 && _firstPending is null;

    /// <summary>Requests that wait.</summary>
    public bool HasPending => _firstPending is not null;

    /// <summary>How many waiting requests a connect is expected to serve. It may change while connects are under way: what one has found out counts for all.</summary>
    protected abstract int ExpectedStreams { get; }

    /// <summary>How many of those who wait need no further connection.</summary>
    private long Expected => _expected + ((long)_attempts.Count * ExpectedStreams);

    /// <summary>A place for a request on a connection that is there; null if it must wait.</summary>
    public abstract IUpstreamStream? TryAcquire();

    /// <summary>Queues a request for the next place, and opens a connection if needed. False: a circuit breaker is open.</summary>
    public bool TryEnqueue(PendingRequest request)
    {
        if (!Cluster.Info.Resources.PendingRequests.TryAcquire())
        {
            Stats.PendingOverflow.Increment();
            return false;
        }

        Stats.PendingTotal.Increment();
        Stats.PendingActive.Add(1);
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
        ConnectIfNeeded();
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
        Stats.PendingActive.Add(-1);
        Cluster.Info.Resources.PendingRequests.Release();
        AbandonUnwantedConnects();
    }

    /// <summary>Closes what is idle, lets what is busy finish.</summary>
    public virtual void Drain()
    {
        IsDraining = true;
        AbandonUnwantedConnects();
    }

    /// <summary>Gives the places that have become free to the requests that wait, first come first served.</summary>
    public void ServePending()
    {
        while (_firstPending is { } request && TryAcquire() is { } stream)
        {
            Serve(request, stream);
        }
    }

    /// <summary>Gives one place to the first request that waits. False: nobody does.</summary>
    public bool TryServe(IUpstreamStream stream)
    {
        if (_firstPending is not { } request)
        {
            return false;
        }

        Serve(request, stream);
        return true;
    }

    /// <summary>Opens a connection if more requests wait than are expected to be served. False: none was opened.</summary>
    public bool ConnectIfNeeded()
    {
        // A pool without any connection may always open one, as in Envoy, or its requests would wait for nothing.
        if (Expected >= _pendingCount || !UpstreamConnector.TryReserve(Cluster, force: _connections == 0))
        {
            return false;
        }

        _connections++;
        _ = ConnectAsync();
        return true;
    }

    /// <summary>Opens as many connections as the requests that wait need.</summary>
    public void ConnectForPending()
    {
        while (ConnectIfNeeded())
        {
        }
    }

    /// <summary>A connection that is not ready to serve what it is expected to: requests count on it. Negative: they do no longer.</summary>
    public void Expect(int streams) => _expected += streams;

    /// <summary>A connection of this pool has closed.</summary>
    public void OnClosed(Connection connection, long createdUs)
    {
        (connection.IsReadEnded || connection.IsBroken ? Stats.DestroyedRemote : Stats.DestroyedLocal).Increment();
        Stats.ConnectionLengthMs.Record((Loop.NowUs - createdUs) / 1000);
        _connections--;
        UpstreamConnector.Released(Cluster, Host);
        ConnectIfNeeded();
        OnMaybeEmpty();
    }

    /// <summary>A connect has failed, or what it made came to nothing: those who counted on it fail with it, as in Envoy.</summary>
    public void FailPending(IoStatus status, string? reason = null)
    {
        while (_firstPending is { } request && Expected < _pendingCount)
        {
            Remove(request);
            Stats.PendingFailureEject.Increment();
            request.Complete(null, status, reason);
        }
    }

    /// <summary>Takes over a connection that was just made: <see cref="OnClosed"/> follows, whatever becomes of it.</summary>
    protected abstract void OnConnected(Connection connection);

    /// <summary>The last connection or request may have gone.</summary>
    protected virtual void OnMaybeEmpty()
    {
    }

    /// <summary>Connects a socket, with what the protocol needs of the transport.</summary>
    protected abstract ValueTask<ConnectResult> ConnectAsync(ConnectAttempt attempt);

    private void Serve(PendingRequest request, IUpstreamStream stream)
    {
        Remove(request);
        request.Complete(stream, IoStatus.Ok);
    }

    /// <summary>Once the pool drains and nobody waits, a connect under way would only outlive its cluster.</summary>
    private void AbandonUnwantedConnects()
    {
        if (!IsDraining || _firstPending is not null)
        {
            return;
        }

        foreach (var attempt in _attempts)
        {
            attempt.Abandon();
        }
    }

    private async LoopPump ConnectAsync()
    {
        var attempt = new ConnectAttempt(Loop);
        _attempts.Add(attempt);
        var result = await ConnectAsync(attempt);
        _attempts.Remove(attempt);
        if (result.Connection is { } connection)
        {
            OnConnected(connection);
            return;
        }

        _connections--;
        FailPending(result.Status, result.FailureReason);
        OnMaybeEmpty();
    }
}
