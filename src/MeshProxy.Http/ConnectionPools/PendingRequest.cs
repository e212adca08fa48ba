using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>A request's place in a pool's queue. Each upstream request has one, for one wait at a time.</summary>
internal sealed class PendingRequest(EventLoop loop)
{
    private readonly LoopSource<bool> _wait = new(loop);
    private IUpstreamStream? _stream;

    public ConnectionPool? Pool { get; set; }

    public PendingRequest? Previous { get; set; }

    public PendingRequest? Next { get; set; }

    /// <summary>Why no stream could be assigned; <see cref="IoStatus.Ok"/> with one.</summary>
    public IoStatus Status { get; private set; }

    /// <summary>What the transport socket says of a connect that failed (TLS); null if it has no part in it.</summary>
    public string? FailureReason { get; private set; }

    /// <summary>The wait: completes when a stream was assigned, or none can be, or it was cancelled.</summary>
    public ValueTask<bool> Task { get; private set; }

    public void Start()
    {
        _stream = null;
        Task = _wait.WaitAsync();
    }

    public void Complete(IUpstreamStream? stream, IoStatus status, string? failureReason = null)
    {
        FailureReason = failureReason;
        _stream = stream;
        Status = status;
        _wait.CompleteQueued(true);
    }

    /// <summary>Leaves the queue, if it stands in one; a stream that was assigned meanwhile goes back.</summary>
    public void Cancel()
    {
        if (Pool is { } pool)
        {
            pool.Remove(this);
            Complete(null, IoStatus.Aborted);
        }
        else
        {
            Take()?.ReturnUnused();
        }
    }

    /// <summary>What was assigned; null if nothing could be.</summary>
    public IUpstreamStream? Take()
    {
        var stream = _stream;
        _stream = null;
        return stream;
    }
}
