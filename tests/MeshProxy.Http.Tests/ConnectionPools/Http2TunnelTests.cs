using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionPools;

/// <summary>Upgrades and CONNECT towards HTTP/2 upstreams, and tunnels that end here.</summary>
public class Http2TunnelTests
{
    private const ushort EnableConnectProtocol = 8;
    private const string Upgrade =
        "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
    private const string Connect = "CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n";

    [Fact]
    public void Upgrade_BecomesExtendedConnect_AndA200BecomesA101()
    {
        var h = Http2();
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h);
        server.Streams.ShouldBeEmpty(); // whether the peer takes it shows in its settings
        server.Hello((EnableConnectProtocol, 1));
        var request = server.Request(1);
        request[":method"].ShouldBe("CONNECT");
        request[":protocol"].ShouldBe("websocket");
        request[":path"].ShouldBe("/chat");
        request[":scheme"].ShouldBe("http");
        request[":authority"].ShouldBe("a");
        request["sec-websocket-version"].ShouldBe("13");
        request.Lines.ShouldNotContain(f => f.StartsWith("upgrade:") || f.StartsWith("connection:"));
        request.EndStream.ShouldBeFalse();

        server.Head(1, "200");
        client.ReceivedText.ShouldStartWith("HTTP/1.1 101 ");
        client.ReceivedText.ShouldContain("upgrade: websocket\r\n");
        client.ReceivedText.ShouldContain("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"); // RFC 6455 section 1.3
        h.Send(client, "from client");
        server.Body(1).ShouldBe("from client");
        server.Send(Http2Bytes.Data(1, "from upstream"));
        client.ReceivedText.ShouldEndWith("\r\n\r\nfrom upstream");
        h.Advance(TimeSpan.FromSeconds(20)); // past the route's timeout, which is not for tunnels
        server.Send(Http2Bytes.Data(1, "bye", endStream: true));
        client.ReceivedText.ShouldEndWith("bye");
        client.IsEnded.ShouldBeTrue();
        h.Send(client, "last words");
        client.ShutdownSend();
        h.Run();
        server.Body(1).ShouldBe("from clientlast words");
        server.IsEnded(1).ShouldBeTrue();
        server.ResetCode(1).ShouldBeNull();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_Refused_IsAPlainResponse()
    {
        var h = Http2();
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h).Hello((EnableConnectProtocol, 1));
        server.Send(Http2Bytes.Head(1, endStream: false, (":status", "403")), Http2Bytes.Data(1, "no", endStream: true));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 403 ");
        client.ReceivedText.ShouldContain("no");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Upgrade_NotTakenByPeerOrOurOptions_Is503(bool allowed)
    {
        var h = Http2(allowConnect: allowed);
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h).Hello((EnableConnectProtocol, allowed ? 0u : 1));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldEndWith("reset reason: local reset");
        server.Streams.ShouldBeEmpty();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_ClientGoes_ResetsTheStream()
    {
        var h = Http2();
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h).Hello((EnableConnectProtocol, 1));
        server.Head(1, "200");
        client.Reset();
        h.Run();

