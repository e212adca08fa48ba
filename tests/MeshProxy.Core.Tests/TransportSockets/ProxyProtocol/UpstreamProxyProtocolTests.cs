using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Server;
using MeshProxy.Core.Tests.Server;
using MeshProxy.Core.Tests.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.TransportSockets.ProxyProtocol;

/// <summary>A proxy whose cluster is a listener of the same server: what that one reads is what the transport socket wrote.</summary>
public sealed class UpstreamProxyProtocolTests
{
    private const string TransportName = "envoy.transport_sockets.upstream_proxy_protocol";

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Header_StandsBeforeTheClientsBytes_AndTellsOfTheClient(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).Terminal("tell", static () => new AddressFilter());
        using var client = await StartAsync(h, new ProxyProtocolConfig { Version = ProxyProtocolVersion.V2 });
        await client.SendAsync("hello");
        var answer = await client.ReceiveAsync(1000);
        answer.ShouldBe($"{client.Socket.LocalEndPoint} {h.Server.GetListenerAddress("main")} hello");
        client.Dispose();
        await h.NothingIsLeftAsync();
        h.Counter("proxy_proto.versions.v2.found").ShouldBe(1);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Header_OfVersion1_IsSentEvenIfTheClientSendsNothing(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).Terminal("tell", static () => new AddressFilter());
        using var client = await StartAsync(h, new ProxyProtocolConfig());
        await h.StatIsAsync("proxy_proto.versions.v1.found", 1);
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        (await client.ReceiveAsync(1000)).ShouldBe($"{client.Socket.LocalEndPoint} {h.Server.GetListenerAddress("main")} ");
        client.Dispose();
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Header_StandsBeforeTls_WhoseChainIsThenChosenByName(EventLoopKind kind)
    {
        using var root = TestPki.Root();
        using var leaf = TestPki.Leaf(root, "b.example");
        await using var h = new ServerHarness(kind).Terminal("tell", static () => new AddressFilter());
        using var client = await StartAsync(
            h,
            new ProxyProtocolConfig { Version = ProxyProtocolVersion.V2 },
            new ExtensionConfig("envoy.transport_sockets.tls", UpstreamTlsTests.Context("b.example", root)),
            back => back with
            {
                ListenerFilters = back.ListenerFilters.Add(new ExtensionConfig("envoy.filters.listener.tls_inspector", new TlsInspectorConfig())),
                FilterChains =
                [
                    Chain("echo", new FilterChainMatchConfig { ServerNames = ["a.example"] }),
                    Chain("tell", new FilterChainMatchConfig { ServerNames = ["b.example"], TransportProtocol = "tls" }) with
                    {
                        TransportSocket = new ExtensionConfig("envoy.transport_sockets.tls", TlsServer.Context(leaf)),
                    },
                ],
            });
        await client.SendAsync("hello");
        (await client.ReceiveAsync(1000)).ShouldBe($"{client.Socket.LocalEndPoint} {h.Server.GetListenerAddress("main")} hello");
        client.Dispose();
        await h.NothingIsLeftAsync();
        h.Counter("tls_inspector.sni_found").ShouldBe(1);
    }

    [Fact]
    public void Config_WithUnknownInnerTransport_IsRefusedWithItsPath()
    {
        var errors = new ConfigErrors();
        new ProxyProtocolUpstreamTransportConfigValidator(new ExtensionValidator(BuiltInExtensions.CreateRegistries())).Validate(
            new ProxyProtocolUpstreamTransportConfig
            {
                TransportSocket = new ExtensionConfig("no.such"),
                Config = new ProxyProtocolConfig { PassThroughTlvs = new ProxyProtocolPassThroughTlvsConfig { TlvType = [256] } },
            },
            errors);
        errors.All.Select(e => e.Path).ShouldBe(["transport_socket.name", "config.pass_through_tlvs.tlv_type[0]"]);
    }

    /// <summary>A client of "main", which relays to the internal listener "back".</summary>
    private static async Task<Client> StartAsync(
        ServerHarness h, ProxyProtocolConfig config, ExtensionConfig? inner = null, Func<ListenerConfig, ListenerConfig>? with = null)
    {
        var back = Listener("back", "tell", "internal:back") with
        {
            ListenerFilters = [new ExtensionConfig("envoy.filters.listener.proxy_protocol", new ProxyProtocolListenerConfig())],
        };
        back = with?.Invoke(back) ?? back;
        var front = Listener() with
        {
            FilterChains =
            [
                new FilterChainConfig { Filters = [new ExtensionConfig("envoy.filters.network.tcp_proxy", new TcpProxyConfig { StatPrefix = "x", Cluster = "back" })] },
            ],
        };
        var cluster = new ClusterConfig
        {
            Name = "back",
            LoadAssignment = [new LocalityLbEndpointsConfig { LbEndpoints = [new LbEndpointConfig { Address = new InternalAddress("back") }] }],
            TransportSocket = new ExtensionConfig(TransportName, new ProxyProtocolUpstreamTransportConfig { Config = config, TransportSocket = inner }),
        };
        h.Create();
        await h.Server.StartAsync().WaitAsync(Patience);
        await h.Server.UpdateAsync(new ServerConfig { Listeners = [front, back], Clusters = [cluster] }).WaitAsync(Patience);
        return await h.ConnectAsync();
    }

    /// <summary>Answers the first bytes, or the end, with the addresses and those bytes.</summary>
    private sealed class AddressFilter : ITerminalFilter
    {
        private INetworkFilterCallbacks _callbacks = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            await _callbacks.ReadAsync(data);
            var text = Encoding.UTF8.GetString(data.ToArray());
            data.Clear();
            data.Append(Encoding.UTF8.GetBytes($"{_callbacks.StreamInfo.DownstreamRemoteAddress} {_callbacks.StreamInfo.DownstreamLocalAddress} {text}"));
            await _callbacks.WriteAsync(data, endStream: true);
        }
    }
}
