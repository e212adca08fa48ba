using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.ConnectionManager.Http2;

/// <summary>How a downstream HTTP/2 connection begins and ends, and what it outlasts.</summary>
public class Http2ConnectionTests
{
    private const Http2ErrorCode NoError = Http2ErrorCode.NoError;
    private const Http2ErrorCode Cancel = Http2ErrorCode.Cancel;
    private const Http2ErrorCode EnhanceYourCalm = Http2ErrorCode.EnhanceYourCalm;
    private const uint AllIds = int.MaxValue;
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    private static HttpExchangeHarness Harness(Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> manager) =>
        new(new HttpExchangeOptions { Manager = manager });

    [Theory]
    [InlineData(CodecType.Auto)]
    [InlineData(CodecType.Http2)]
    public void Preface_TornApart_IsWaitedFor(CodecType type)
    {
        var h = Harness(c => c with { CodecType = type });
        var client = h.Connect();
        foreach (var b in Preface)
        {
            client.Send([b]);
            h.Run();
        }

        client.Send([.. Settings(), .. Request(1)]);
        h.Run();

        h.Upstream.ReceivedText.ShouldStartWith("GET / HTTP/1.1\r\n");
        h.Gauge("http.t.downstream_cx_http2_active").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("POST")]
    [InlineData("PRI")]
    [InlineData("P")]
    public void FirstBytes_OfAnHttp1MethodThatBeginsAlike_AreHttp1(string method)
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect();
        foreach (var c in $"{method} /p HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        {
            h.Send(client, c.ToString());
        }

