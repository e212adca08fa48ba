using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionPools;

/// <summary>HTTP/2 upstreams, played frame by frame, behind HTTP/1.1 clients.</summary>
public class Http2UpstreamTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const Http2ErrorCode Cancel = Http2ErrorCode.Cancel;

    [Fact]
    public void Exchange_HeadAndBody_CrossBothWays()
    {
        var h = Harness();
        var client = h.Connect("POST /path?q=1 HTTP/1.1\r\nHost: example.com\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nX-Up: Stays\r\nKeep-Alive: 5\r\nTE: trailers\r\nContent-Length: 5\r\n\r\nhello");
        var server = new Http2SimulatedServer(h).Hello();

        var request = server.Request(1);
        request[":method"].ShouldBe("POST");
        request[":scheme"].ShouldBe("http");
        request[":path"].ShouldBe("/path?q=1");
        request[":authority"].ShouldBe("example.com");
        request["content-length"].ShouldBe("5");
        request["x-up"].ShouldBe("Stays");
        request.Lines.ShouldNotContain(f => f.StartsWith("connection:") || f.StartsWith("keep-alive:") || f.StartsWith("host:"));
        server.Body(1).ShouldBe("hello");
        server.IsEnded(1).ShouldBeTrue();

        server.Send(
            Http2Bytes.Head(1, endStream: false, (":status", "201"), ("x-down", "yes")),
            Http2Bytes.Data(1, "hel"),
            Http2Bytes.Data(1, "lo", endStream: true));
        client.ReceivedText.ShouldStartWith("HTTP/1.1 201 ");
        client.ReceivedText.ShouldContain("x-down: yes\r\n");
        client.ReceivedText.ShouldContain("hello");
        h.Counter("cluster.c.upstream_cx_http2_total").ShouldBe(1);
        h.Counter("cluster.c.upstream_rq_2xx").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_HeadAndBodyInOneSegment_LeaveTogether()
    {
        var h = Harness();
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.Head(1, endStream: false, (":status", "200"), ("content-length", "2")), Http2Bytes.Data(1, "hi", endStream: true));

        client.ReceivedText.ShouldContain("content-length: 2\r\n");
        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_HeadAlone_HasNoBody()
    {
        var h = Harness();
        var client = h.Connect("HEAD / HTTP/1.1\r\nhost: a\r\n\r\n" + Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.Head(1, endStream: true, (":status", "200"), ("content-length", "10")));
        server.Send(Http2Bytes.Head(3, endStream: true, (":status", "204")));

        client.ReceivedText.ShouldContain("content-length: 10\r\n");
        client.ReceivedText.ShouldContain("HTTP/1.1 204 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Trailers_CrossBothWays()
    {
        var h = Harness(new HttpExchangeOptions { Manager = m => m with { HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true } } });
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n");
        var server = new Http2SimulatedServer(h).Hello();
        var trailers = server.Of(1).Last(f => f.Type == Http2FrameType.Headers);
        trailers.Lines.ShouldBe(["x-sum: 1"]);
        trailers.EndStream.ShouldBeTrue();
        server.Body(1).ShouldBe("hi");

        server.Head(1, "200");
        server.Send(Http2Bytes.Data(1, "there"), Http2Bytes.Head(1, endStream: true, ("x-after", "2")));
        client.ReceivedText.ShouldContain("5\r\nthere\r\n0\r\nx-after: 2\r\n\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Trailers_ConnectionLostWhileAFilterHasThem_StillArrive()
    {
        var gate = new TaskCompletionSource();
        var h = Harness(new HttpExchangeOptions
        {
            Manager = m => m with { HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true } },
            Filters =
            [
                () => new DelegateFilter
                {
                    OnEncodeTrailers = async (_, _) =>
                    {
                        await gate.Task;
                        return FilterStatus.Continue;
                    },
                },
            ],
        });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Head(1, "200");
        server.Send(Http2Bytes.Data(1, "there"), Http2Bytes.Head(1, endStream: true, ("x-after", "2")));
        server.Peer.Close();
        h.Run();
        h.OnLoop(gate.SetResult);

        client.ReceivedText.ShouldContain("5\r\nthere\r\n0\r\nx-after: 2\r\n\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Trailers_WithoutABody_StillArrive()
    {
        var h = Harness(new HttpExchangeOptions { Manager = m => m with { HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true } } });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.Head(1, endStream: false, (":status", "200")), Http2Bytes.Head(1, endStream: true, ("grpc-status", "0")));

        client.ReceivedText.ShouldContain("\r\n0\r\ngrpc-status: 0\r\n\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Informational_ManyAtOnce_AllGoOn()
    {
        var h = Harness();
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(
            Http2Bytes.Head(1, endStream: false, (":status", "103"), ("link", "a")),
            Http2Bytes.Head(1, endStream: false, (":status", "103"), ("link", "b")),
            Http2Bytes.Head(1, endStream: false, (":status", "200")),
            Http2Bytes.Data(1, "hi", endStream: true));

        client.ReceivedText.ShouldContain("HTTP/1.1 103 ");
        client.ReceivedText.IndexOf("link: a").ShouldBeLessThan(client.ReceivedText.IndexOf("link: b"));
        client.ReceivedText.IndexOf("link: b").ShouldBeLessThan(client.ReceivedText.IndexOf("HTTP/1.1 200 "));
        h.ShouldBeClean();
    }

    [Fact]
    public void Pool_ManyAtOnce_ShareOneConnection()
    {
        var h = Harness();
        var clients = Enumerable.Range(0, 20).Select(_ => h.Connect(Get)).ToArray();
        var server = new Http2SimulatedServer(h).Hello();
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.Gauge("cluster.c.upstream_rq_active").ShouldBe(20);
        server.Streams.ShouldBe(Enumerable.Range(0, 20).Select(i => (uint)((2 * i) + 1)));
        foreach (var id in server.Streams.Reverse().ToArray())
        {
            server.Answer(id, "answer " + id);
        }

        for (var i = 0; i < clients.Length; i++)
        {
            clients[i].ReceivedText.ShouldContain($"answer {(2 * i) + 1}\r\n");
        }

        h.Gauge("cluster.c.http2.streams_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void FirstRequest_DoesNotWaitForSettings()
    {
        var h = Harness();
        h.Connect(Get);
        new Http2SimulatedServer(h).Streams.ShouldBe([1u]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pool_PeerTakesOneStream_OpensMoreConnections()
    {
        var h = Harness();
        var clients = Enumerable.Range(0, 3).Select(_ => h.Connect(Get)).ToArray();
        h.Upstreams.Connections.Count.ShouldBe(1);
        new Http2SimulatedServer(h).Hello((3, 1));

        h.Upstreams.Connections.Count.ShouldBe(3);
        var servers = h.Upstreams.Connections.Select(c => new Http2SimulatedServer(h, c)).ToArray();
        foreach (var server in servers)
        {
            server.Streams.ShouldBe([1u]);
            if (server != servers[0])
            {
                server.Hello((3, 1));
            }

            server.Answer(1);
        }

        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));

        // What is known of the host serves the next burst at once.
        clients = [.. Enumerable.Range(0, 3).Select(_ => h.Connect(Get))];
        h.Upstreams.Connections.Count.ShouldBe(3);
        servers.ShouldAllBe(s => s.Streams.Count() == 2);
        h.ShouldBeClean();
    }

    [Fact]
    public void Breaker_OneConnectionOfOneStream_QueuesTheRest()
    {
        var h = Harness(new HttpExchangeOptions
        {
            Cluster = c => c with
            {
                CircuitBreakers = CircuitBreakersConfig.Default with { DefaultPriority = new CircuitBreakerThresholdsConfig { MaxConnections = 1 } },
            },
        });
        var clients = Enumerable.Range(0, 3).Select(_ => h.Connect(Get)).ToArray();
        var server = new Http2SimulatedServer(h).Hello((3, 1));
        h.Gauge("cluster.c.upstream_rq_pending_active").ShouldBe(2);
        server.Answer(1);
        server.Answer(3);
        server.Answer(5);

        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        h.Upstreams.Connections.Count.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Breaker_MaxRequests_Is503Overflow()
    {
        var h = Harness(new HttpExchangeOptions
        {
            Cluster = c => c with
            {
                CircuitBreakers = CircuitBreakersConfig.Default with { DefaultPriority = new CircuitBreakerThresholdsConfig { MaxRequests = 2 } },
            },
        });
        h.Connect(Get);
        h.Connect(Get);
        var third = h.Connect(Get);

        third.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        third.ReceivedText.ShouldEndWith("reset reason: overflow");
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxRequests_OfAConnection_OpenTheNext()
    {
        var h = Harness(new HttpExchangeOptions
        {
            Cluster = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxRequestsPerConnection = 2 } },
        });
        var clients = Enumerable.Range(0, 2).Select(_ => h.Connect(Get)).ToArray();
        var first = new Http2SimulatedServer(h).Hello();
        var third = h.Connect(Get);
        h.Upstreams.Connections.Count.ShouldBe(2);
        var second = new Http2SimulatedServer(h).Hello();
        first.Answer(1);
        first.Peer.IsEnded.ShouldBeFalse();
        first.Answer(3);
        first.Peer.IsEnded.ShouldBeTrue();
        second.Answer(1);

        clients.ShouldAllBe(c => c.ReceivedText.Contains("hi"));
        third.ReceivedText.ShouldContain("hi");
        h.Counter("cluster.c.upstream_cx_max_requests").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(2u, "remote reset", "UR", "upstream_reset_before_response_started{remote_reset}")]
    [InlineData(7u, "remote refused stream reset", "UR", "upstream_reset_before_response_started{remote_refused_stream_reset}")]
    [InlineData(10u, "remote error with CONNECT request", "UR", "upstream_reset_before_response_started{connect_error}")]
    public void Stream_ResetBeforeTheHead_Is503(uint code, string text, string flag, string details)
    {
        var h = Harness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" });
        var client = h.Connect(Get);
        var other = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.RstStream(1, (Http2ErrorCode)code));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldEndWith("reset reason: " + text);
        h.LogLines.ShouldBe([$"{flag} {details}"]);
        h.Counter("cluster.c.upstream_rq_rx_reset").ShouldBe(1);
        server.Answer(3);
        other.ReceivedText.ShouldContain("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Stream_ResetInTheBody_CutsTheResponse()
    {
        var h = Harness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Head(1, "200", ("content-length", "10"));
        server.Send(Http2Bytes.Data(1, "hi"));
        server.Send(Http2Bytes.RstStream(1, Http2ErrorCode.InternalError));

        client.ReceivedText.ShouldEndWith("hi");
        client.IsEnded.ShouldBeTrue();
        server.Peer.IsEnded.ShouldBeFalse();
        h.LogLines.ShouldBe(["UR upstream_reset_after_response_started{remote_reset}"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_WholeBeforeTheRequest_ThenNoError_IsDelivered()
    {
        var h = Harness();
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(
            Http2Bytes.Head(1, endStream: false, (":status", "413"), ("content-length", "3")),
            Http2Bytes.Data(1, "big", endStream: true),
            Http2Bytes.RstStream(1, Http2ErrorCode.NoError));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 413 ");
        client.ReceivedText.ShouldEndWith("\r\n\r\nbig");
        server.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_WholeBeforeTheRequest_CancelsTheRest()
    {
        var h = Harness();
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc");
        var server = new Http2SimulatedServer(h).Hello();
        server.Answer(1);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        server.ResetCode(1).ShouldBe(Cancel);
        server.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void Downstream_Goes_CancelsOnlyItsStream()
    {
        var h = Harness();
        var one = h.Connect(Get);
        var two = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        one.Close();
        h.Run();

        server.ResetCode(1).ShouldBe(Cancel);
        server.ResetCode(3).ShouldBeNull();
        server.Answer(3);
        two.ReceivedText.ShouldContain("hi");
        h.Counter("cluster.c.upstream_rq_tx_reset").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void RouteTimeout_CancelsTheStream()
    {
        var h = Harness();
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        h.Advance(TimeSpan.FromSeconds(16));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 504 ");
        server.ResetCode(1).ShouldBe(Cancel);
        server.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Connection_Closes_EndsEachStream(bool reset)
    {
        var h = Harness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" });
        var clients = Enumerable.Range(0, 3).Select(_ => h.Connect(Get)).ToArray();
        var server = new Http2SimulatedServer(h).Hello();
        server.Answer(3);
        if (reset)
        {
            server.Peer.Reset();
        }
        else
        {
            server.Peer.Close();
        }

        h.Run();
        clients[0].ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        clients[0].ReceivedText.ShouldEndWith("reset reason: connection termination");
        clients[1].ReceivedText.ShouldContain("hi");
        clients[2].ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        h.LogLines.Count(l => l == "UC upstream_reset_before_response_started{connection_termination}").ShouldBe(2);
        h.Counter("cluster.c.upstream_cx_destroy_with_active_rq").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Connection_ClosesBehindAWholeResponse_DeliversIt()
    {
        var h = Harness(new HttpExchangeOptions { BufferLimitBytes = 16_384, Network = new SimulatedNetworkOptions { SendBufferBytes = 16_384 } });
        var client = h.Connect();
        client.IsReadPaused = true;
        h.Send(client, Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Head(1, "200", ("content-length", "300000"));
        for (var i = 0; i < 30; i++)
        {
            server.Send(Http2Bytes.Data(1, new string('x', 10_000), endStream: i == 29));
        }

        server.Peer.Close();
        h.Run();
        client.IsReadPaused = false;
        h.Run();

        client.Received.Length.ShouldBeGreaterThan(300_000);
        client.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void GoAway_StreamsBelowFinish_StreamsAboveAreRefused_NewOnesGoElsewhere()
    {
        var h = Harness();
        var clients = Enumerable.Range(0, 3).Select(_ => h.Connect(Get)).ToArray();
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.GoAway(3));
        clients[2].ReceivedText.ShouldEndWith("reset reason: remote refused stream reset");
        var fourth = h.Connect(Get);
        h.Upstreams.Connections.Count.ShouldBe(2);
        server.Answer(1);
        server.Answer(3);
        server.Peer.IsEnded.ShouldBeTrue();
        new Http2SimulatedServer(h).Hello().Answer(1);

        clients[0].ReceivedText.ShouldContain("hi");
        clients[1].ReceivedText.ShouldContain("hi");
        fourth.ReceivedText.ShouldContain("hi");
        h.Counter("cluster.c.upstream_cx_close_notify").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void GoAway_OnAnIdleConnection_ClosesIt()
    {
        var h = Harness();
        h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Answer(1);
        server.Send(Http2Bytes.GoAway(1));

        server.Peer.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Garbage_IsAProtocolErrorOfEveryStream()
    {
        var h = Harness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" });
        var clients = Enumerable.Range(0, 2).Select(_ => h.Connect(Get)).ToArray();
        var server = new Http2SimulatedServer(h).Hello();
        server.Peer.Send("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
        h.Run();

        clients.ShouldAllBe(c => c.ReceivedText.StartsWith("HTTP/1.1 502 "));
        h.LogLines.ShouldAllBe(l => l.StartsWith("UPE upstream_reset_before_response_started{protocol_error|"));
        server.Peer.IsEnded.ShouldBeTrue();
        h.Counter("cluster.c.upstream_cx_protocol_error").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(null, true)]
    [InlineData(true, false)]
    public void Response_Malformed_Is502(bool? streamError, bool closes)
    {
        var h = Harness(http2: new Http2ProtocolOptions { OverrideStreamErrorOnInvalidHttpMessage = streamError });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.Head(1, endStream: true, (":status", "200"), ("Upper-Case", "x")));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 502 ");
        server.Peer.IsEnded.ShouldBe(closes);
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_MalformedBehindAnInformationalOne_LeavesNoHeadBehind()
    {
        var h = Harness(http2: new Http2ProtocolOptions { OverrideStreamErrorOnInvalidHttpMessage = true });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(
            Http2Bytes.Head(1, endStream: false, (":status", "103"), ("link", "a")),
            Http2Bytes.Head(1, endStream: true, (":status", "200"), ("x-a", "b"), ("Upper-Case", "x")));

        client.ReceivedText.ShouldContain("HTTP/1.1 502 ");
        client.ReceivedText.ShouldNotContain("x-a");
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_BeforeTheRequestHasLeft_DoesNotCutIt()
    {
        var h = Harness();
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n" + new string('x', 100_000));
        var server = new Http2SimulatedServer(h).Hello();
        server.Body(1).Length.ShouldBe(65_535); // the window
        server.Answer(1);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        server.ResetCode(1).ShouldBeNull();
        server.Send(Http2Bytes.WindowUpdate(1, 50_000), Http2Bytes.WindowUpdate(0, 50_000));
        server.Body(1).Length.ShouldBe(100_000);
        server.IsEnded(1).ShouldBeTrue();
        server.ResetCode(1).ShouldBeNull();
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_ShorterThanItsLength_CutsTheResponse()
    {
        var h = Harness();
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Head(1, "200", ("content-length", "10"));
        server.Send(Http2Bytes.Data(1, "hi", endStream: true));

        client.ReceivedText.ShouldNotContain("HTTP/1.1 502");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_TooManyHeaders_Is502_AndOthersGoOn()
    {
        var h = Harness(new HttpExchangeOptions
        {
            Cluster = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxHeadersCount = 10 } },
        });
        var client = h.Connect(Get);
        var other = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Send(Http2Bytes.Head(1, endStream: true, [(":status", "200"), .. Enumerable.Range(0, 11).Select(i => ($"x-{i}", "v"))]));
        server.Answer(3);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 502 ");
        client.ReceivedText.ShouldNotContain("x-1:");
        other.ReceivedText.ShouldContain("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Request_BodyShorterThanItsLength_Is500_AndOthersGoOn()
    {
        var h = Harness(new HttpExchangeOptions { Filters = [() => new DelegateFilter { OnDecodeHeaders = (_, headers, _) => { headers.Set("content-length", "9"u8); return default; } }] });
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n");
        var server = new Http2SimulatedServer(h).Hello();

        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        server.ResetCode(1).ShouldBe(Cancel);
        server.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void SlowDownstream_StopsTheUpstreamAtTheWindow()
    {
        var h = Harness(
            new HttpExchangeOptions { BufferLimitBytes = 16_384, Network = new SimulatedNetworkOptions { SendBufferBytes = 16_384 } },
            new Http2ProtocolOptions { InitialStreamWindowSize = 800_000, InitialConnectionWindowSize = 800_000 });
        var client = h.Connect();
        client.IsReadPaused = true;
        h.Send(client, Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Head(1, "200");
        for (var i = 0; i < 79; i++)
        {
            server.Send(Http2Bytes.Data(1, new string('x', 10_000)));
        }

        // What was taken is what the client's socket and our buffer hold; the rest waits within the window.
        h.Downstream.BufferedBytes.ShouldBeLessThan(2 * 16_384);
        Credit(server).ShouldBe(0); // it is given back by half a window
        client.IsReadPaused = false;
        h.Run();
        Credit(server).ShouldBeGreaterThan(0);
        server.Send(Http2Bytes.Data(1, "end", endStream: true));
        client.ReceivedText.ShouldEndWith("0\r\n\r\n");
        h.ShouldBeClean();

        static long Credit(Http2SimulatedServer server) => server.Of(1).Where(f => f.Type == Http2FrameType.WindowUpdate).Sum(f => f.Value);
    }

    [Fact]
    public void SlowUpstream_StopsTheDownstream()
    {
        var h = Harness(new HttpExchangeOptions
        {
            Cluster = c => c with { PerConnectionBufferLimitBytes = 32_768 },
            Network = new SimulatedNetworkOptions { SendBufferBytes = 65_536 },
            BufferLimitBytes = 32_768,
        });
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
        var server = new Http2SimulatedServer(h).Hello();
        h.Send(client, new string('x', 1_000_000));
        server.Body(1).Length.ShouldBe(65_535); // the window
        client.UnsentBytes.ShouldBeGreaterThan(500_000);
        while (server.Body(1).Length is < 1_000_000 and var length)
        {
            server.Send(Http2Bytes.WindowUpdate(1, 50_000), Http2Bytes.WindowUpdate(0, 50_000));
            server.Body(1).Length.ShouldBeGreaterThan(length);
        }

        server.IsEnded(1).ShouldBeTrue();
        server.Answer(1);
        client.ReceivedText.ShouldContain("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Idle_Timeout_ClosesTheConnection()
    {
        var h = Harness(new HttpExchangeOptions
        {
            Cluster = c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = TimeSpan.FromSeconds(10) } },
        });
        h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        h.Advance(TimeSpan.FromSeconds(11));
        server.Peer.IsEnded.ShouldBeFalse();
        server.Answer(1);
        h.Advance(TimeSpan.FromSeconds(11));

        server.Peer.IsEnded.ShouldBeTrue();
        h.Counter("cluster.c.upstream_cx_idle_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Keepalive_PeerIsSilent_ClosesTheConnection()
    {
        var h = Harness(http2: new Http2ProtocolOptions
        {
            ConnectionKeepalive = new KeepaliveSettings { Interval = TimeSpan.FromSeconds(5), Timeout = TimeSpan.FromSeconds(2), IntervalJitter = 0 },
        });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        h.Advance(TimeSpan.FromMilliseconds(5100));
        var ping = server.Frames.Single(f => f.Type == Http2FrameType.Ping);
        server.Send(Http2Bytes.Frame(Http2FrameType.Ping, Http2Flags.Ack, 0, ping.Payload));
        h.Advance(TimeSpan.FromSeconds(3));
        client.ReceivedText.ShouldBe("");
        h.Advance(TimeSpan.FromSeconds(5));

        client.ReceivedText.ShouldEndWith("reset reason: connection termination");
        h.Counter("cluster.c.http2.keepalive_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Keepalive_AfterALongSilence_AsksBesideTheNextStream()
    {
        var h = Harness(http2: new Http2ProtocolOptions
        {
            ConnectionKeepalive = new KeepaliveSettings { Timeout = TimeSpan.FromSeconds(2), ConnectionIdleInterval = TimeSpan.FromSeconds(5) },
        });
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        server.Answer(1);
        h.Advance(TimeSpan.FromSeconds(6));
        server.Frames.ShouldNotContain(f => f.Type == Http2FrameType.Ping);
        h.Send(client, Get);

        server.Frames.ShouldContain(f => f.Type == Http2FrameType.Ping);
        h.ShouldBeClean();
    }

    [Fact]
    public void Drain_OfTheCluster_LetsStreamsFinish()
    {
        var h = Harness();
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h).Hello();
        h.ApplyCluster(c => c with { ConnectTimeout = TimeSpan.FromSeconds(9) });
        h.Run();
        server.Peer.IsEnded.ShouldBeFalse();
        server.Answer(1);

        client.ReceivedText.ShouldContain("hi");
        server.Peer.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Connect_Refused_Is503ForAllThatWait()
    {
        var h = Harness();
        h.Network.RefuseConnects(h.UpstreamAddress);
        var client = h.Connect(Get);

        client.ReceivedText.ShouldEndWith("reset reason: remote connection failure");
        h.ShouldBeClean();
    }

    [Fact]
    public void UseDownstreamProtocol_Http1Request_GoesByHttp1()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Cluster = c => c with
            {
                TypedExtensionProtocolOptions =
                [
                    new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions { UseDownstreamProtocolConfig = new() }),
                ],
            },
        });
        h.Connect(Get);

        h.Upstream.ReceivedText.ShouldStartWith("GET / HTTP/1.1\r\n");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    public void Response_InSmallPieces_IsTheSame(int size)
    {
        var h = Harness();
        var client = h.Connect(Get);
        var server = new Http2SimulatedServer(h);
        byte[] all =
        [
            .. Http2Bytes.Settings((4, 100_000)), .. Http2Bytes.SettingsAck(),
            .. Http2Bytes.Head(1, endStream: false, (":status", "200"), ("content-length", "5")),
            .. Http2Bytes.Data(1, "he"), .. Http2Bytes.Data(1, "llo", endStream: true),
        ];
        foreach (var piece in all.Chunk(size))
        {
            server.Send(piece);
        }

        client.ReceivedText.ShouldEndWith("\r\n\r\nhello");
        h.ShouldBeClean();
    }

    private static HttpExchangeHarness Harness(HttpExchangeOptions? options = null, Http2ProtocolOptions? http2 = null)
    {
        options ??= new HttpExchangeOptions();
        var cluster = options.Cluster;
        return new HttpExchangeHarness(options with
        {
            Cluster = c => cluster(c) with
            {
                TypedExtensionProtocolOptions =
                [
                    new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions
                    {
                        ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = http2 ?? new Http2ProtocolOptions() },
                    }),
                ],
            },
        });
    }
}
