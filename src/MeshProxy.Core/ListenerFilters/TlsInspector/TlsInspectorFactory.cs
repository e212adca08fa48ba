using MeshProxy.Core.Config;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.ListenerFilters.TlsInspector;

/// <summary>What all connections of one configured tls_inspector share.</summary>
internal sealed class TlsInspectorFactory(TlsInspectorConfig config, ListenerFilterFactoryContext context) : IListenerFilterFactory
{
    public const string Name = "envoy.filters.listener.tls_inspector";

    public TlsInspectorConfig Config { get; } = config;

    public TlsInspectorStats Stats { get; } = new(context.Stats.Scope("tls_inspector"));

    public IListenerFilter Create(EventLoop worker) => new TlsInspectorFilter(this);

    public void Dispose()
    {
    }
}
