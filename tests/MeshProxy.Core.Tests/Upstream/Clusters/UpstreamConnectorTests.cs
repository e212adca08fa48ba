using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Server;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Tests.Server;
using MeshProxy.Core.TransportSockets;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Upstream.Clusters;

public sealed class UpstreamConnectorTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Connect_ATransportSocketThatThrows_GivesItsPlaceBack(bool whenMade)
    {
        await using var upstream = await new ServerHarness(EventLoopKind.Auto).StartAsync(ServerHarness.Listener());
        var registries = BuiltInExtensions.CreateRegistries();
        registries.Get<UpstreamTransportSocketRegistry>().Add("faulty", _ => new Faulty(whenMade));
        await using var proxy = new MeshProxyServer(
            new MeshProxyOptions { Concurrency = 1 },
            new ServerConfig
            {
                Listeners =
                [
                    ServerHarness.Listener() with
                    {
                        FilterChains =
                        [
                            new FilterChainConfig
                            {
                                Filters = [new ExtensionConfig("envoy.filters.network.tcp_proxy", new TcpProxyConfig { StatPrefix = "tcp", Cluster = "upstream" })],
                            },
                        ],
                    },
                ],
                Clusters =
                [
                    new ClusterConfig
                    {
                        Name = "upstream",
                        LoadAssignment = [new LocalityLbEndpointsConfig { LbEndpoints = [new LbEndpointConfig { Address = upstream.Server.GetListenerAddress("main") }] }],
                        TransportSocket = new ExtensionConfig("faulty"),
                    },
                ],
            },
            registries);
        await proxy.StartAsync().WaitAsync(ServerHarness.Patience);

        using (var client = await Client.ConnectAsync(proxy.GetListenerAddress("main")))
        {
            await client.ShouldBeClosedAsync();
        }

        ((CellStat)proxy.Stats.Find("cluster.upstream.upstream_cx_total")!).Value.ShouldBe(1);
        ((CellStat)proxy.Stats.Find("cluster.upstream.upstream_cx_connect_fail")!).Value.ShouldBe(1);
        ((CellStat)proxy.Stats.Find("cluster.upstream.upstream_cx_active")!).Value.ShouldBe(0);
    }

    private sealed class Faulty(bool whenMade) : ITransportSocketFactory, ITransportSocket
    {
        public bool IsSecure => false;

        public ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
            whenMade ? throw new InvalidOperationException("made badly") : this;

        public ValueTask<IoResult> HandshakeAsync() => throw new InvalidOperationException("no hands");

        public ValueTask<IoResult> ReadAsync(MeshProxy.Core.Buffers.IoBuffer into) => throw new NotSupportedException();

        public ValueTask<IoResult> WriteAsync(MeshProxy.Core.Buffers.IoBuffer data, bool endStream) => throw new NotSupportedException();

        public void Close(CloseType how)
        {
        }
    }
}
