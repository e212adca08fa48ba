using System.Runtime.CompilerServices;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>How a connect ended: with a connection, or with the reason why not.</summary>
/// <param name="FailureReason">What the transport socket says of it (TLS); null where it has no part in it.</param>
internal readonly record struct ConnectResult(Connection? Connection, IoStatus Status, string? FailureReason = null);

/// <summary>Makes upstream connections: circuit breaker, connect timeout, counters.</summary>
internal static class UpstreamConnector
{
    private const int AlertFlushMs = 1000;

    /// <summary>Whether the cluster's connection limit lets one more connection be made. Counts it; pair with <see cref="Released"/>.</summary>
    /// <param name="cluster">The cluster to connect to.</param>
    /// <param name="force">Lets the connection through above the limit; it still counts as an overflow.</param>
    public static bool TryReserve(WorkerCluster cluster, bool force = false)
    {
        if (cluster.Info.Resources.Connections.TryAcquire())
        {
            return true;
        }

        if (force)
        {
            cluster.Info.Resources.Connections.Acquire();
            cluster.Info.Stats.ConnectionOverflow.Increment();
            return true;
        }

        cluster.Info.Stats.ConnectionOverflow.Increment();
        return false;
    }

    /// <summary>
    /// Connects to a host after <see cref="TryReserve"/>, handshake included: the connect timeout covers both, as in Envoy. On failure the
    /// reservation is given back.
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public static async ValueTask<ConnectResult> ConnectAsync(WorkerCluster cluster, Host host, ConnectAttempt attempt, TransportSocketOptions? options = null)
    {
        var stats = cluster.Info.Stats;
        var startUs = cluster.Loop.NowUs;
        stats.ConnectionsTotal.Increment();
        stats.ConnectionsActive.Add(1);
        host.Stats.ConnectionStarted();
        var connection = Open(cluster, host);
        if (connection is null)
        {
            stats.ConnectFail.Increment();
            host.Stats.ConnectFailed();
            Released(cluster, host);
            return new ConnectResult(null, IoStatus.ConnectFailed);
        }

        attempt.Begin(connection, cluster.Info.ConnectTimeoutMs);
        var result = await connection.ConnectAsync(host.Address);
        ITransportSocket? transport = null;
        if (result.IsOk && cluster.Info.TransportSocket is { } factory)
        {
            try
            {
                connection.Transport = transport = factory.Create(connection, options);
                result = await transport.HandshakeAsync();
            }
            catch (Exception exception)
            {
                // The reservation has to come back, whatever an extension throws.
                cluster.Loop.ReportFault(exception, "a transport socket");
                result = new IoResult(IoStatus.TransportFailed);
            }
        }

        attempt.End();
        if (result.IsOk && !connection.IsClosed)
        {
            stats.ConnectMs.Record((cluster.Loop.NowUs - startUs) / 1000);
            return new ConnectResult(connection, IoStatus.Ok);
        }

        if (attempt.TimedOut)
        {
            stats.ConnectTimeout.Increment();
        }

        connection.Close(CloseType.FlushWrite, AlertFlushMs); // a failed handshake has an alert to send
        stats.ConnectFail.Increment();
        host.Stats.ConnectFailed();
        Released(cluster, host);
        return new ConnectResult(null, attempt.TimedOut ? IoStatus.TimedOut : attempt.Cancelled ? IoStatus.Aborted : transport is null ? IoStatus.ConnectFailed : IoStatus.TransportFailed, transport?.FailureReason);
    }

    /// <summary>A connection that was made here is gone: gives its place back.</summary>
    public static void Released(WorkerCluster cluster, Host host)
    {
        var stats = cluster.Info.Stats;
        stats.ConnectionsActive.Add(-1);
        stats.ConnectionsDestroyed.Increment();
        host.Stats.ConnectionEnded();
        cluster.Info.Resources.Connections.Release();
    }

    private static Connection? Open(WorkerCluster cluster, Host host)
    {
        var ops = cluster.Loop.SocketsFor(host.Address);
        if (ops.Create(host.Address, out var socket) != SocketStatus.Ok)
        {
            return null;
        }

        return new Connection(cluster.Loop, ops, socket, null, host.Address, cluster.Info.ConnectionOptions) { RemoteHostname = host.Hostname };
    }
}

/// <summary>The timeout and cancellation of one connect.</summary>
internal sealed class ConnectAttempt(EventLoop loop) : LoopTimer(loop)
{
    private Connection? _connection;

    public bool TimedOut { get; private set; }

    public bool Cancelled { get; private set; }

    public void Begin(Connection connection, long timeoutMs)
    {
        _connection = connection;
        TimedOut = false;
        Cancelled = false;
        Arm(timeoutMs);
    }

    public void End()
    {
        Cancel();
        _connection = null;
    }

    /// <summary>Gives the connect up.</summary>
    public void Abandon()
    {
        Cancelled = true;
        _connection?.Close(CloseType.NoFlush);
    }

    protected override void OnElapsed()
    {
        TimedOut = true;
        _connection?.Close(CloseType.NoFlush);
    }
}
