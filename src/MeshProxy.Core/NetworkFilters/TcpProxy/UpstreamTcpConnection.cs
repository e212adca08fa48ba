using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Core.NetworkFilters.TcpProxy;

/// <summary>
/// The books of one upstream connection: gives its place in the cluster back when it is closed, which may be after its client's
/// connection has ended, while the last bytes are flushed.
/// </summary>
internal sealed class UpstreamTcpConnection : IConnectionCallbacks
{
    private readonly WorkerCluster _cluster;
    private readonly Host _host;
    private readonly TcpProxyStats _stats;
    private readonly long _startUs;
    private bool _flushing;

    public UpstreamTcpConnection(Connection connection, WorkerCluster cluster, Host host, TcpProxyStats stats)
    {
        Connection = connection;
        _cluster = cluster;
        _host = host;
        _stats = stats;
        _startUs = cluster.Loop.NowUs;
        connection.Callbacks = this;
    }

    public Connection Connection { get; }

    public ClusterStats ClusterStats => _cluster.Info.Stats;

    /// <summary>Closes once everything is sent.</summary>
    /// <param name="timeoutMs">How long sending may make no progress; 0 is no limit.</param>
    public void CloseAfterFlush(int timeoutMs)
    {
        if (Connection.IsOpen && Connection.BufferedBytes > 0)
        {
            _flushing = true;
            _stats.UpstreamFlushTotal.Increment();
            _stats.UpstreamFlushActive.Add(1);
        }

        Connection.Close(CloseType.FlushWrite, timeoutMs);
    }

    void IConnectionCallbacks.OnPeerReset()
    {
        if (_flushing)
        {
            Connection.Close(CloseType.NoFlush);
        }
    }

    void IConnectionCallbacks.OnClosed()
    {
        if (_flushing)
        {
            _flushing = false;
            _stats.UpstreamFlushActive.Add(-1);
        }

        var stats = _cluster.Info.Stats;
        (Connection.IsReadEnded || Connection.IsBroken ? stats.DestroyedRemote : stats.DestroyedLocal).Increment();
        stats.ConnectionLengthMs.Record((_cluster.Loop.NowUs - _startUs) / 1000);
        UpstreamConnector.Released(_cluster, _host);
    }
}
