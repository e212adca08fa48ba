using MeshProxy.Core.Event;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.FilterChain;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What one worker keeps for one connection manager: recycled streams and filter chains. Worker thread only.</summary>
internal sealed class HttpWorker(HttpConnectionManager shared, EventLoop loop, WorkerClusters clusters, WorkerDiagnostics diagnostics)
{
    private const int MaxRecycled = 1024;

    private readonly Stack<ActiveStream> _streams = new();
    private readonly Stack<HttpFilterChain> _chains = new();

    public HttpConnectionManager Shared { get; } = shared;

    public EventLoop Loop { get; } = loop;

    public WorkerClusters Clusters { get; } = clusters;

    /// <summary>Counts the streams of all connection managers of this worker.</summary>
    public WorkerDiagnostics Diagnostics { get; } = diagnostics;

    public ActiveStream Rent() => _streams.TryPop(out var stream) ? stream : new ActiveStream(this);

    public void Return(ActiveStream stream)
    {
        if (_streams.Count < MaxRecycled)
        {
            _streams.Push(stream);
        }
    }

    public HttpFilterChain RentChain() => _chains.TryPop(out var chain) ? chain : Shared.CreateChain(this);

    /// <summary>Ends the filters' life, and keeps the chain if all of them can start another.</summary>
    public void ReturnChain(HttpFilterChain chain)
    {
        var keep = chain.IsReusable && _chains.Count < MaxRecycled;
        chain.Destroy(keep);
        if (keep)
        {
            _chains.Push(chain);
        }
    }
}