        server.ResetCode(1).ShouldBe(Http2ErrorCode.Cancel);
        server.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(10)]
    [InlineData(50_000)]
    public void Upgrade_ClientResetsBehindItsLastBytes_TheyAreSentBeforeTheReset(int count)
    {
        var h = Http2(network: new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h).Hello((EnableConnectProtocol, 1));
        server.Head(1, "200");
        client.Send(new string('x', count));
        client.Reset();
        h.Run();

        server.Body(1).Length.ShouldBe(count);
        server.ResetCode(1).ShouldBe(Http2ErrorCode.Cancel);
        server.IsEnded(1).ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_UpstreamResets_EndsTheClient()
    {
        var h = Http2();
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h).Hello((EnableConnectProtocol, 1));
        server.Head(1, "200");
        server.Send(Http2Bytes.RstStream(1, Http2ErrorCode.Cancel));

        client.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_UpstreamResetsBehindItsLastBytes_ClientGetsBoth()
    {
        var h = Http2(network: new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var client = h.Connect(Upgrade);
        var server = new Http2SimulatedServer(h).Hello((EnableConnectProtocol, 1));
        server.Head(1, "200");
        server.Send(Http2Bytes.Data(1, "last "), Http2Bytes.Data(1, "words"), Http2Bytes.RstStream(1, Http2ErrorCode.Cancel));

        client.ReceivedText.ShouldEndWith("\r\n\r\nlast words");
        client.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_IsForwardedAsConnect()
    {
        var h = Http2();
        var client = h.Connect(Connect);
        var server = new Http2SimulatedServer(h).Hello();
        var request = server.Request(1);
        request.Lines.ShouldContain(":method: CONNECT");
        request.Lines.ShouldContain(":authority: a:443");
        request.Lines.ShouldNotContain(f => f.StartsWith(":path") || f.StartsWith(":scheme"));
        server.Head(1, "200");
        h.Send(client, "hello");
        server.Send(Http2Bytes.Data(1, "there"));

        server.Body(1).ShouldBe("hello");
        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        client.ReceivedText.ShouldEndWith("\r\n\r\nthere");
        h.ShouldBeClean();
    }

    [Fact]
    public void ConnectConfig_EndsTheTunnelHere()
    {
        var h = Tcp();
        var client = h.Connect(Connect);
        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        h.Upstream.ReceivedText.ShouldBe("");
        h.Send(client, "hello");
        h.Upstream.ReceivedText.ShouldBe("hello");
        h.Reply("there");
        client.ReceivedText.ShouldEndWith("\r\n\r\nthere");
        h.Advance(TimeSpan.FromSeconds(20));
        h.Upstream.ShutdownSend();
        h.Run();
        client.IsEnded.ShouldBeTrue();
        h.Send(client, ", bye");
        client.ShutdownSend();
        h.Run();

        h.Upstream.ReceivedText.ShouldBe("hello, bye");
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Upstream.IsReset.ShouldBeFalse();
        h.Counter("cluster.c.upstream_cx_total").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void ConnectConfig_ClientEndsFirst_UpstreamGoesOn()
    {
        var h = Tcp();
        var client = h.Connect(Connect);
        client.Send("hello");
        client.ShutdownSend();
        h.Run();
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Reply("still here");
        client.ReceivedText.ShouldEndWith("still here");
        h.Upstream.Close();
        h.Run();

        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void ConnectConfig_UpstreamResets_EndsTheClient()
    {
        var h = Tcp();
        var client = h.Connect(Connect);
        h.Reply("part");
        h.Upstream.Reset();
        h.Run();

        client.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void ConnectConfig_ClientResets_ClosesTheUpstream()
    {
        var h = Tcp();
        var client = h.Connect(Connect);
        client.Reset();
        h.Run();

        h.Upstream.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ConnectConfig_OneSideResetsBehindItsLastBytes_TheOtherGetsBoth(bool byClient)
    {
        var h = Tcp(new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var client = h.Connect(Connect);
        var (one, other) = byClient ? (client, h.Upstream) : (h.Upstream, client);
        one.Send("last words");
        one.Reset();
        h.Run();

        other.ReceivedText.ShouldEndWith("last words");
        other.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void ConnectConfig_UpstreamRefuses_Is503()
    {
        var h = Tcp();
        h.Network.RefuseConnects(h.UpstreamAddress);
        var client = h.Connect(Connect);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void ConnectConfig_Post_IsATunnelOnlyIfAllowed(bool allowed)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Route = r => r with { UpgradeConfigs = [new UpgradeConfig("CONNECT") { ConnectConfig = new ConnectConfig { AllowPost = allowed } }] },
        });
        var client = h.Connect("POST /t HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
        if (allowed)
        {
            h.Upstream.ReceivedText.ShouldBe("hello");
            h.Reply("there");
            client.ReceivedText.ShouldEndWith("5\r\nthere\r\n");
        }
        else
        {
            h.Upstream.ReceivedText.ShouldStartWith("POST /t HTTP/1.1\r\n");
        }

        h.ShouldBeClean();
    }

    private static HttpExchangeHarness Http2(bool allowConnect = true, SimulatedNetworkOptions? network = null) => new(new HttpExchangeOptions
    {
        Network = network ?? new(),
        Manager = m => m with { UpgradeConfigs = [new UpgradeConfig("websocket"), new UpgradeConfig("CONNECT")] },
        Cluster = c => c with
        {
            TypedExtensionProtocolOptions =
            [
                new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions
                {
                    ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions { AllowConnect = allowConnect } },
                }),
            ],
        },
    });

    private static HttpExchangeHarness Tcp(SimulatedNetworkOptions? network = null) => new(new HttpExchangeOptions
    {
        Network = network ?? new(),
        Manager = m => m with
        {
            RouteConfig = m.RouteConfig with
            {
                VirtualHosts =
                [
                    new VirtualHostConfig
                    {
                        Name = "v",
                        Domains = ["*"],
                        Routes =
                        [
                            new RouteConfig
                            {
                                Match = new RouteMatchConfig { ConnectMatcher = true },
                                Route = new RouteActionConfig { Cluster = "c", UpgradeConfigs = [new UpgradeConfig("CONNECT") { ConnectConfig = new ConnectConfig() }] },
                            },
                        ],
                    },
                ],
            },
        },
    });
}