        h.Upstream.ReceivedText.ShouldStartWith($"{method} /p HTTP/1.1\r\n");
        h.Gauge("http.t.downstream_cx_http1_active").ShouldBe(1);
        h.Reply(Ok);
        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void FirstBytes_ThatStayUndecided_AreNotWaitedForWithoutEnd()
    {
        var h = Harness(c => c with { RequestHeadersTimeout = TimeSpan.FromSeconds(5) });
        var client = h.Connect("PRI * HT");
        h.Advance(TimeSpan.FromSeconds(4));
        h.Send(client, "T");
        client.IsEnded.ShouldBeFalse();
        h.Advance(TimeSpan.FromSeconds(4));

        client.IsEnded.ShouldBeTrue();
        client.Received.ShouldBeEmpty();
        h.Counter("http.t.downstream_rq_header_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void CodecType_Http1_RefusesThePreface()
    {
        var h = Harness(c => c with { CodecType = CodecType.Http1 });
        var client = h.Connect();
        client.Send(Preface);
        h.Run();

        client.ReceivedText.ShouldStartWith("HTTP/1.1 ");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void CodecType_Http2_RefusesHttp1()
    {
        var h = Harness(c => c with { CodecType = CodecType.Http2 });
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\n\r\n");

        client.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_protocol_error").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Hello_TellsOurSettings()
    {
        var h = Harness(c => c with { Http2ProtocolOptions = c.Http2ProtocolOptions with { AllowConnect = true, MaxConcurrentStreams = 7 } });
        var client = new Http2SimulatedClient(h);

        var settings = client.Frames.First(f => f.Type == Http2FrameType.Settings && !f.IsAck);
        settings.Payload.Chunk(6).ShouldContain(s => s.SequenceEqual(new byte[] { 0, 3, 0, 0, 0, 7 }), "MAX_CONCURRENT_STREAMS");
        settings.Payload.Chunk(6).ShouldContain(s => s.SequenceEqual(new byte[] { 0, 8, 0, 0, 0, 1 }), "ENABLE_CONNECT_PROTOCOL");
        client.Frames.ShouldContain(f => f.Type == Http2FrameType.Settings && f.IsAck);
        h.ShouldBeClean();
    }

    [Fact]
    public void Drain_TakesStreamsOnTheirWay_ThenClosesAfterTheLast()
    {
        var h = Harness(c => c with { DrainTimeout = TimeSpan.FromSeconds(5) });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        h.Drain();
        h.Reply(Ok);

        client.Body(1).ShouldBe("hi");
        client.GoAway!.Value.ShouldBe(AllIds);
        client.GoAway.ErrorCode.ShouldBe(NoError);
        h.Counter("http.t.downstream_cx_drain_close").ShouldBe(1);
        client.Send(Request(3));
        h.Advance(TimeSpan.FromSeconds(6));
        client.GoAway.Value.ShouldBe(3U);
        client.Send(Request(5));
        client.Peer.IsEnded.ShouldBeFalse();
        h.Reply(Ok);

        client.Body(3).ShouldBe("hi");
        client.Of(5).ShouldBeEmpty();
        client.Peer.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxRequests_Reached_DrainsTheConnection()
    {
        var h = Harness(c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxRequestsPerConnection = 2 } });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        client.GoAway.ShouldBeNull();
        client.Send(Request(3));
        client.GoAway.ShouldNotBeNull();
        h.Upstreams.Connections.ForEach(u => h.Send(u, Ok));
        h.Advance(TimeSpan.FromSeconds(6));

        client.Body(1).ShouldBe("hi");
        client.Body(3).ShouldBe("hi");
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_max_requests_reached").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void IdleTimeout_DrainsAndCloses()
    {
        var h = Harness(c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { IdleTimeout = TimeSpan.FromSeconds(10) } });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        h.Advance(TimeSpan.FromSeconds(14));
        client.GoAway.ShouldBeNull("a stream is under way");
        h.Reply(Ok);
        h.Advance(TimeSpan.FromSeconds(11));
        client.GoAway.ShouldNotBeNull();
        h.Advance(TimeSpan.FromSeconds(6));

        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_idle_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxDuration_DrainsAndCloses()
    {
        var h = Harness(c => c with { CommonHttpProtocolOptions = new HttpProtocolOptions { MaxConnectionDuration = TimeSpan.FromSeconds(10) } });
        var client = new Http2SimulatedClient(h);
        h.Advance(TimeSpan.FromSeconds(9));
        client.Send(Request(1));
        h.Advance(TimeSpan.FromSeconds(9));
        client.GoAway!.Value.ShouldBe(1U);
        client.Peer.IsEnded.ShouldBeFalse();
        h.Reply(Ok);

        client.Body(1).ShouldBe("hi");
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_max_duration_reached").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Keepalive_Unanswered_ClosesTheConnection()
    {
        var h = Harness(c => c with
        {
            Http2ProtocolOptions = c.Http2ProtocolOptions with
            {
                ConnectionKeepalive = new KeepaliveSettings { Interval = TimeSpan.FromSeconds(10), Timeout = TimeSpan.FromSeconds(2), IntervalJitter = 0 },
            },
        });
        var client = new Http2SimulatedClient(h);
        h.Advance(TimeSpan.FromSeconds(11));
        var ping = client.Frames.Single(f => f.Type == Http2FrameType.Ping);
        client.Send(Frame(Http2FrameType.Ping, Http2Flags.Ack, 0, ping.Payload));
        h.Advance(TimeSpan.FromSeconds(5));
        client.Peer.IsEnded.ShouldBeFalse();
        h.Advance(TimeSpan.FromSeconds(8));

        client.Frames.Count(f => f.Type == Http2FrameType.Ping).ShouldBe(2);
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http2.keepalive_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void StreamIdle_BeforeAndAfterTheHead_EndsTheStreamOnly()
    {
        var h = Harness(c => c with { StreamIdleTimeout = TimeSpan.FromSeconds(5) });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false));
        h.Advance(TimeSpan.FromSeconds(6));
        client.Status(1).ShouldBe("408");
        client.ResetCode(1).ShouldBe(NoError);
        client.Send(Request(3));
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\npart");
        h.Advance(TimeSpan.FromSeconds(6));

        client.ResetCode(3).ShouldNotBeNull();
        client.GoAway.ShouldBeNull();
        h.ShouldBeClean();
    }

    [Fact]
    public void Flush_ThatTheClientDoesNotTake_IsGivenUp()
    {
        var h = Harness(c => c with { StreamIdleTimeout = TimeSpan.FromSeconds(5) });
        var client = new Http2SimulatedClient(h, (4, 1));
        client.Send(Request(1));
        h.Reply(Ok);
        client.Body(1).ShouldBe("h");
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.Advance(TimeSpan.FromSeconds(11));

        client.ResetCode(1).ShouldBe(Cancel);
        h.Counter("http2.tx_flush_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Resets_BeforeAnyAnswer_CloseTheConnection()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        var sent = 0;
        for (uint id = 1; client.GoAway is null && id < 4000; id += 2)
        {
            client.Send(Request(id), RstStream(id, Cancel));
            sent++;
        }

        sent.ShouldBe(250, "half of 500: however good the rest were, it would not help");
        client.GoAway!.ErrorCode.ShouldBe(EnhanceYourCalm);
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_rq_too_many_premature_resets").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Head_ThatStopsInTheMiddle_IsNotWaitedForWithoutEnd()
    {
        var h = Harness(c => c with { RequestHeadersTimeout = TimeSpan.FromSeconds(5) });
        var client = new Http2SimulatedClient(h);
        client.Send(Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block((":method", "GET"))));
        h.Advance(TimeSpan.FromSeconds(4));
        client.Send(Frame(Http2FrameType.Continuation, 0, 1, Block((":path", "/"))));
        client.GoAway.ShouldBeNull();
        h.Advance(TimeSpan.FromSeconds(2));

        client.GoAway!.ErrorCode.ShouldBe(EnhanceYourCalm);
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_rq_header_timeout").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Requests_ManyInOneRead_AreBegunInSeveralTurns()
    {
        var turns = new List<long>();
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = (filter, _, _) =>
                    {
                        turns.Add(filter.Stream.Loop.Turn);
                        filter.Stream.SendLocalReply(200, "", "test");
                        return new(MeshProxy.Core.Network.FilterStatus.StopIteration);
                    },
                },
            ],
        });
        var client = new Http2SimulatedClient(h);
        client.Send([.. Enumerable.Range(0, 500).Select(i => Request((uint)(1 + (2 * i))))]);

        turns.Count.ShouldBe(500);
        turns.GroupBy(t => t).Max(g => g.Count()).ShouldBeLessThanOrEqualTo(64);
        client.Frames.Count(f => f.Type == Http2FrameType.Headers && f.EndStream).ShouldBe(500);
        h.ShouldBeClean();
    }

    [Fact]
    public void ConnectionError_SendsGoAwayAndCloses()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1), Frame(Http2FrameType.WindowUpdate, 0, 0, 0, 0, 0, 0));

        client.GoAway!.ErrorCode.ShouldBe(Http2ErrorCode.ProtocolError);
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_protocol_error").ShouldBe(1);
        h.Counter("http.t.downstream_cx_destroy_local").ShouldBe(1);
        h.ShouldBeClean();
    }
}
