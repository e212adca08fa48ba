using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.ConnectionManager.Http2;

/// <summary>Extended CONNECT (RFC 8441) and CONNECT.</summary>
public class Http2TunnelTests
{
    private const string Switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: x\r\n\r\n";

    private static readonly byte[] s_webSocket = Head(
        1,
        false,
        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"), (":authority", "a"), ("sec-websocket-version", "13"));

    private static HttpExchangeHarness Harness(string? upgrade = "websocket", string? log = null, SimulatedNetworkOptions? network = null) => new(new HttpExchangeOptions
    {
        Network = network ?? new(),
        Manager = c => c with
        {
            Http2ProtocolOptions = c.Http2ProtocolOptions with { AllowConnect = true },
            UpgradeConfigs = upgrade is null ? [] : [new UpgradeConfig(upgrade)],
        },
        AccessLogFormat = log,
    });

    [Fact]
    public void ExtendedConnect_Granted_IsAnUpgradeUpstreamAndCarriesBytesBothWays()
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket);
        var sent = h.Upstream.ReceivedText;
        sent.ShouldStartWith("GET /chat HTTP/1.1\r\nhost: a\r\n");
        sent.ShouldContain("upgrade: websocket\r\n");
        sent.ShouldContain("connection: upgrade\r\n", Case.Insensitive);
        sent.ShouldContain("sec-websocket-key: ");
        h.Reply(Switch + "from upstream");

        client.Status(1).ShouldBe("200");
        client.Head(1)["upgrade"].ShouldBeNull();
        client.Head(1)["sec-websocket-accept"].ShouldBeNull();
        client.Head(1).EndStream.ShouldBeFalse();
        client.Body(1).ShouldBe("from upstream");
        h.Upstream.TakeReceived();
        client.Send(Data(1, "from client"));
        h.Upstream.ReceivedText.ShouldBe("from client");
        h.Counter("http.t.downstream_cx_upgrades_total").ShouldBe(1);
        h.Gauge("http.t.downstream_cx_upgrades_active").ShouldBe(1);

        // One direction ends, then the other.
        h.Upstream.ShutdownSend();
        h.Run();
        client.IsEnded(1).ShouldBeTrue();
        h.Gauge("http.t.downstream_rq_active").ShouldBe(1);
        client.Send(Data(1, "last", endStream: true));
        h.Upstream.ReceivedText.ShouldBe("from clientlast");
        h.Upstream.IsEnded.ShouldBeTrue();
        client.ResetCode(1).ShouldBeNull();
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void ExtendedConnect_ClientResetsBehindItsLastBytes_UpstreamGetsBoth()
    {
        var h = Harness(network: new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket);
        h.Reply(Switch);
        h.Upstream.TakeReceived();
        client.Send(Data(1, "last "), Data(1, "words"), RstStream(1));

        h.Upstream.ReceivedText.ShouldBe("last words");
        h.Upstream.IsReset.ShouldBeTrue();
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        client.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void ExtendedConnect_ClientsConnectionIsResetBehindItsLastBytes_UpstreamGetsBoth()
    {
        var h = Harness(network: new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket);
        h.Reply(Switch);
        h.Upstream.TakeReceived();
        client.Peer.Send(Data(1, "last words"));
        client.Peer.Reset();
        h.Run();

        h.Upstream.ReceivedText.ShouldBe("last words");
        h.Upstream.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void ExtendedConnect_ClientAndUpstreamResetInOneTurn_LeavesNothing()
    {
        var h = Harness(network: new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket);
        h.Reply(Switch);
        h.Upstream.Reset();
        client.Send(Data(1, "last words"), RstStream(1));

        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void ExtendedConnect_BytesBeforeTheGrant_WaitForIt()
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket, Data(1, "GET /admin HTTP/1.1\r\nhost: a\r\n\r\n"));
        h.Upstream.ReceivedText.ShouldNotContain("/admin");
        h.Upstream.TakeReceived();
        h.Reply(Switch);

        h.Upstream.ReceivedText.ShouldStartWith("GET /admin");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", "403")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", "502")]
    public void ExtendedConnect_Declined_CarriesNothing(string response, string status)
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket, Data(1, "SECRET"));
        h.Reply(response);

        client.Status(1).ShouldBe(status);
        client.IsEnded(1).ShouldBeTrue();
        h.Upstream.ReceivedText.ShouldNotContain("SECRET");
        h.Counter("http.t.downstream_cx_upgrades_total").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void ExtendedConnect_NotAllowed_IsForbidden()
    {
        var h = Harness(upgrade: null, log: "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%");
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket);

        client.Status(1).ShouldBe("403");
        h.LogLines.ShouldBe(["403 upgrade_failed"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_Granted_IsATunnel()
    {
        var h = Harness("CONNECT");
        var client = new Http2SimulatedClient(h);
        client.Send(Head(1, false, (":method", "CONNECT"), (":authority", "b:443")));
        h.Upstream.ReceivedText.ShouldStartWith("CONNECT b:443 HTTP/1.1\r\n");
        h.Reply("HTTP/1.1 200 OK\r\n\r\nhello");
        client.Status(1).ShouldBe("200");
        client.Body(1).ShouldBe("hello");
        h.Upstream.TakeReceived();
        client.Send(Data(1, "there"));
        h.Upstream.ReceivedText.ShouldBe("there");
        h.Upstream.Reset();
        h.Run();

        client.ResetCode(1).ShouldBe(Http2ErrorCode.ConnectError, "CONNECT_ERROR");
        h.ShouldBeClean();
    }

    [Fact]
    public void Tunnel_ResetByTheClient_ClosesUpstream()
    {
        var h = Harness();
        var client = new Http2SimulatedClient(h);
        client.Send(s_webSocket);
        h.Reply(Switch);
        client.Send(RstStream(1, Http2ErrorCode.Cancel));

        (h.Upstream.IsEnded || h.Upstream.IsReset).ShouldBeTrue();
        h.Gauge("http.t.downstream_cx_upgrades_active").ShouldBe(0);
        h.ShouldBeClean();
    }
}
