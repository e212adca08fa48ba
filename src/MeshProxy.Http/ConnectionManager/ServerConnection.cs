namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// The protocol's side of a downstream connection (Envoy: <c>ServerConnection</c>): makes streams of the bytes that its
/// <see cref="DownstreamConnection"/> reads.
/// </summary>
internal abstract class ServerConnection(DownstreamConnection downstream)
{
    public DownstreamConnection Downstream { get; } = downstream;

    public HttpWorker Worker => Downstream.Worker;

    /// <summary>Whether no stream is under way, not even a part of a head.</summary>
    public abstract bool IsIdle { get; }

    /// <summary>Whether a request is under way that has been counted.</summary>
    public abstract bool HasActiveRequest { get; }

    /// <summary>Bytes have arrived, or the peer has ended; or <see cref="DownstreamConnection.QueueInput"/> was called. Not on the stack of a stream.</summary>
    public abstract void OnInput();

    /// <summary>No new request is wanted: the connection ends when those that are under way, or already on their way, have been answered.</summary>
    public abstract void Drain();

    /// <summary>The connection is closed: its streams end.</summary>
    public abstract void OnClosed();

    /// <summary>Gives back what it holds. Runs last.</summary>
    public abstract void OnDestroy();
}
