using MeshProxy.Core.Config;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.ListenerFilters.OriginalDst;

/// <summary>Refuses systems that cannot tell where a connection was redirected from.</summary>
internal sealed class OriginalDstFilterFactory : IListenerFilterFactory
{
    public const string Name = "envoy.filters.listener.original_dst";

    /// <exception cref="ConfigException">This is not Linux.</exception>
    public OriginalDstFilterFactory()
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new ConfigException([new ConfigError("listener_filters", $"{Name} needs Linux: no other system tells where a connection was redirected from")]);
        }
    }

    public IListenerFilter Create(EventLoop worker) => OriginalDstFilter.Instance;

    public void Dispose()
    {
    }
}
