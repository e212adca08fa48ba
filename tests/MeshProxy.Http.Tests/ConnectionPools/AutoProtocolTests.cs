using MeshProxy.Core.Config;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Http.Tests.ConnectionPools;

/// <summary>Pools that learn from the TLS handshake which version of HTTP a host speaks.</summary>
public class AutoProtocolTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    [Fact]
    public void Burst_Http2_SharesOneConnection()
    {
        var h = Harness();
        var clients = Burst(h, 100);
        h.Upstreams.Connections.Count.ShouldBe(1);

        Agree(h, h.Upstream, "h2");
        var server = new Http2SimulatedServer(h).Hello();
        foreach (var id in server.Streams.ToArray())
        {
            server.Answer(id);
        }

        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.Counter("cluster.c.upstream_cx_http2_total").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("http/1.1")]
    [InlineData("")]
    public void Burst_Http1_EachGetsItsConnectionOnceThatIsKnown(string protocol)
    {
        var h = Harness();
        var clients = Burst(h, 100);
        h.Upstreams.Connections.Count.ShouldBe(1);

        Agree(h, h.Upstream, protocol);
        h.Upstreams.Connections.Count.ShouldBe(100);
        foreach (var upstream in h.Upstreams.Connections.Skip(1).ToArray())
        {
            Agree(h, upstream, protocol);
        }

        AnswerAll(h);
        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        h.Upstreams.Connections.Count.ShouldBe(100);
        h.Counter("cluster.c.upstream_cx_http1_total").ShouldBe(100);
        h.ShouldBeClean();
    }

    [Fact]
    public void Burst_AfterAnHttp1Connection_OpensAllAtOnce()
    {
        var h = Harness();
        Burst(h, 1);
        Agree(h, h.Upstream, "http/1.1");

        Burst(h, 9);
        h.Upstreams.Connections.Count.ShouldBe(10);
        h.ShouldBeClean();
    }

    [Fact]
    public void Burst_TheFirstConnectFails_FailsAllThatWaitForIt()
    {
        var h = Harness();
        var clients = Burst(h, 10);
        h.Upstream.Close();
        h.Run();

        clients.ShouldAllBe(c => c.ReceivedText.StartsWith("HTTP/1.1 503 ") && c.ReceivedText.Contains("remote connection failure"));
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Burst_BeyondTheStreamsOfOneConnection_OpensAsManyAsItNeeds()
    {
        var h = Harness(new Http2ProtocolOptions { MaxConcurrentStreams = 4 });
        var clients = Burst(h, 10);
        h.Upstreams.Connections.Count.ShouldBe(3);

        // What one has found out counts for those under way, too.
        Agree(h, h.Upstreams.Connections[0], "http/1.1");
        h.Upstreams.Connections.Count.ShouldBe(10);
        foreach (var upstream in h.Upstreams.Connections.Skip(1).ToArray())
        {
            Agree(h, upstream, "http/1.1");
        }

        AnswerAll(h);
        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        h.ShouldBeClean();
    }

    [Fact]
    public void Server_ChangesItsMind_TheNextBurstFollows()
    {
        var h = Harness();
        var client = h.Connect(Get);
        Agree(h, h.Upstream, "http/1.1");
        h.Reply("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi");
        client.ReceivedText.ShouldContain("hi");

        Burst(h, 1);
        Agree(h, h.Upstream, "h2");
        var server = new Http2SimulatedServer(h).Hello();
        Burst(h, 20);
        h.Upstreams.Connections.Count.ShouldBe(2);
        server.Streams.Count().ShouldBe(21);
        h.ShouldBeClean();
    }

    private static SimulatedPeer[] Burst(HttpExchangeHarness h, int count) => [.. Enumerable.Range(0, count).Select(_ => h.Connect(Get))];

    private static void Agree(HttpExchangeHarness h, SimulatedPeer upstream, string protocol) => h.Send(upstream, protocol + "\n");

    private static void AnswerAll(HttpExchangeHarness h)
    {
        foreach (var upstream in h.Upstreams.Connections.ToArray())
        {
            upstream.ReceivedText.ShouldStartWith("GET / HTTP/1.1\r\n");
            h.Send(upstream, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
        }
    }

    private static HttpExchangeHarness Harness(Http2ProtocolOptions? http2 = null) => new(new HttpExchangeOptions
    {
        TransportSocket = new ClearAlpn(),
        Cluster = c => c with
        {
            TransportSocket = new ExtensionConfig("test"),
            TypedExtensionProtocolOptions =
            [
                new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions { AutoConfig = new AutoHttpConfig { Http2ProtocolOptions = http2 } }),
            ],
        },
    });
}
