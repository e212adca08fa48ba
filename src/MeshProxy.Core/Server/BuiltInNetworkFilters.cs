using MeshProxy.Core.Config;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.NetworkFilters.ConnectionLimit;
using MeshProxy.Core.NetworkFilters.DirectResponse;
using MeshProxy.Core.NetworkFilters.Echo;
using MeshProxy.Core.NetworkFilters.LocalRateLimit;
using MeshProxy.Core.NetworkFilters.SniCluster;
using MeshProxy.Core.NetworkFilters.TcpProxy;

namespace MeshProxy.Core.Server;

/// <summary>The network filters that every server knows.</summary>
internal static class BuiltInNetworkFilters
{
    /// <summary>Registers them under Envoy's names. Call it once for each server's registry: what filters share is shared within that.</summary>
    public static void Register(NetworkFilterRegistry registry)
    {
        var buckets = new SharedTokenBuckets();
        registry.Add<TcpProxyConfig>(
            TcpProxyFilterFactory.Name, new TcpProxyConfigValidator(), static (c, x) => new TcpProxyFilterFactory(c, x), isTerminal: true);
        registry.Add<DirectResponseConfig>(
            DirectResponseFilterFactory.Name, null, static (c, _) => new DirectResponseFilterFactory(c), isTerminal: true);
        registry.Add<ConnectionLimitConfig>(
            ConnectionLimitFilterFactory.Name, new ConnectionLimitConfigValidator(), static (c, x) => new ConnectionLimitFilterFactory(c, x));
        registry.Add<LocalRateLimitConfig>(
            LocalRateLimitFilterFactory.Name, new LocalRateLimitConfigValidator(), (c, x) => new LocalRateLimitFilterFactory(c, x, buckets));
        registry.Add(SniClusterFilterFactory.Name, static _ => new SniClusterFilterFactory());
        registry.Add(EchoFilterFactory.Name, static _ => new EchoFilterFactory(), isTerminal: true);
    }
}
