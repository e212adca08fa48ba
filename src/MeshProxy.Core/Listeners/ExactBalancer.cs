namespace MeshProxy.Core.Listeners;

/// <summary>Knows how many connections of a listener each worker has, and names the one with the fewest (Envoy: <c>ExactBalance</c>).</summary>
/// <remarks>Any thread; a short lock for each new connection, which is what exactness costs.</remarks>
internal sealed class ExactBalancer(int workerCount)
{
    private readonly int[] _connections = new int[workerCount];
    private readonly Lock _lock = new();

    /// <summary>The worker with the fewest connections gets one more. Pair with <see cref="Release"/>.</summary>
    /// <param name="preferred">Wins a tie: the worker that accepted, which saves the hand-over.</param>
    public int Acquire(int preferred)
    {
        lock (_lock)
        {
            var best = preferred;
            for (var i = 0; i < _connections.Length; i++)
            {
                if (_connections[i] < _connections[best])
                {
                    best = i;
                }
            }

            _connections[best]++;
            return best;
        }
    }

    public void Release(int worker)
    {
        lock (_lock)
        {
            _connections[worker]--;
        }
    }
}
