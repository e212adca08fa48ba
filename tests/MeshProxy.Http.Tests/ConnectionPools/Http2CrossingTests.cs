using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionPools;

/// <summary>HTTP/2 clients in front of HTTP/2 and HTTP/1.1 upstreams: what must be the same on both sides, and what must not cross.</summary>
public class Http2CrossingTests
{
    [Fact]
    public void Exchange_HeadsBodiesAndTrailers_Cross()
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(
            Http2Bytes.Request(1, "POST", "/path", endStream: false, ("te", "trailers"), ("cookie", "a=1"), ("cookie", "b=2"), ("x-up", "1")),
            Http2Bytes.Data(1, "hel"),
            Http2Bytes.Data(1, "lo"),
            Http2Bytes.Head(1, endStream: true, ("x-sum", "17")));
        var server = new Http2SimulatedServer(h).Hello();
        var request = server.Request(1);
        request[":path"].ShouldBe("/path");
        request[":authority"].ShouldBe("a");
        request["te"].ShouldBe("trailers");
        request["cookie"].ShouldBe("a=1; b=2");
        request["x-up"].ShouldBe("1");
        request["content-length"].ShouldBeNull();
        server.Body(1).ShouldBe("hello");
        server.Of(1).Last(f => f.Type == Http2FrameType.Headers).Lines.ShouldBe(["x-sum: 17"]);

