using MeshProxy.Core.Config;
using MeshProxy.Core.Stats;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.ListenerFilters;

/// <summary>The listener filters that a server knows, by name.</summary>
internal sealed class ListenerFilterRegistry()
    : ExtensionRegistry<ListenerFilterFactoryContext, IListenerFilterFactory>(ExtensionCategory.ListenerFilter);

/// <summary>What a listener filter's factory may use of the server that it is part of.</summary>
public sealed class ListenerFilterFactoryContext
{
    internal ListenerFilterFactoryContext()
    {
    }

    /// <summary>The root of the server's stats.</summary>
    public required StatsScope Stats { get; init; }

    /// <summary>The scope of the listener: <c>listener.ADDRESS</c>.</summary>
    public required StatsScope ListenerStats { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>The host app's services; null without dependency injection.</summary>
    public IServiceProvider? Services { get; init; }
}
