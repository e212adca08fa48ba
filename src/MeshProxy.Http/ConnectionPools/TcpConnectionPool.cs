using MeshProxy.Core.Network;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>Plain connections to a host for CONNECT requests that end here: each carries one tunnel and is closed with it.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class TcpConnectionPool(WorkerCluster cluster, Host host, TransportSocketOptions transport) : ConnectionPool(cluster, host)
{
    protected override int ExpectedStreams => 1;

    public override IUpstreamStream? TryAcquire() => null;

    protected override ValueTask<ConnectResult> ConnectAsync(ConnectAttempt attempt) => UpstreamConnector.ConnectAsync(Cluster, Host, attempt, transport);

    protected override void OnConnected(Connection connection)
    {
        var stream = new TcpUpstreamStream(this, connection);
        if (!TryServe(stream))
        {
            connection.Close(CloseType.NoFlush);
        }
    }
}
