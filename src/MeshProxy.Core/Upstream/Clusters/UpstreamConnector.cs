using System.Runtime.CompilerServices;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>How a connect ended: with a connection, or with the reason why not.</summary>
internal readonly record struct ConnectResult(Connection? Connection, IoStatus Status);

/// <summary>Makes upstream connections: circuit breaker, connect timeout, counters.</summary>
internal static class UpstreamConnector
{
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

    /// <summary>Connects to a host after <see cref="TryReserve"/>. On failure the reservation is given back.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public static async ValueTask<ConnectResult> ConnectAsync(WorkerCluster cluster, Host host, ConnectAttempt attempt)
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

        stats.ConnectFail.Increment();
        host.Stats.ConnectFailed();
        Released(cluster, host);
        return new ConnectResult(null, attempt.TimedOut ? IoStatus.TimedOut : attempt.Cancelled ? IoStatus.Aborted : IoStatus.ConnectFailed);
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

        return new Connection(cluster.Loop, ops, socket, null, host.Address, cluster.Info.ConnectionOptions);
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
