using MeshProxy.Core.Event;

namespace MeshProxy.Core.ListenerFilters.HttpInspector;

/// <summary>The counters that all connections share.</summary>
internal sealed class HttpInspectorFactory(ListenerFilterFactoryContext context) : IListenerFilterFactory
{
    public const string Name = "envoy.filters.listener.http_inspector";

    public HttpInspectorStats Stats { get; } = new(context.Stats.Scope("http_inspector"));

    public IListenerFilter Create(EventLoop worker) => new HttpInspectorFilter(Stats);

    public void Dispose()
    {
    }
}
