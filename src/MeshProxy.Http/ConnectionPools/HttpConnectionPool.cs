using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>The version of HTTP that a pool's connections speak.</summary>
internal enum PoolProtocol : byte
{
    Http1,
    Http2,

    /// <summary>What each connection's TLS handshake agrees on.</summary>
    Auto,
}

/// <summary>One worker's HTTP connections to one host, of the version that the cluster says or the handshake finds.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class HttpConnectionPool : ConnectionPool
{
    private readonly PoolProtocol _protocol;
    private readonly TransportSocketOptions _transport;
    private readonly Http1Connections _http1;
    private readonly Http2Connections _http2 = new();

    /// <summary>What is expected of the next connection: by config, or as the last handshake has agreed.</summary>
    private bool _speaksHttp2;

    public HttpConnectionPool(WorkerCluster cluster, Host host, PoolProtocol protocol, UpstreamHttpOptions options, TransportSocketOptions transport, ServerName? serverName)
        : base(cluster, host)
    {
        Options = options;
        _protocol = protocol;
        _speaksHttp2 = protocol != PoolProtocol.Http1; // Auto: until a handshake says otherwise, as in Envoy
        _http1 = new Http1Connections(this, cluster.Loop, options.IdleTimeoutMs);
        _transport = transport with
        {
            ApplicationProtocols = protocol switch
            {
                PoolProtocol.Http1 => ["http/1.1"],
                PoolProtocol.Http2 => ["h2"],
                _ => ["h2", "http/1.1"],
            },
            ServerNameOverride = serverName?.Sni,
            VerifySubjectAltNames = serverName is { Verify: { } name } ? [name] : default,
        };
    }

    public UpstreamHttpOptions Options { get; }

    /// <summary>How many streams the host takes on an HTTP/2 connection, as one of them has last said; null before the first SETTINGS.</summary>
    public int? PeerStreamLimit { get; set; }

    protected override int ExpectedStreams => !_speaksHttp2 ? 1
        : Math.Min(Options.Http2.Protocol.MaxConcurrentStreams, PeerStreamLimit ?? int.MaxValue);

    public override IUpstreamStream? TryAcquire() => _http1.TryTake() ?? (IUpstreamStream?)_http2.TryOpen();

    /// <summary>An HTTP/1.1 connection has finished its exchange. False: it is not to be kept.</summary>
    public bool TryReturn(Http1ClientConnection connection)
    {
        connection.WasReady = true;
        if (Options.MaxRequestsPerConnection is > 0 and var max && connection.Requests >= max)
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

    /// <summary>An HTTP/2 connection may have room for another stream.</summary>
    public void OnRoom(Http2ClientConnection connection)
    {
        if (connection.IsUsable)
        {
            _http2.Offer(connection);
            ServePending();
        }
    }

    public void OnClosed(Http1ClientConnection connection)
    {
        _http1.OnClosed(connection);
        if (!connection.WasReady)
        {
            FailPending(IoStatus.ConnectFailed); // as with HTTP/2: what ends before it was of any use is no better than a failed connect
        }

        OnClosed(connection.Connection, connection.CreatedUs);
    }

    public void OnClosed(Http2ClientConnection connection, long createdUs)
    {
        _http2.Remove(connection);
        OnClosed(connection.Connection, createdUs);
    }

    public override void Drain()
    {
        base.Drain();
        _http1.CloseIdle();
        _http2.Drain();
    }

    protected override ValueTask<ConnectResult> ConnectAsync(ConnectAttempt attempt) => UpstreamConnector.ConnectAsync(Cluster, Host, attempt, _transport);

    protected override void OnConnected(Connection connection)
    {
        _speaksHttp2 = _protocol == PoolProtocol.Http2 || (_protocol == PoolProtocol.Auto && connection.Tls?.ApplicationProtocol == "h2");
        if (_speaksHttp2)
        {
            BeginHttp2(connection);
        }
        else
        {
            BeginHttp1(connection);
        }
    }

    private void BeginHttp1(Connection connection)
    {
        Stats.Http1ConnectionsTotal.Increment();
        var client = new Http1ClientConnection(this, connection) { CreatedUs = Loop.NowUs };
        client.Start();
        if (!connection.IsClosed && !TryReturn(client))
        {
            connection.Close(CloseType.NoFlush);
        }

        if (_protocol == PoolProtocol.Auto)
        {
            ConnectForPending(); // they hoped for a stream on this one
        }
    }

    private void BeginHttp2(Connection connection)
    {
        Stats.Http2ConnectionsTotal.Increment();
        var client = new Http2ClientConnection(this, connection);
        _http2.Add(client);
        client.Start();
        OnRoom(client);
        if (IsDraining)
        {
            client.Drain();
        }
        else
        {
            ConnectForPending();
        }
    }
}
