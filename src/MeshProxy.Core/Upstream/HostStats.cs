using System.Runtime.InteropServices;

namespace MeshProxy.Core.Upstream;

/// <summary>A host's load, as balancers and the admin page read it. Interlocked: every worker writes.</summary>
public sealed class HostStats
{
    private PaddedCounters _counters;

    /// <summary>Requests in flight.</summary>
    public long ActiveRequests => Volatile.Read(ref _counters.ActiveRequests);

    /// <summary>Open connections.</summary>
    public long ActiveConnections => Volatile.Read(ref _counters.ActiveConnections);

    public long TotalRequests => Volatile.Read(ref _counters.TotalRequests);

    public long TotalConnections => Volatile.Read(ref _counters.TotalConnections);

    public long ConnectFailures => Volatile.Read(ref _counters.ConnectFailures);

    internal void RequestStarted()
    {
        Interlocked.Increment(ref _counters.ActiveRequests);
        Interlocked.Increment(ref _counters.TotalRequests);
    }

    internal void RequestEnded() => Interlocked.Decrement(ref _counters.ActiveRequests);

    internal void ConnectionStarted()
    {
        Interlocked.Increment(ref _counters.ActiveConnections);
        Interlocked.Increment(ref _counters.TotalConnections);
    }

    internal void ConnectionEnded() => Interlocked.Decrement(ref _counters.ActiveConnections);

    internal void ConnectFailed() => Interlocked.Increment(ref _counters.ConnectFailures);

    /// <summary>A cache line before and after, so that two hosts never share one.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 168)]
    private struct PaddedCounters
    {
        [FieldOffset(64)]
        public long ActiveRequests;

        [FieldOffset(72)]
        public long TotalRequests;

        [FieldOffset(80)]
        public long ActiveConnections;

        [FieldOffset(88)]
        public long TotalConnections;

        [FieldOffset(96)]
        public long ConnectFailures;
    }
}
