using MeshProxy.Core.Event;
using MeshProxy.Http.FilterChain;

namespace MeshProxy.Http.Router;

/// <summary>Makes routers.</summary>
internal sealed class RouterFilterFactory(HttpFilterFactoryContext context) : IHttpFilterFactory
{
    public const string FilterName = "envoy.filters.http.router";

    private readonly RouterStats _stats = new(context.Stats);

    public IStreamFilterBase Create(EventLoop worker) => new RouterFilter(_stats, context.Clusters.ForWorker(worker.Index), worker);
}
