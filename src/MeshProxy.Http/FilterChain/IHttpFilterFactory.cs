using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Http.FilterChain;

/// <summary>One configured HTTP filter: made on the control side, shared by all workers.</summary>
public interface IHttpFilterFactory
{
    /// <summary>Whether the filter answers every request and so must stand last (the router).</summary>
    bool IsTerminal => false;

    /// <summary>Makes the instance for one stream, on the stream's worker.</summary>
    IStreamFilterBase Create(EventLoop worker);
}

/// <summary>What an HTTP filter's factory may use of the server that it is part of.</summary>
public sealed class HttpFilterFactoryContext
{
    internal HttpFilterFactoryContext(ClusterManager clusters) => Clusters = clusters;

    /// <summary>The connection manager's scope, <c>http.STAT_PREFIX</c>.</summary>
    public required StatsScope Stats { get; init; }

    public required ILoggerFactory LoggerFactory { get; init; }

    /// <summary>The host app's services; null without dependency injection.</summary>
    public IServiceProvider? Services { get; init; }

    internal ClusterManager Clusters { get; }
}

/// <summary>The HTTP filters that a server knows, by name.</summary>
internal sealed class HttpFilterRegistry()
    : ExtensionRegistry<HttpFilterFactoryContext, IHttpFilterFactory>(Core.Config.ExtensionCategory.HttpFilter);

/// <summary>A factory from a delegate.</summary>
internal sealed class DelegateHttpFilterFactory(Func<EventLoop, IStreamFilterBase> create, bool isTerminal = false) : IHttpFilterFactory
{
    public bool IsTerminal { get; } = isTerminal;

    public IStreamFilterBase Create(EventLoop worker) => create(worker);
}
