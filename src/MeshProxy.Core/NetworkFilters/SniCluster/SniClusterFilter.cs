using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.NetworkFilters.SniCluster;

/// <summary>Lets tcp_proxy go to the cluster that has the name in the client's TLS hello (envoy.filters.network.sni_cluster).</summary>
/// <remarks>The client chooses among all clusters. A connection without a server name goes where tcp_proxy's config says.</remarks>
internal sealed class SniClusterFilter : IReadFilter
{
    private INetworkFilterCallbacks _callbacks = null!;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    public ValueTask<FilterStatus> OnNewConnectionAsync()
    {
        if (_callbacks.StreamInfo.RequestedServerName is { Length: > 0 } name)
        {
            _callbacks.StreamInfo.FilterState.Set(
                TcpProxyFilterState.Cluster, name, FilterStateLifeSpan.Connection, FilterStateMutability.Mutable);
        }

        return new ValueTask<FilterStatus>(FilterStatus.Continue);
    }

    public ValueTask<FilterStatus> OnDataAsync(IoBuffer data, bool endStream) => new(FilterStatus.Continue);
}