        server.Head(1, "200", ("content-type", "application/grpc"));
        server.Send(Http2Bytes.Data(1, "there"));
        client.Body(1).ShouldBe("there");
        server.Send(Http2Bytes.Head(1, endStream: true, ("grpc-status", "0")));
        client.Status(1).ShouldBe("200");
        client.Of(1).Last(f => f.Type == Http2FrameType.Headers).Lines.ShouldBe(["grpc-status: 0"]);
        client.IsEnded(1).ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void UseDownstreamProtocol_Http2Request_GoesByHttp2()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Cluster = c => With(c, new HttpClusterProtocolOptions { UseDownstreamProtocolConfig = new() }) });
        var client = new Http2SimulatedClient(h);
        client.Send(Http2Bytes.Request(1));
        new Http2SimulatedServer(h).Hello().Answer(1);
        client.Body(1).ShouldBe("hi");

        var other = h.Connect("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        h.Upstream.ReceivedText.ShouldStartWith("GET / HTTP/1.1\r\n");
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        other.ReceivedText.ShouldEndWith("hello");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(8u)]
    [InlineData(7u)]
    public void Upstream_ResetsInTheBody_ResetsTheClientsStream(uint code)
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(Http2Bytes.Request(1), Http2Bytes.Request(3));
        var server = new Http2SimulatedServer(h).Hello();
        server.Head(1, "200");
        server.Send(Http2Bytes.Data(1, "part"), Http2Bytes.RstStream(1, (Http2ErrorCode)code));
        server.Answer(3);

        client.ResetCode(1).ShouldNotBeNull();
        client.Body(3).ShouldBe("hi");
        client.GoAway.ShouldBeNull();
        h.ShouldBeClean();
    }

    [Fact]
    public void Client_Resets_ResetsTheUpstreamsStream()
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(Http2Bytes.Request(1, "POST", endStream: false), Http2Bytes.Request(3));
        var server = new Http2SimulatedServer(h).Hello();
        client.Send(Http2Bytes.RstStream(1, Http2ErrorCode.Cancel));

        server.ResetCode(1).ShouldBe(Http2ErrorCode.Cancel);
        server.Answer(3);
        client.Body(3).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void ExtendedConnect_CrossesAsExtendedConnect()
    {
        var h = Harness(new Http2ProtocolOptions { AllowConnect = true }, m => m with
        {
            UpgradeConfigs = [new UpgradeConfig("websocket")],
            Http2ProtocolOptions = new Http2ProtocolOptions { AllowConnect = true },
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Http2Bytes.Head(1, endStream: false, (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a")));
        var server = new Http2SimulatedServer(h).Hello((8, 1));
        var request = server.Request(1);
        request[":method"].ShouldBe("CONNECT");
        request[":protocol"].ShouldBe("websocket");
        request[":path"].ShouldBe("/chat");
        server.Head(1, "200");
        client.Status(1).ShouldBe("200");
        client.Send(Http2Bytes.Data(1, "ping"));
        server.Body(1).ShouldBe("ping");
        server.Send(Http2Bytes.Data(1, "pong", endStream: true));
        client.Body(1).ShouldBe("pong");
        client.IsEnded(1).ShouldBeTrue();
        client.Send(Http2Bytes.Data(1, "", endStream: true));
        server.IsEnded(1).ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_ThatEndsHere_CarriesDataAsBytes()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
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
        var client = new Http2SimulatedClient(h);
        client.Send(Http2Bytes.Head(1, endStream: false, (":method", "CONNECT"), (":authority", "db:5432")));
        client.Status(1).ShouldBe("200");
        client.Send(Http2Bytes.Data(1, "hello"));
        h.Upstream.ReceivedText.ShouldBe("hello");
        h.Reply("there");
        client.Body(1).ShouldBe("there");
        client.Send(Http2Bytes.Data(1, "", endStream: true));
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Upstream.ShutdownSend();
        h.Run();
        client.IsEnded(1).ShouldBeTrue();
        client.ResetCode(1).ShouldBeNull();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(false, 7)]
    [InlineData(true, 8)]
    [InlineData(true, 9)]
    public void ManyStreams_WithMixedEnds_LeaveNothing(bool rough, int seed)
    {
        var h = Harness(network: !rough ? new SimulatedNetworkOptions() : new SimulatedNetworkOptions
        {
            Seed = seed,
            TearSegments = true,
            SendWouldBlockProbability = 0.1,
            SpuriousEventProbability = 0.1,
        });
        var random = new Random(seed);
        var client = new Http2SimulatedClient(h, (3, 1000));
        client.Send(Http2Bytes.Request(1));
        var server = new Http2SimulatedServer(h).Hello();
        server.Answer(1);
        uint id = 3;
        for (var round = 0; round < 40; round++)
        {
            var first = id;
            for (var i = 0; i < 25; i++, id += 2)
            {
                client.Send(Http2Bytes.Request(id, "POST", endStream: i % 3 == 0));
                if (i % 3 != 0)
                {
                    client.Send(Http2Bytes.Data(id, new string('x', random.Next(1, 20_000)), endStream: i % 3 == 1));
                }
            }

            for (var upstream = first; upstream < id; upstream += 2)
            {
                switch (random.Next(6))
                {
                    case 0:
                        server.Send(Http2Bytes.RstStream(upstream, (Http2ErrorCode)random.Next(14)));
                        break;
                    case 1:
                        server.Head(upstream, "200");
                        server.Send(Http2Bytes.RstStream(upstream, Http2ErrorCode.InternalError));
                        break;
                    case 2:
                        client.Send(Http2Bytes.RstStream(upstream, Http2ErrorCode.Cancel));
                        break;
                    case 3:
                        server.Send(Http2Bytes.Head(upstream, endStream: true, (":status", "503")));
                        break;
                    default:
                        server.Answer(upstream, new string('y', random.Next(1, 20_000)));
                        break;
                }

                // Windows of both peers, so that nothing waits for room.
                server.Send(Http2Bytes.WindowUpdate(0, 40_000));
                client.Send(Http2Bytes.WindowUpdate(0, 40_000));
            }

            for (var open = first; open < id; open += 2)
            {
                if (!client.IsEnded(open) && client.ResetCode(open) is null)
                {
                    client.Send(Http2Bytes.RstStream(open, Http2ErrorCode.Cancel));
                }
            }
        }

        h.Gauge("cluster.c.upstream_rq_active").ShouldBe(0);
        h.Gauge("cluster.c.http2.streams_active").ShouldBe(0);
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    private static ClusterConfig With(ClusterConfig cluster, HttpClusterProtocolOptions options) =>
        cluster with { TypedExtensionProtocolOptions = [new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, options)] };

    private static HttpExchangeHarness Harness(
        Http2ProtocolOptions? http2 = null,
        Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? manager = null,
        SimulatedNetworkOptions? network = null) => new(new HttpExchangeOptions
        {
            Network = network ?? new SimulatedNetworkOptions(),
            Manager = manager ?? (static m => m),
            Cluster = c => With(c, new HttpClusterProtocolOptions { ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = http2 ?? new Http2ProtocolOptions() } }),
        });
}
