using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>Upgrades and CONNECT: bytes both ways, each direction with an end of its own.</summary>
public class TunnelTests
{
    private const string Upgrade = "GET /chat HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    private const string Switch = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

    private static HttpExchangeHarness Harness(Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? manager = null) => new(new HttpExchangeOptions
    {
        Manager = c => (manager ?? (static m => m))(c with { UpgradeConfigs = [new UpgradeConfig("websocket")] }),
    });

    [Fact]
    public void Upgrade_Granted_CarriesBytesBothWays()
    {
        var h = Harness();
        var client = h.Connect(Upgrade);
        h.Upstream.ReceivedText.ShouldContain("upgrade: websocket");
        h.Reply(Switch + "from upstream");
        client.ReceivedText.ShouldStartWith("HTTP/1.1 101 ");
        client.ReceivedText.ShouldEndWith("\r\n\r\nfrom upstream");
        h.Upstream.TakeReceived();
        h.Send(client, "from client");
        h.Upstream.ReceivedText.ShouldBe("from client");
        h.Counter("http.t.downstream_cx_upgrades_total").ShouldBe(1);
        h.Gauge("http.t.downstream_cx_upgrades_active").ShouldBe(1);

        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_UpstreamEndsFirst_ClientGoesOn()
    {
        var h = Harness();
        var client = h.Connect(Upgrade);
        h.Reply(Switch + "bye");
        h.Upstream.ShutdownSend();
        h.Run();
        client.IsEnded.ShouldBeTrue();
        h.Upstream.TakeReceived();
        h.Send(client, "still here");
        h.Upstream.ReceivedText.ShouldBe("still here");
        h.Gauge("http.t.downstream_rq_active").ShouldBe(1);
        client.Send("last words");
        client.ShutdownSend();
        h.Run();

        h.Upstream.ReceivedText.ShouldBe("still herelast words");
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Upstream.IsReset.ShouldBeFalse();
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_ClientEndsFirst_UpstreamGoesOn()
    {
        var h = Harness();
        var client = h.Connect(Upgrade);
        h.Reply(Switch);
        client.Send("bye");
        client.ShutdownSend();
        h.Run();
        h.Upstream.ReceivedText.ShouldEndWith("bye");
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Advance(TimeSpan.FromSeconds(20)); // past the route's timeout, which is not for tunnels
        h.Reply("still here");
        client.ReceivedText.ShouldEndWith("still here");
        h.Upstream.Close();
        h.Run();

        client.IsEnded.ShouldBeTrue();
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Upgrade_OneSideResetsBehindItsLastBytes_TheOtherGetsBoth(bool byClient)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { UpgradeConfigs = [new UpgradeConfig("websocket")] },
            Network = new SimulatedNetworkOptions { BytesArriveWithResets = true },
        });
        var client = h.Connect(Upgrade);
        h.Reply(Switch);
        var (one, other) = byClient ? (client, h.Upstream) : (h.Upstream, client);
        one.Send("last words");
        one.Reset();
        h.Run();

        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        other.ReceivedText.ShouldEndWith("\r\n\r\nlast words");
        other.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_ClientResets_AfterTheUpstreamsEnd_ItsLastBytesAreSent()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { UpgradeConfigs = [new UpgradeConfig("websocket")] },
            Network = new SimulatedNetworkOptions { BytesArriveWithResets = true },
        });
        var client = h.Connect(Upgrade);
        h.Reply(Switch);
        h.Upstream.ShutdownSend();
        h.Run();
        client.Send("last words");
        client.Reset();
        h.Run();

        h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\nlast words");
        h.Upstream.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    /// <summary>What is no tunnel's is not made to look complete.</summary>
    [Theory]
    [InlineData("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n", "")]
    [InlineData(Upgrade, "")]
    [InlineData(Upgrade, "HTTP/1.1 200 OK\r\n\r\n")]
    public void Request_ThatIsNoTunnel_ClientResetsBehindBytes_NothingMoreIsSent(string request, string reply)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { UpgradeConfigs = [new UpgradeConfig("websocket")] },
            Network = new SimulatedNetworkOptions { BytesArriveWithResets = true },
        });
        var client = h.Connect(request);
        h.Reply(reply);
        h.Upstream.TakeReceived();
        client.Send("last words");
        client.Reset();
        h.Run();

        h.Upstream.ReceivedText.ShouldBe("");
        (h.Upstream.IsEnded || h.Upstream.IsReset).ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_ClientResets_ResetsTheUpstream()
    {
        var h = Harness();
        var client = h.Connect(Upgrade);
        h.Reply(Switch);
        client.Reset();
        h.Run();

        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.Upstream.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_BytesBeforeThe101_WaitForIt()
    {
        var h = Harness();
        var client = h.Connect(Upgrade + "early");
        h.Upstream.ReceivedText.ShouldNotContain("early");
        h.Reply(Switch);

        h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\nearly");
        h.ShouldBeClean();
        client.ReceivedText.ShouldStartWith("HTTP/1.1 101 ");
    }

    [Fact]
    public void Upgrade_Declined_NeverShowsTheUpstreamWhatCameBehindIt()
    {
        var h = Harness();
        var client = h.Connect(Upgrade + "GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n");
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno");

        client.ReceivedText.ShouldContain("connection: close");
        client.ReceivedText.ShouldEndWith("no");
        client.IsEnded.ShouldBeTrue();
        h.Upstream.ReceivedText.ShouldNotContain("smuggled");
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_ClientClosesBeforeThe101_ResetsTheUpstream()
    {
        var h = Harness();
        h.Connect(Upgrade + new string('x', 2_000)).Close();
        h.Run();

        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_NotConfigured_Is403()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Upgrade);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 403 ");
        client.IsEnded.ShouldBeTrue();
        h.Upstreams.Connections.ShouldBeEmpty();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_HalfOpenAndSilent_EndsByTheIdleTimeout()
    {
        var h = Harness(c => c with { StreamIdleTimeout = TimeSpan.FromSeconds(30) });
        var client = h.Connect(Upgrade);
        h.Reply(Switch);
        h.Upstream.ShutdownSend();
        h.Run();
        client.IsEnded.ShouldBeTrue();
        h.Advance(TimeSpan.FromSeconds(40));

        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.Gauge("http.t.downstream_cx_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_Granted_CarriesBytesBothWays()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { UpgradeConfigs = [new UpgradeConfig("CONNECT")] },
            RouteEntry = r => r with { Match = new RouteMatchConfig { Prefix = "" } },
        });
        var client = h.Connect("CONNECT b:443 HTTP/1.1\r\nhost: b:443\r\n\r\nearly");
        h.Upstream.ReceivedText.ShouldStartWith("CONNECT b:443 HTTP/1.1\r\n");
        h.Upstream.ReceivedText.ShouldNotContain("early");
        h.Reply("HTTP/1.1 200 OK\r\n\r\nhello");
        client.ReceivedText.ShouldEndWith("\r\n\r\nhello");
        h.Upstream.ReceivedText.ShouldEndWith("early");

        h.ShouldBeClean();
    }

    [Fact]
    public void Upgrade_UnaskedBy101_Is502()
    {
        var h = Harness();
        var client = h.Connect(Get);
        h.Reply(Switch);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 502 ");
        h.ShouldBeClean();
    }
}
