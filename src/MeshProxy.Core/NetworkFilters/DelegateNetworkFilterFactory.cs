using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters;

/// <summary>Makes network filters by calling a function.</summary>
internal sealed class DelegateNetworkFilterFactory(Func<EventLoop, INetworkFilterBase> create, bool isTerminal) : INetworkFilterFactory
{
    public bool IsTerminal { get; } = isTerminal;

    public INetworkFilterBase Create(EventLoop worker) => create(worker);

    public void Dispose()
    {
    }
}
