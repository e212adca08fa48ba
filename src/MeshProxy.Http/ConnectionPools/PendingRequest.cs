using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>A request's place in a pool's queue. Each router filter has one, for one wait at a time.</summary>
internal sealed class PendingRequest(EventLoop loop)
{
    private readonly LoopSource<bool> _wait = new(loop);

    public HttpConnectionPool? Pool { get; set; }

    public PendingRequest? Previous { get; set; }

    public PendingRequest? Next { get; set; }

    /// <summary>The connection that was assigned; null if none could be.</summary>
    public Http1ClientConnection? Connection { get; private set; }

    public IoStatus Status { get; private set; }

    /// <summary>The wait: completes when a connection was assigned, or none can be, or it was cancelled.</summary>
    public ValueTask<bool> Task { get; private set; }

    public void Start()
    {
        Connection = null;
        Task = _wait.WaitAsync();
    }

    public void Complete(Http1ClientConnection? connection, IoStatus status)
    {
        Connection = connection;
        Status = status;
        _wait.CompleteQueued(true);
    }

    /// <summary>Leaves the queue, if it stands in one; a connection that was assigned meanwhile goes back.</summary>
    public void Cancel()
    {
        if (Pool is { } pool)
        {
            pool.Remove(this);
            Complete(null, IoStatus.Aborted);
        }
        else if (Connection is { } connection)
        {
            Connection = null;
            connection.ReturnUnused();
        }
    }

    public Http1ClientConnection? Take()
    {
        var connection = Connection;
        Connection = null;
        return connection;
    }
}
