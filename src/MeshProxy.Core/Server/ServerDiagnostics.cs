namespace MeshProxy.Core.Server;

/// <summary>What lives on the workers, summed: zero everywhere when nothing is under way. For tests and for hunting leaks.</summary>
/// <param name="ActiveConnections">Downstream connections.</param>
/// <param name="ArmedTimers">Timers of connections, streams and pools.</param>
/// <param name="SlabsInUse">Blocks of buffer memory that somebody holds.</param>
/// <param name="ActiveStreams">Streams of the layer above, such as HTTP requests.</param>
/// <param name="OutstandingFilterCalls">Calls of filters whose stream is gone, which have not returned.</param>
/// <param name="RegisteredSockets">Sockets that are watched, listen sockets and idle upstream connections among them.</param>
public sealed record ServerDiagnostics(
    long ActiveConnections, long ArmedTimers, long SlabsInUse, long ActiveStreams, long OutstandingFilterCalls, long RegisteredSockets)
{
    /// <summary>The bytes of those blocks, by their size.</summary>
    public long SlabBytesInUse { get; init; }
}
