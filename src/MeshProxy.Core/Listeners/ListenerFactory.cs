using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.TransportSockets;

namespace MeshProxy.Core.Listeners;

/// <summary>Builds a version of a listener from its validated config. Control side.</summary>
internal sealed class ListenerFactory(ListenerContext context)
{
    private readonly EventLoop[] _loops = [.. context.Workers.Select(w => w.Loop)];

    /// <param name="old">The version that this one takes the place of.</param>
    /// <param name="keepChains">Whether chains whose config is equal go on with their connections.</param>
    /// <exception cref="ConfigException">A factory refused its config.</exception>
    public Listener Create(ListenerConfig config, Listener? old, bool keepChains)
    {
        var stats = keepChains ? old!.Stats : new ListenerStats(context.Stats, config);
        var made = new List<IDisposable>();
        try
        {
            var kept = keepChains ? old!.AllChains.ToList() : [];
            FilterChain Chain(FilterChainConfig chain)
            {
                if (kept.Find(c => c.Config == chain) is { } same)
                {
                    kept.Remove(same);
                    return same;
                }

                var fresh = CreateChain(chain, stats);
                made.Add(fresh);
                return fresh;
            }

            var chains = config.FilterChains.Select(Chain).ToArray();
            var defaultChain = config.DefaultFilterChain is { } chain ? Chain(chain) : null;
            return new Listener
            {
                Config = config,
                Stats = stats,
                Chains = chains,
                DefaultChain = defaultChain,
                Matcher = new FilterChainMatcher<FilterChain>(config.FilterChains, chains, defaultChain),
                ListenerFilters = keepChains ? old!.ListenerFilters : CreateListenerFilters(config, stats, made),
                ConnectionOptions = new ConnectionOptions
                {
                    BufferLimitBytes = config.PerConnectionBufferLimitBytes,
                    NoDelay = config.TcpNoDelay,
                    Keepalive = config.TcpKeepalive,
                },
                Limiter = old?.Limiter ?? new ConnectionLimiter(),
                Balancer = config.ConnectionBalanceConfig == ConnectionBalance.ExactBalance
                    ? old?.Balancer ?? new ExactBalancer(_loops.Length)
                    : null,
                AccessLogs = keepChains ? old!.AccessLogs : CreateAccessLogs(config, made),
            };
        }
        catch
        {
            made.ForEach(static thing => thing.Dispose());
            if (!keepChains)
            {
                stats.Dispose();
            }

            throw;
        }
    }

    private FilterChain CreateChain(FilterChainConfig config, ListenerStats stats)
    {
        var registry = context.Registries.Get<NetworkFilterRegistry>();
        var chain = new FilterChain(config, _loops.Length);
        var filterContext = new NetworkFilterFactoryContext(context.Clusters, context.Registries)
        {
            Stats = context.Stats.Root,
            ListenerStats = stats.Scope,
            Workers = _loops,
            LoggerFactory = context.LoggerFactory,
            Services = context.Services,
            Diagnostics = context.Diagnostics,
            AccessLogs = context.AccessLogs,
            IsDraining = () => chain.IsDraining,
        };
        var factories = new List<INetworkFilterFactory>();
        try
        {
            foreach (var filter in config.Filters)
            {
                factories.Add(registry.Create(filter, filterContext));
            }

            chain.SetFactories([.. factories], CreateTransportSocket(config, stats));
        }
        catch
        {
            factories.ForEach(static factory => factory.Dispose());
            throw;
        }

        return chain;
    }

    private ITransportSocketFactory? CreateTransportSocket(FilterChainConfig config, ListenerStats stats) =>
        context.Registries.Find<DownstreamTransportSocketRegistry>()?.CreateFactory(config.TransportSocket, new TransportSocketFactoryContext
        {
            Stats = stats.Scope,
            LoggerFactory = context.LoggerFactory,
            TlsImplementation = context.TlsImplementation,
            Services = context.Services,
            Registries = context.Registries,
        });

    private IAccessLog[] CreateAccessLogs(ListenerConfig config, List<IDisposable> made)
    {
        var logs = context.AccessLogs.CreateAll(config.AccessLog, AccessLogFormat.DefaultTcp, $"listeners[\"{config.Name}\"]");
        made.AddRange(logs);
        return logs;
    }

    private IListenerFilterFactory[] CreateListenerFilters(ListenerConfig config, ListenerStats stats, List<IDisposable> made)
    {
        if (config.ListenerFilters.IsEmpty)
        {
            return [];
        }

        var registry = context.Registries.Get<ListenerFilterRegistry>();
        var filterContext = new ListenerFilterFactoryContext
        {
            Stats = context.Stats.Root,
            ListenerStats = stats.Scope,
            LoggerFactory = context.LoggerFactory,
            Services = context.Services,
        };
        var factories = new IListenerFilterFactory[config.ListenerFilters.Count];
        for (var i = 0; i < factories.Length; i++)
        {
            factories[i] = registry.Create(config.ListenerFilters[i], filterContext);
            made.Add(factories[i]);
        }

        return factories;
    }
}
