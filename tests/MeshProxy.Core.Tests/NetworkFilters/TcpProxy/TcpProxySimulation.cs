using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters.TcpProxy;
using MeshProxy.Core.Streams;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.NetworkFilters.TcpProxy;

/// <summary>A tcp_proxy on a simulated loop between scripted clients and a scripted upstream.</summary>
internal sealed class TcpProxySimulation
{
    public static readonly NetworkAddress ProxyAddress = NetworkAddress.Loopback(80);
    public static readonly NetworkAddress UpstreamAddress = NetworkAddress.Loopback(9000);
    public static readonly NetworkAddress SecondAddress = NetworkAddress.Loopback(9001);
    public static readonly TcpProxyConfig BaseConfig = new() { StatPrefix = "test", Cluster = "up" };

    public TcpProxySimulation(
        TcpProxyConfig? config = null, SimulatedNetworkOptions? network = null, ConnectionOptions? downstream = null, params ClusterConfig[] clusters)
    {
        Network = new SimulatedNetwork(network);
        Loop = Network.CreateLoop();
        Server = new FilterServer([Loop.Loop], clusters.Length > 0 ? clusters : [FilterServer.Cluster("up", UpstreamAddress)]);
        Factory = new TcpProxyFilterFactory(config ?? BaseConfig, Server.Context, static _ => new Random(1));
        Host = Loop.Run(() => new FilterHost(Loop.Loop, ProxyAddress, [Factory], downstream));
        Upstream = Network.ListenPeer(UpstreamAddress);
    }

    public SimulatedNetwork Network { get; }

    public SimulatedLoop Loop { get; }

    public FilterServer Server { get; }

    public TcpProxyFilterFactory Factory { get; }

    public FilterHost Host { get; }

    public SimulatedListener Upstream { get; }

    /// <summary>What the only connection was when it ended.</summary>
    public StreamInfo Info => Host.Ended.ShouldHaveSingleItem();

    /// <summary>A client and the upstream's end of its connection.</summary>
    public (SimulatedPeer Client, SimulatedPeer Server) Connect()
    {
        var client = Network.ConnectPeer(ProxyAddress);
        Network.RunUntilIdle();
        return (client, Upstream.Connections[^1]);
    }

    public SimulatedPeer ConnectClient()
    {
        var client = Network.ConnectPeer(ProxyAddress);
        Network.RunUntilIdle();
        return client;
    }

    /// <summary>Nothing of any connection is left.</summary>
    public void ShouldBeAtRest()
    {
        Network.RunUntilIdle();
        Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
        Loop.Loop.ArmedTimers.ShouldBe(0);
        Loop.Loop.RegisteredSockets.ShouldBe(1);
        Loop.Loop.Faults.ShouldBe(0);
        Host.Ended.Count.ShouldBe(Host.Connections.Count);
        Server.Gauge("cluster.up.upstream_cx_active").ShouldBe(0);
        Server.Gauge("tcp.test.upstream_flush_active").ShouldBe(0);
        Server.Gauge("tcp.test.downstream_cx_tx_bytes_buffered").ShouldBe(0);
        Server.Gauge("tcp.test.downstream_cx_rx_bytes_buffered").ShouldBe(0);
    }
}
