using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;

namespace MeshProxy.Samples.DocSnippets;

/// <summary>docs/listener-filters.md.</summary>
internal static class ListenerFilters
{
    public static void ByName(ListenerBuilder listener)
    {
        listener
            .ProxyProtocol()
            .TlsInspector()
            .FilterChain("orders", chain => chain
                .Match(new() { ServerNames = ["orders.example.com"] })
                .TcpProxy("orders", "orders"))
            .FilterChain("by name", chain => chain
                .Match(new() { TransportProtocol = "tls" })
                .SniCluster()
                .TcpProxy("by_name", "elsewhere"));
    }

    public static void Tlvs(ListenerBuilder listener)
    {
        listener.ProxyProtocol(new()
        {
            Rules = [new() { TlvType = 0xEA, OnTlvPresent = new() { Key = "aws-vpce-id" } }],
            DisallowedVersions = [ProxyProtocolVersion.V1],
            PassThroughTlvs = new() { MatchType = ProxyProtocolTlvMatch.Include, TlvType = [0xEA] },
        });
    }

    public static void OriginalDst(MeshProxyBuilder proxy)
    {
        proxy
            .Listener("outbound", "0.0.0.0:15001", listener => listener
                .OriginalDst(useOriginalDst: true)
                .FilterChain(chain => chain.TcpProxy("passthrough", "passthrough")))
            .Listener("orders", "10.96.0.17:80", listener => listener
                .Configure(c => c with { BindToPort = false })
                .FilterChain(chain => chain.TcpProxy("orders", "orders")));
    }

    public static void Upstream(ClusterBuilder cluster)
    {
        cluster
            .Endpoints("10.0.0.5:443")
            .ProxyProtocol(new() { Version = ProxyProtocolVersion.V2, PassThroughTlvs = new() });
    }
}
