namespace MeshProxy.Core.Listeners;

/// <summary>Open connections of a listener over all workers; outlives the listener's updates. Any thread.</summary>
internal sealed class ConnectionLimiter
{
    private int _open;

    /// <summary>Takes a place if one is free.</summary>
    public bool TryAcquire(int max)
    {
        if (Interlocked.Increment(ref _open) <= max)
        {
            return true;
        }

        Interlocked.Decrement(ref _open);
        return false;
    }

    public void Release() => Interlocked.Decrement(ref _open);
}
