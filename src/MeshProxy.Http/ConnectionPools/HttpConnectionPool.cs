using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>One worker's HTTP connections to one host.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class HttpConnectionPool : ConnectionPool
{
    private readonly Http1Connections _http1;
    private readonly int _maxRequests;

    public HttpConnectionPool(WorkerCluster cluster, Host host, UpstreamHttpOptions options)
        : base(cluster, host)
    {
        Options = options;
        _http1 = new Http1Connections(this, cluster.Loop, options.IdleTimeoutMs);
        _maxRequests = options.MaxRequestsPerConnection;
    }

    public UpstreamHttpOptions Options { get; }

    protected override int ExpectedStreams => 1;

    public override IUpstreamStream? TryAcquire() => _http1.TryTake();

    /// <summary>An HTTP/1.1 connection has finished its exchange. False: it is not to be kept.</summary>
    public bool TryReturn(Http1ClientConnection connection)
    {
        if (_maxRequests > 0 && connection.Requests >= _maxRequests)
        {
            Stats.MaxRequestsReached.Increment();
            return false;
        }

        if (TryServe(connection))
        {
            return true;
        }

        if (IsDraining)
        {
            return false;
        }

        _http1.Add(connection);
        return true;
    }

    public void OnClosed(Http1ClientConnection connection)
    {
        _http1.OnClosed(connection);
        OnClosed(connection.Connection, connection.CreatedUs);
    }

    public override void Drain()
    {
        base.Drain();
        _http1.CloseIdle();
    }

    protected override void OnConnected(Connection connection)
    {
        Stats.Http1ConnectionsTotal.Increment();
        var client = new Http1ClientConnection(this, connection) { CreatedUs = Loop.NowUs };
        client.Start();
        if (!connection.IsClosed && !TryReturn(client))
        {
            connection.Close(CloseType.NoFlush);
        }
    }
}
