namespace MeshProxy.Core.NetworkFilters;

/// <summary>What lives on one worker beyond its connections, counted by those who make it, so that a test sees what was left behind.</summary>
/// <remarks>Written and read on the worker's thread.</remarks>
internal sealed class WorkerDiagnostics
{
    /// <summary>Streams of the layer above: HTTP exchanges that have begun and not ended.</summary>
    public long ActiveStreams { get; set; }

    /// <summary>Calls of filters of streams that are gone, which have not returned yet.</summary>
    public long OutstandingFilterCalls { get; set; }
}
