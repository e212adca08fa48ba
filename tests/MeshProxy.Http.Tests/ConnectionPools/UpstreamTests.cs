using MeshProxy.Core.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionPools;

/// <summary>Pooled upstream connections: what an upstream can do to an exchange, and what may go back into the pool.</summary>
public class UpstreamTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    [Fact]
    public void Pool_ManyRequests_UseOneConnection()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect();
        for (var i = 0; i < 50; i++)
        {
            h.Send(client, Get);
            h.Reply(Ok);
        }

        h.Upstreams.Connections.Count.ShouldBe(1);
        h.Counter("cluster.c.upstream_rq_total").ShouldBe(50);
        h.Gauge("cluster.c.upstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-le")]
    public void Upstream_ClosesBeforeTheHead_Is503(string part)
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply(part);
        h.Upstream.Close();
        h.Run();

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldEndWith("reset reason: connection termination");
        h.Send(client, Get);
        h.Reply(Ok);
        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Upstream_ResetsBeforeTheHead_Is503()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Upstream.Reset();
        h.Run();

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n")]
    public void Upstream_BreaksOffInTheBody_CutsTheResponse(string part)
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get + Get);
        h.Reply(part);
        h.Upstream.Close();
        h.Run();

        client.ReceivedText.Split("HTTP/1.1 ").Length.ShouldBe(2);
        client.ReceivedText.ShouldNotContain("0\r\n\r\n");
        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_rq_tx_reset").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Upstream_EndsABodyWithTheConnection_IsAWholeResponse()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\n\r\nhi");
        h.Upstream.Close();
        h.Run();

        client.ReceivedText.ShouldContain("transfer-encoding: chunked");
        client.ReceivedText.ShouldEndWith("2\r\nhi\r\n0\r\n\r\n");
        client.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upstream_ResetsABodyThatEndsWithTheConnection_CutsTheResponse()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\n\r\nhi");
        h.Upstream.Reset();
        h.Run();

        client.ReceivedText.ShouldNotContain("0\r\n\r\n");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("garbage\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n")]
    public void Upstream_BreaksTheProtocol_Is502(string bytes)
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply(bytes);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 502 ");
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Counter("cluster.c.upstream_cx_protocol_error").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Upstream_SaysClose_IsNotUsedAgain()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi");
        h.Send(client, Get);

        h.Upstreams.Connections.Count.ShouldBe(2);
        h.Reply(Ok);
        client.ReceivedText.ShouldNotContain("connection: close");
        h.ShouldBeClean();
    }

    [Fact]
    public void Idle_BytesThatNobodyAskedFor_CloseIt()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply(Ok);
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Send(client, Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldNotContain("poison");
        h.Counter("cluster.c.upstream_cx_unsolicited_bytes").ShouldBe(1);
        h.Upstreams.Connections.Count.ShouldBe(2);
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_WithBytesBehindIt_EndsTheConnection()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply(Ok + "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
        h.Send(client, Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldNotContain("poison");
        h.Upstreams.Connections.Count.ShouldBe(2);
        h.ShouldBeClean();
    }

    [Fact]
    public void Idle_UpstreamClosesAsItIsTaken_Is503()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Network = new SimulatedNetworkOptions { Latency = TimeSpan.FromMilliseconds(1) } });
        var client = h.Connect(Get);
        h.Advance(TimeSpan.FromMilliseconds(20));
        client.Send(Get);
        h.Advance(TimeSpan.FromMilliseconds(20));
        h.Upstream.Send(Ok);
        h.Advance(TimeSpan.FromMilliseconds(20));
        h.Upstream.Send(Ok);
        h.Advance(TimeSpan.FromMilliseconds(20));
        client.TakeReceived();
        client.Send(Get);
        h.Advance(TimeSpan.FromMicroseconds(500));
        h.Upstream.Close();
        h.Advance(TimeSpan.FromMilliseconds(20));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Idle_Timeout_ClosesTheConnection()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Cluster = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = TimeSpan.FromSeconds(10) } },
        });
        h.Connect(Get);
        h.Reply(Ok);
        h.Advance(TimeSpan.FromSeconds(11));

        h.Upstream.IsEnded.ShouldBeTrue();
        h.Counter("cluster.c.upstream_cx_idle_timeout").ShouldBe(1);
        h.Counter("cluster.c.upstream_cx_destroy_local").ShouldBe(1);
        h.Counter("cluster.c.upstream_cx_destroy_remote").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxRequests_OfTheCluster_EndTheConnection()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Cluster = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxRequestsPerConnection = 1 } },
        });
        var client = h.Connect(Get);
        h.Reply(Ok);
        h.Send(client, Get);
        h.Reply(Ok);

        h.Upstreams.Connections.Count.ShouldBe(2);
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_Refused_Is503()
    {
        var h = new HttpExchangeHarness();
        h.Network.RefuseConnects(h.UpstreamAddress);
        var client = h.Connect(Get);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldEndWith("reset reason: remote connection failure");
        h.Counter("cluster.c.upstream_rq_pending_failure_eject").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_TimesOut_Is503()
    {
        var h = new HttpExchangeHarness();
        h.Network.IgnoreConnects(h.UpstreamAddress);
        var client = h.Connect(Get);
        h.Advance(TimeSpan.FromSeconds(6));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldEndWith("reset reason: connection timeout");
        h.ShouldBeClean();
    }

    [Fact]
    public void RouteTimeout_WhileWaitingForAConnection_Is504()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Route = r => r with { Timeout = TimeSpan.FromSeconds(2) } });
        h.Network.IgnoreConnects(h.UpstreamAddress);
        var client = h.Connect(Get);
        h.Advance(TimeSpan.FromSeconds(3));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 504 ");
        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void RouteTimeout_BeforeTheHead_Is504()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Advance(TimeSpan.FromSeconds(16));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 504 ");
        client.ReceivedText.ShouldEndWith("upstream request timeout");
        client.IsEnded.ShouldBeFalse();
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Counter("cluster.c.upstream_rq_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void RouteTimeout_InTheBody_CutsTheResponse()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhi");
        h.Advance(TimeSpan.FromSeconds(16));

        client.ReceivedText.ShouldEndWith("hi");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Breaker_OneConnection_QueuesTheRest()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Cluster = c => c with { CircuitBreakers = Breakers(connections: 1) } });
        var clients = Enumerable.Range(0, 3).Select(_ => h.Connect(Get)).ToArray();
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(2);
        for (var i = 0; i < 3; i++)
        {
            h.Reply(Ok);
        }

        clients.ShouldAllBe(c => c.ReceivedText.EndsWith("hi"));
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Breaker_NoRoomToWait_Is503Overflow()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Cluster = c => c with { CircuitBreakers = Breakers(pending: 1) } });
        h.Network.IgnoreConnects(h.UpstreamAddress);
        h.Connect(Get);
        var client = h.Connect(Get);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldContain("x-envoy-overloaded: true");
        client.ReceivedText.ShouldEndWith("reset reason: overflow");
        h.Counter("cluster.c.upstream_rq_pending_overflow").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pending_CancelledAfterAConnectionWasAssigned_GivesItToTheNext()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Cluster = c => c with { CircuitBreakers = Breakers(connections: 1) } });
        h.Connect(Get);
        var second = h.Connect(Get);
        var secondConnection = h.Downstream;
        var third = h.Connect(Get);

        // The reply and the close of the waiting client come in one turn: the assignment is made, and not taken yet.
        h.Upstream.Send(Ok);
        second.Reset();
        h.Run();
        secondConnection.IsClosed.ShouldBeTrue();
        h.Reply(Ok);
        h.Reply(Ok);

        third.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Drain_RequestsWaitForAConnection_AreServed()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Network = new SimulatedNetworkOptions { Latency = TimeSpan.FromMilliseconds(1) } });
        var client = h.Connect();
        h.Advance(TimeSpan.FromMilliseconds(10));
        client.Send(Get);
        h.Advance(TimeSpan.FromMicroseconds(1500));
        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(1);
        h.ApplyCluster(c => c with { ConnectTimeout = TimeSpan.FromSeconds(9) });
        h.Advance(TimeSpan.FromMilliseconds(10));
        h.Upstream.Send(Ok);
        h.Advance(TimeSpan.FromMilliseconds(10));

        client.ReceivedText.ShouldEndWith("hi");
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.Upstream.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Drain_NobodyWaitsAnyMore_GivesTheConnectUp()
    {
        var h = new HttpExchangeHarness();
        h.Network.IgnoreConnects(h.UpstreamAddress);
        var client = h.Connect();
        h.Send(client, Get);
        h.Gauge("cluster.c.upstream_cx_active").ShouldBe(1);
        client.Close();
        h.Run();
        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(0);
        h.Gauge("cluster.c.upstream_cx_active").ShouldBe(1); // it may serve the next request

        h.ApplyCluster(c => c with { ConnectTimeout = TimeSpan.FromSeconds(9) });
        h.Run();

        h.Gauge("cluster.c.upstream_cx_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void EarlyResponse_UpstreamResetsBehindIt_StillReachesASlowClient()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Network = new SimulatedNetworkOptions { SendBufferBytes = 16_384 },
            BufferLimitBytes = 16_384,
        });
        var client = h.Connect();
        client.IsReadPaused = true;
        h.Send(client, Get);
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 200000\r\n\r\n" + new string('x', 200_000));
        h.Upstream.UnsentBytes.ShouldBe(0);
        h.Upstream.Reset();
        h.Run();
        client.IsReadPaused = false;
        h.Run();

        client.Received.Length.ShouldBeGreaterThan(200_000);
        h.ShouldBeClean();
    }

    private static CircuitBreakersConfig Breakers(uint connections = 1024, uint pending = 1024) => CircuitBreakersConfig.Default with
    {
        DefaultPriority = new CircuitBreakerThresholdsConfig { MaxConnections = connections, MaxPendingRequests = pending },
    };
}
