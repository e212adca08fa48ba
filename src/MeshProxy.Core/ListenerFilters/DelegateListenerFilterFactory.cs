using MeshProxy.Core.Event;

namespace MeshProxy.Core.ListenerFilters;

/// <summary>Makes listener filters by calling a function.</summary>
internal sealed class DelegateListenerFilterFactory(Func<EventLoop, IListenerFilter> create) : IListenerFilterFactory
{
    public IListenerFilter Create(EventLoop worker) => create(worker);

    public void Dispose()
    {
    }
}
