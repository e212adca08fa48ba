using MeshProxy.Core.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>The downstream connection: requests one after the other, and how it ends.</summary>
public class DownstreamTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string PostHead = "POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    [Fact]
    public void Get_AnsweredByUpstream_IsForwardedBothWays()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);

        h.Upstream.ReceivedText.ShouldStartWith("GET / HTTP/1.1\r\n");
        h.Reply(Ok);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 OK\r\n");
        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(false, 1)]
    [InlineData(false, 2)]
    [InlineData(true, 3)]
    public void Exchange_BytesTornApart_IsTheSame(bool byteByByte, int seed)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Network = new SimulatedNetworkOptions
            {
                TearSegments = true,
                ByteByByte = byteByByte,
                Seed = seed,
                SendWouldBlockProbability = 0.3,
                SpuriousEventProbability = 0.2,
            },
        });
        var client = h.Connect();
        client.Send(PostHead + "hello" + "POST /q HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + Get);
        h.Advance(TimeSpan.FromMilliseconds(10));
        h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\nhello");
        h.Upstream.Send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
        h.Advance(TimeSpan.FromMilliseconds(10));
        h.Upstream.ReceivedText.ShouldContain("POST /q");
        h.Upstream.ReceivedText.ShouldEndWith("0\r\n\r\n");
        h.Upstream.Send(Ok);
        h.Advance(TimeSpan.FromMilliseconds(10));
        h.Upstream.ReceivedText.ShouldContain("GET / ");
        h.Upstream.Send(Ok);
        h.Advance(TimeSpan.FromMilliseconds(10));

        client.ReceivedText.Split("HTTP/1.1 200 OK").Length.ShouldBe(4);
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pipeline_SeveralRequestsInOneRead_AreAnsweredInOrder()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\nGET /3 HTTP/1.1\r\nhost: a\r\n\r\n");

        for (var i = 1; i <= 3; i++)
        {
            h.Upstream.ReceivedText.ShouldContain($"GET /{i} ");
            h.Upstream.ReceivedText.ShouldNotContain($"GET /{i + 1} ");
            h.Reply($"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{i}");
        }

        var text = client.ReceivedText;
        text.IndexOf("\r\n\r\n1", StringComparison.Ordinal).ShouldBeLessThan(text.IndexOf("\r\n\r\n2", StringComparison.Ordinal));
        text.ShouldEndWith("\r\n\r\n3");
        h.Counter("http.t.downstream_rq_2xx").ShouldBe(3);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pipeline_RequestBehindBody_IsARequest()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(PostHead + "hello" + Get);

        h.Upstream.ReceivedText.ShouldEndWith("hello");
        h.Reply(Ok);
        h.Upstream.ReceivedText.ShouldContain("GET / HTTP/1.1");
        h.Reply(Ok);

        client.ReceivedText.Split("HTTP/1.1 200").Length.ShouldBe(3);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pipeline_MoreThanTheSurplusLimit_WaitsInTheSocket()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        client.Send(new byte[1_000_000].Select(_ => (byte)'x').ToArray());
        h.Run();

        h.Downstream.BytesReceived.ShouldBeLessThan(200_000);
        h.Reply(Ok);

        client.ReceivedText.ShouldContain("HTTP/1.1 431 ");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(Get)]
    [InlineData(PostHead + "hello")]
    [InlineData(PostHead + "he")]
    [InlineData("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")]
    public void Client_ClosesWhileTheUpstreamWorks_ResetsBoth(string request)
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(request);
        client.Close();
        h.Run();

        h.Upstream.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_rq_rx_reset").ShouldBe(1);
        h.Counter("http.t.downstream_cx_destroy_remote_active_rq").ShouldBe(1);
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("GE")]
    [InlineData("GET / HTTP/1.1\r\nhost:")]
    public void Client_ClosesInsideAHead_LeavesNothing(string part)
    {
        var h = new HttpExchangeHarness();
        h.Connect(part).Close();
        h.Run();

        h.Counter("http.t.downstream_rq_total").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void Client_ResetsDuringTheResponse_ResetsTheUpstream()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nabc");
        client.ReceivedText.ShouldEndWith("abc");
        client.Reset();
        h.Run();

        h.Upstream.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Client_ClosesWhileWaitingForAConnection_LeavesTheQueue()
    {
        var h = new HttpExchangeHarness();
        h.Network.IgnoreConnects(h.UpstreamAddress);
        var client = h.Connect(Get);
        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(1);
        client.Close();
        h.Run();

        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(0);
        h.Counter("cluster.c.upstream_rq_cancelled").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Request_ConnectionClose_EndsAfterTheResponse()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        h.Reply(Ok);

        client.ReceivedText.ShouldContain("connection: close\r\n");
        client.ReceivedText.ShouldEndWith("hi");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void DelayedClose_ClientKeepsSending_IsDiscardedUntilTheTimeout()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        h.Reply(Ok);
        h.Send(client, "more");
        client.IsReset.ShouldBeFalse();
        h.Network.OpenSockets.ShouldBeGreaterThan(3);
        h.Advance(TimeSpan.FromSeconds(2));

        h.Gauge("http.t.downstream_cx_active").ShouldBe(0);
        h.Downstream.IsClosed.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxRequests_Reached_ClosesAfterTheLast()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxRequestsPerConnection = 2 } },
        });
        var client = h.Connect(Get);
        h.Reply(Ok);
        client.ReceivedText.ShouldNotContain("connection: close");
        h.Send(client, Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldContain("connection: close");
        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_max_requests_reached").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxConnectionDuration_PassedInsideAHead_ClosesAfterTheResponse()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxConnectionDuration = TimeSpan.FromSeconds(3) } },
        });
        var client = h.Connect("GET / HT");
        h.Advance(TimeSpan.FromSeconds(4));
        client.IsEnded.ShouldBeFalse();
        h.Send(client, "TP/1.1\r\nhost: a\r\n\r\n");
        h.Reply(Ok);

        client.ReceivedText.ShouldContain("connection: close");
        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_max_duration_reached").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Idle_TimeoutAfterAResponse_Closes()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = TimeSpan.FromSeconds(10) } },
        });
        var client = h.Connect();
        h.Advance(TimeSpan.FromSeconds(6));
        h.Send(client, Get);
        h.Reply(Ok);
        h.Advance(TimeSpan.FromSeconds(9));
        client.IsEnded.ShouldBeFalse();
        h.Advance(TimeSpan.FromSeconds(2));

        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_idle_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Drain_NextResponse_SaysClose()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Drain();
        h.Reply(Ok);

        client.ReceivedText.ShouldContain("connection: close");
        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_drain_close").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void RequestHeadersTimeout_SlowHead_Is408()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Manager = c => c with { RequestHeadersTimeout = TimeSpan.FromSeconds(3) } });
        var client = h.Connect("GET / HTTP/1.1\r\n");
        h.Advance(TimeSpan.FromSeconds(2));
        h.Send(client, "host: a\r\n");
        client.ReceivedText.ShouldBe("");
        h.Advance(TimeSpan.FromSeconds(2));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 408 ");
        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_rq_header_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void StreamIdleTimeout_HeadNeverComplete_Is408()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Manager = c => c with { StreamIdleTimeout = TimeSpan.FromSeconds(30) } });
        var client = h.Connect("GET / HTTP/1.1\r\n");
        h.Advance(TimeSpan.FromSeconds(31));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 408 ");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void RequestTimeout_SlowBody_Is408()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Manager = c => c with { RequestTimeout = TimeSpan.FromSeconds(3) } });
        var client = h.Connect(PostHead);
        h.Send(client, "he");
        h.Advance(TimeSpan.FromSeconds(4));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 408 ");
        client.ReceivedText.ShouldEndWith("request timeout");
        h.Counter("http.t.downstream_rq_timeout").ShouldBe(1);
        h.Upstream.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void StreamIdleTimeout_ClientDoesNotRead_FreesTheStream()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { StreamIdleTimeout = TimeSpan.FromSeconds(30) },
            Network = new SimulatedNetworkOptions { SendBufferBytes = 16_384, ReceiveBufferBytes = 16_384 },
            BufferLimitBytes = 32_768,
        });
        var client = h.Connect();
        client.IsReadPaused = true;
        h.Send(client, Get);
        h.Upstream.Send("HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n" + new string('x', 1_000_000));
        h.Run();
        h.Gauge("http.t.downstream_rq_active").ShouldBe(1);
        h.Upstream.UnsentBytes.ShouldBeGreaterThan(800_000);
        h.Advance(TimeSpan.FromSeconds(40));

        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.Gauge("http.t.downstream_rq_zombie").ShouldBe(0);
        h.Gauge("http.t.downstream_cx_active").ShouldBe(0);
        h.Upstream.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void SlowUpstream_LargeUpload_StopsReadingTheClient()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Network = new SimulatedNetworkOptions { SendBufferBytes = 16_384, ReceiveBufferBytes = 16_384 },
            Cluster = c => c with { PerConnectionBufferLimitBytes = 32_768 },
        });
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4000000\r\n\r\n");
        h.Upstream.IsReadPaused = true;
        client.Send(new byte[4_000_000]);
        h.Run();
        h.Downstream.BytesReceived.ShouldBeLessThan(400_000);

        h.Upstream.IsReadPaused = false;
        h.Run();
        h.Upstream.Received.Length.ShouldBeGreaterThan(4_000_000);
        h.Reply(Ok);
        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void BadHead_IsRefusedAndNothingAfterItIsParsed()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n" + Get);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 400 ");
        client.ReceivedText.Split("HTTP/1.1 ").Length.ShouldBe(2);
        client.IsEnded.ShouldBeTrue();
        h.Upstreams.Connections.ShouldBeEmpty();
        h.ShouldBeClean();
    }

    [Fact]
    public void BadChunk_AfterTheHead_Is400AndCloses()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" + Get);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 400 ");
        client.IsEnded.ShouldBeTrue();
        h.Upstream.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void EarlyResponse_BeforeTheBody_IsForwardedThenBothClose()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(PostHead + "he");
        h.Reply(Ok);

        client.ReceivedText.ShouldContain("connection: close");
        client.ReceivedText.ShouldEndWith("hi");
        client.IsEnded.ShouldBeTrue();
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Send(client, "llo" + Get);
        client.ReceivedText.Split("HTTP/1.1 200").Length.ShouldBe(2);
        h.Counter("http.t.downstream_rq_response_before_rq_complete").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Head_ResponseWithLength_HasNoBody()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + Get);
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 55\r\n\r\n");
        client.ReceivedText.ShouldContain("content-length: 55\r\n");
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n")]
    [InlineData("HTTP/1.1 304 Not Modified\r\ncontent-length: 77\r\n\r\n")]
    public void BodylessStatus_ThenAnotherResponse_StaysInStep(string first)
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get + Get);
        h.Reply(first);
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void ExpectContinue_IsAnsweredHereAndNotProxied()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
        client.ReceivedText.ShouldBe("HTTP/1.1 100 Continue\r\n\r\n");
        h.Upstream.ReceivedText.ShouldNotContain("expect:");
        h.Send(client, "hello");
        h.Reply("HTTP/1.1 100 Continue\r\n\r\n" + Ok);

        client.ReceivedText.Split(" 100 ").Length.ShouldBe(2);
        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void ExpectContinue_Proxied_IsAnsweredByTheUpstream()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Manager = c => c with { Proxy100Continue = true } });
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
        client.ReceivedText.ShouldBe("");
        h.Upstream.ReceivedText.ShouldContain("expect: 100-continue");
        h.Reply("HTTP/1.1 100 Continue\r\n\r\n");
        client.ReceivedText.ShouldBe("HTTP/1.1 100 Continue\r\n\r\n");
        h.Send(client, "hello");
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Informational_EarlyHints_AreForwarded()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
        client.ReceivedText.ShouldBe("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n");
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("hi");
        client.ReceivedText.Split("link: x").Length.ShouldBe(2);
        h.ShouldBeClean();
    }

    [Fact]
    public void Http10_ResponseWithoutLength_EndsWithTheConnection()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { HttpProtocolOptions = c.HttpProtocolOptions with { AcceptHttp10 = true } },
        });
        var client = h.Connect("GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n");
        h.Reply("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");

        client.ReceivedText.ShouldStartWith("HTTP/1.0 200 OK\r\n");
        client.ReceivedText.ShouldContain("connection: close");
        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Http10_UpstreamBreaksOff_IsSeenAsAReset()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { HttpProtocolOptions = c.HttpProtocolOptions with { AcceptHttp10 = true } },
        });
        var client = h.Connect("GET / HTTP/1.0\r\nhost: a\r\n\r\n");
        h.Reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n");
        h.Upstream.Close();
        h.Run();

        client.IsReset.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxRequestHeadersKb_OfTheManager_Counts()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Manager = c => c with { MaxRequestHeadersKb = 1 } });
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\nx: " + new string('x', 2000) + "\r\n\r\n");

        client.ReceivedText.ShouldStartWith("HTTP/1.1 431 ");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("content-length: 400000\r\n\r\n", false)]
    [InlineData("transfer-encoding: chunked\r\n\r\n", true)]
    public void Echo_BothWaysAtOnce_KeepsMoving(string framing, bool chunked)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Network = new SimulatedNetworkOptions { SendBufferBytes = 32_768, ReceiveBufferBytes = 32_768, SendWouldBlockProbability = 0.1 },
            BufferLimitBytes = 65_536,
            Cluster = c => c with { PerConnectionBufferLimitBytes = 65_536 },
        });
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\n" + framing);
        h.Upstream.TakeReceived();
        h.Reply("HTTP/1.1 200 OK\r\n" + framing);
        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        var body = new byte[chunked ? 65_536 : 400_000];
        for (var i = 0; i < (chunked ? 6 : 1); i++)
        {
            client.Send(chunked ? [.. "10000\r\n"u8, .. body, .. "\r\n"u8] : body);
        }

        client.Send(chunked ? "0\r\n\r\n"u8 : []);
        for (var i = 0; i < 100; i++)
        {
            h.Upstream.Send(h.Upstream.TakeReceived());
            h.Run();
        }

        client.UnsentBytes.ShouldBe(0);
        client.Received.Length.ShouldBeGreaterThan(chunked ? 6 * 65_536 : 400_000);
        h.Counter("http.t.downstream_rq_2xx").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n|0\r\nx-t: 1\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-t|: 1\r\n|\r\n")]
    public void Trailers_OfTheResponse_PassWhenEnabled(string pieces)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { HttpProtocolOptions = c.HttpProtocolOptions with { EnableTrailers = true } },
        });
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\nte: trailers\r\n\r\n");
        foreach (var piece in pieces.Split('|'))
        {
            h.Reply(piece);
        }

        client.ReceivedText.ShouldEndWith("2\r\nhi\r\n0\r\nx-t: 1\r\n\r\n");
        h.ShouldBeClean();
    }
}
