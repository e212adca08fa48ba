namespace MeshProxy.Core.Event;

/// <summary>Brings the continuation of an <c>await</c> in user code back to the loop on which it began.</summary>
/// <remarks>A continuation that arrives after the loop has stopped is dropped: no thread may touch what the loop owned.</remarks>
internal sealed class LoopSynchronizationContext(EventLoop loop) : SynchronizationContext
{
    public override void Post(SendOrPostCallback d, object? state)
    {
        ArgumentNullException.ThrowIfNull(d);
        loop.PostMessage(d, state);
    }

    /// <exception cref="NotSupportedException">Called from another thread: to wait for a loop would block the caller.</exception>
    public override void Send(SendOrPostCallback d, object? state)
    {
        ArgumentNullException.ThrowIfNull(d);
        if (!loop.IsCurrent)
        {
            throw new NotSupportedException("a loop runs work of other threads only as a message: use Post");
        }

        d(state);
    }

    public override SynchronizationContext CreateCopy() => this;
}
