using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;
using MeshProxy.TestSupport.Simulation;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Http.Tests.ConnectionPools;

/// <summary>Upstreams that accept connections and end them before any request: a pool must not connect again and again for the same requests.</summary>
public class UnwelcomingServerTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    private static readonly byte[] s_goAway = Http2Bytes.GoAway(0);

    /// <summary>How a server ends a connection that it has only just accepted.</summary>
    public enum Goodbye
    {
        GoAway,
        GoAwayAndClose,
        Close,
        Reset,
        Garbage,
    }

    [Theory]
    [InlineData(Goodbye.GoAway, false)]
    [InlineData(Goodbye.GoAway, true)]
    [InlineData(Goodbye.GoAwayAndClose, false)]
    [InlineData(Goodbye.GoAwayAndClose, true)]
    [InlineData(Goodbye.Close, false)]
    [InlineData(Goodbye.Close, true)]
    [InlineData(Goodbye.Reset, false)]
    [InlineData(Goodbye.Reset, true)]
    [InlineData(Goodbye.Garbage, false)]
    [InlineData(Goodbye.Garbage, true)]
    public void Http2_EndsEachConnectionAtOnce_EachCostsARequest(Goodbye goodbye, bool withHandshake)
    {
        var h = Harness(withHandshake);
        h.Upstreams.Accepted = peer =>
        {
            h.Upstreams.Connections.Count.ShouldBeLessThan(10);
            SayGoodbye(peer, goodbye, withHandshake ? "h2\n" : "");
        };
        var clients = Enumerable.Range(0, 5).Select(_ => h.Connect(Get)).ToArray();

        clients.ShouldAllBe(c => c.ReceivedText.StartsWith("HTTP/1.1 50"));
        h.Upstreams.Connections.Count.ShouldBeInRange(1, 5);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(Goodbye.Close, false)]
    [InlineData(Goodbye.Close, true)]
    [InlineData(Goodbye.Reset, true)]
    [InlineData(Goodbye.Garbage, false)]
    [InlineData(Goodbye.Garbage, true)]
    public void Http1_EndsEachConnectionAtOnce_EachCostsARequest(Goodbye goodbye, bool withHandshake)
    {
        var h = Harness(withHandshake, withHandshake ? new HttpClusterProtocolOptions { AutoConfig = new() } : new HttpClusterProtocolOptions());
        h.Upstreams.Accepted = peer =>
        {
            h.Upstreams.Connections.Count.ShouldBeLessThan(10);
            SayGoodbye(peer, goodbye, withHandshake ? "http/1.1\n" : "");
        };
        var clients = Enumerable.Range(0, 5).Select(_ => h.Connect(Get)).ToArray();

        clients.ShouldAllBe(c => c.ReceivedText.Contains("HTTP/1.1 50") || c.ReceivedText.Contains("HTTP/1.1 400"));
        h.Upstreams.Connections.Count.ShouldBeInRange(1, 5);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(Goodbye.GoAway)]
    [InlineData(Goodbye.GoAwayAndClose)]
    [InlineData(Goodbye.Close)]
    [InlineData(Goodbye.Garbage)]
    public void Http2_EndsBeforeAnyStream_IsAConnectionFailureOfAllThatWait(Goodbye goodbye)
    {
        var h = Harness(withHandshake: true);
        var clients = Enumerable.Range(0, 5).Select(_ => h.Connect(Get)).ToArray();
        h.Upstream.Send("h2\n");
        SayGoodbye(h.Upstream, goodbye, "");
        h.Run();

        clients.ShouldAllBe(c => c.ReceivedText.StartsWith("HTTP/1.1 503 ") && c.ReceivedText.EndsWith("reset reason: remote connection failure"));
        h.LogLines.ShouldAllBe(l => l == "UF upstream_reset_before_response_started{remote_connection_failure}");
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.Upstream.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void GoAway_AfterAStream_WhoWaitsGetsTheNextConnection()
    {
        var h = Harness(withHandshake: false);
        var first = h.Connect(Get);
        var server = new Http2SimulatedServer(h);
        var second = h.Connect(Get); // waits for the first SETTINGS
        server.Send(Http2Bytes.Settings(), Http2Bytes.GoAway(1));
        h.Upstreams.Connections.Count.ShouldBe(2);
        server.Answer(1);
        new Http2SimulatedServer(h).Hello().Answer(1);

        first.ReceivedText.ShouldContain("hi");
        second.ReceivedText.ShouldContain("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Settings_NoStreamsYet_RequestsWaitOnThatConnection()
    {
        var h = Harness(withHandshake: true);
        var clients = Enumerable.Range(0, 5).Select(_ => h.Connect(Get)).ToArray();
        h.Upstream.Send([.. "h2\n"u8, .. Http2Bytes.Settings((3, 0))]);
        h.Run();
        h.Upstreams.Connections.Count.ShouldBe(1);
        var server = new Http2SimulatedServer(h);
        server.Streams.ShouldBeEmpty();

        server.Send(Http2Bytes.Settings((3, 10)));
        foreach (var id in server.Streams.ToArray())
        {
            server.Answer(id);
        }

        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        h.ShouldBeClean();
    }

    /// <summary>The first request is sent before the server has said anything; that it takes nothing yet, the others need not each hear anew.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Settings_NoStreamsYetBesideOneThatWasRisked_OthersWaitOnThatConnection(bool refused)
    {
        var h = Harness(withHandshake: false);
        var clients = Enumerable.Range(0, 5).Select(_ => h.Connect(Get)).ToArray();
        var server = new Http2SimulatedServer(h).Hello((3, 0));
        server.Streams.ShouldBe([1u]);
        if (refused)
        {
            server.Send(Http2Bytes.RstStream(1, Http2ErrorCode.RefusedStream));
        }
        else
        {
            server.Answer(1);
        }

        clients[0].ReceivedText.ShouldStartWith(refused ? "HTTP/1.1 503 " : "HTTP/1.1 200 ");
        server.Send(Http2Bytes.Settings((3, 0)));
        h.Upstreams.Connections.Count.ShouldBe(1);
        server.Send(Http2Bytes.Settings((3, 10)));
        foreach (var id in server.Streams.Skip(1).ToArray())
        {
            server.Answer(id);
        }

        clients.Skip(1).ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    /// <summary>A server that has taken requests and takes no more on this connection may take them on another.</summary>
    [Fact]
    public void Settings_NoMoreStreams_TheNextRequestGetsAnotherConnection()
    {
        var h = Harness(withHandshake: false);
        h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Answer(1);
        server.Send(Http2Bytes.Settings((3, 0)));
        var client = h.Connect(Get);
        h.Upstreams.Connections.Count.ShouldBe(2);
        new Http2SimulatedServer(h).Hello().Answer(1);

        client.ReceivedText.ShouldContain("hi");
        h.ShouldBeClean();
    }

    private static void SayGoodbye(SimulatedPeer peer, Goodbye goodbye, string handshake)
    {
        peer.Send(handshake);
        switch (goodbye)
        {
            case Goodbye.GoAway:
                peer.Send([.. Http2Bytes.Settings(), .. s_goAway]);
                break;
            case Goodbye.GoAwayAndClose:
                peer.Send([.. Http2Bytes.Settings(), .. s_goAway]);
                peer.ShutdownSend();
                break;
            case Goodbye.Close:
                peer.ShutdownSend();
                break;
            case Goodbye.Reset:
                peer.Reset();
                break;
            default:
                peer.Send("HTTP/1.1 400 Bad Request\r\n\r\n");
                break;
        }
    }

    private static HttpExchangeHarness Harness(bool withHandshake, HttpClusterProtocolOptions? protocol = null) => new(new HttpExchangeOptions
    {
        AccessLogFormat = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n",
        TransportSocket = withHandshake ? new ClearAlpn() : null,
        Cluster = c => c with
        {
            TransportSocket = withHandshake ? new ExtensionConfig("test") : null,
            TypedExtensionProtocolOptions =
            [
                new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, protocol ?? new HttpClusterProtocolOptions
                {
                    ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions() },
                }),
            ],
        },
    });
}
