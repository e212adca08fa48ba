using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Http.Config;
using MeshProxy.Http.FilterChain;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.TestSupport.Http;

/// <summary>What a test of the exchange wants to have otherwise than by default.</summary>
internal sealed record HttpExchangeOptions
{
    public Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> Manager { get; init; } = static c => c;

    public Func<ClusterConfig, ClusterConfig> Cluster { get; init; } = static c => c;

    public Func<RouteActionConfig, RouteActionConfig> Route { get; init; } = static r => r;

    public Func<RouteConfig, RouteConfig> RouteEntry { get; init; } = static r => r;

    /// <summary>Filters before the router, in the order of decoding; each makes the instance for one stream.</summary>
    public IReadOnlyList<Func<IStreamFilterBase>> Filters { get; init; } = [];

    /// <summary>Known to the cluster under the name "test".</summary>
    public ITransportSocketFactory? TransportSocket { get; init; }

    /// <summary>Takes the lines of an access log in this format.</summary>
    public string? AccessLogFormat { get; init; }

    public SimulatedNetworkOptions Network { get; init; } = new();

    /// <summary>Envoy's <c>per_connection_buffer_limit_bytes</c>, downstream.</summary>
    public int BufferLimitBytes { get; init; } = 1024 * 1024;
}
