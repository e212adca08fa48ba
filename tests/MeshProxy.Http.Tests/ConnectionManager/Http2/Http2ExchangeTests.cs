using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.ConnectionManager.Http2;

/// <summary>Requests that come by HTTP/2 and go on by HTTP/1.1.</summary>
public class Http2ExchangeTests
{
    private const Http2ErrorCode NoError = Http2ErrorCode.NoError;
    private const Http2ErrorCode InternalError = Http2ErrorCode.InternalError;
    private const Http2ErrorCode RefusedStream = Http2ErrorCode.RefusedStream;
    private const Http2ErrorCode Cancel = Http2ErrorCode.Cancel;
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    [Fact]
    public void Get_AnsweredByUpstream_IsForwardedBothWays()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { AccessLogFormat = "%PROTOCOL% %RESPONSE_CODE% %RESPONSE_FLAGS% %BYTES_SENT%" });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, path: "/x?y", more: [("accept", "z"), ("cookie", "a=1"), ("cookie", "b=2")]));

        h.Upstream.ReceivedText.ShouldStartWith("GET /x?y HTTP/1.1\r\nhost: a\r\n");
        h.Upstream.ReceivedText.ShouldContain("accept: z\r\n");
        h.Upstream.ReceivedText.ShouldContain("cookie: a=1; b=2\r\n");
        h.Upstream.ReceivedText.ShouldContain("x-forwarded-proto: http\r\n");
        h.Reply("HTTP/1.1 200 OK\r\nConnection: keep-alive, x-hop\r\nX-Hop: 1\r\nX-Up: u\r\nContent-Length: 2\r\n\r\nhi");

        client.Status(1).ShouldBe("200");
        client.Head(1)["x-up"].ShouldBe("u");
        client.Head(1)["connection"].ShouldBeNull();
        client.Head(1)["x-hop"].ShouldBeNull();
        client.Body(1).ShouldBe("hi");
        client.IsEnded(1).ShouldBeTrue();
        client.ResetCode(1).ShouldBeNull();
        h.Counter("http.t.downstream_rq_http2_total").ShouldBe(1);
        h.Counter("http.t.downstream_rq_http1_total").ShouldBe(0);
        h.Counter("http.t.downstream_cx_http2_total").ShouldBe(1);
        h.Counter("http.t.downstream_rq_2xx").ShouldBe(1);
        h.LogLines.ShouldBe(["HTTP/2 200 - 2"]);
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
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", "/1", endStream: false), Data(1, "hello"), Request(3, "GET", "/3"), Data(1, " world", endStream: true));
        h.Advance(TimeSpan.FromMilliseconds(10));
        h.Upstreams.Connections.Count.ShouldBe(2);
        foreach (var upstream in h.Upstreams.Connections)
        {
            var isPost = upstream.ReceivedText.StartsWith("POST /1", StringComparison.Ordinal);
            if (isPost)
            {
                upstream.ReceivedText.ShouldEndWith("0\r\n\r\n");
            }

            upstream.Send(isPost ? "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\npost\r\n0\r\nx-t: 1\r\n\r\n" : Ok);
        }

        h.Advance(TimeSpan.FromMilliseconds(10));

        client.Body(1).ShouldBe("post");
        client.Body(3).ShouldBe("hi");
        client.IsEnded(1).ShouldBeTrue();
        client.IsEnded(3).ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Post_WithTrailers_TheyGoUpstreamAndBack()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { HttpProtocolOptions = c.HttpProtocolOptions with { EnableTrailers = true } },
            Cluster = c => c,
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false), Data(1, "hello"), Head(1, true, ("x-sum", "5")));
        h.Upstream.ReceivedText.ShouldContain("5\r\nhello\r\n0\r\n");
        h.Reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-answer: 42\r\n\r\n");

        client.Body(1).ShouldBe("hi");
        client.IsEnded(1).ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Streams_AnsweredInAnotherOrder_AreIndependent()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send([.. Enumerable.Range(0, 20).Select(i => Request((uint)(1 + (2 * i)), path: $"/{i}"))]);
        h.Upstreams.Connections.Count.ShouldBe(20);
        foreach (var upstream in h.Upstreams.Connections.AsEnumerable().Reverse())
        {
            var path = upstream.ReceivedText.Split(' ')[1];
            h.Send(upstream, $"HTTP/1.1 200 OK\r\ncontent-length: {path.Length}\r\n\r\n{path}");
        }

        for (var i = 0; i < 20; i++)
        {
            client.Body((uint)(1 + (2 * i))).ShouldBe($"/{i}");
        }

        h.Counter("http.t.downstream_cx_total").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Reset_ByTheClient_ResetsUpstreamAndLeavesTheOthers()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { AccessLogFormat = "%REQ(:path)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%" });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, path: "/1"), Request(3, path: "/3"));
        client.Send(RstStream(1, Cancel));

        h.Upstreams.Connections.Count(c => !c.IsConnected || c.IsEnded).ShouldBe(1);
        h.Send(h.Upstreams.Connections.First(c => c.ReceivedText.Contains("/3")), Ok);
        client.Body(3).ShouldBe("hi");
        h.LogLines.ShouldBe(["/1 0 DR http2.remote_reset", "/3 200 - via_upstream"]);
        h.Counter("http.t.downstream_rq_rx_reset").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Connection_ClosedByTheClient_EndsAllStreams()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%" });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1), Request(3, "POST", endStream: false), Data(3, "part"));
        client.Peer.Close();
        h.Run();

        h.LogLines.ShouldBe(["0 DC downstream_remote_disconnect", "0 DC downstream_remote_disconnect"]);
        h.Counter("http.t.downstream_cx_destroy_remote_active_rq").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_BeforeTheRequestIsComplete_StopsTheRequestWithNoError()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false), Data(1, "part"));
        h.Reply(Ok);

        client.Body(1).ShouldBe("hi");
        client.IsEnded(1).ShouldBeTrue();
        client.ResetCode(1).ShouldBe(NoError);
        h.Counter("http.t.downstream_rq_response_before_rq_complete").ShouldBe(1);

        // What was on its way is no error.
        client.Send(Data(1, "late", endStream: true), Request(3));
        h.Upstream.Send(Ok);
        h.Run();
        client.Body(3).ShouldBe("hi");
        client.GoAway.ShouldBeNull();
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_CutOff_ResetsItsStreamOnly()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart");
        h.Upstream.Close();
        h.Run();

        client.Body(1).ShouldBe("part");
        client.ResetCode(1).ShouldBe(InternalError);
        client.Send(Request(3));
        h.Reply(Ok);
        client.Body(3).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Expect_IsAnsweredWhenTheBodyIsWanted()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false, more: [("expect", "100-continue")]));

        client.Of(1).Single(f => f.Type == Http2FrameType.Headers)[":status"].ShouldBe("100");
        h.Upstream.ReceivedText.ShouldNotContain("expect:");
        client.Send(Data(1, "body", endStream: true));
        h.Reply(Ok);
        client.Status(1).ShouldBe("200");
        h.ShouldBeClean();
    }

    [Fact]
    public void Informational_FromUpstream_GoesThrough()
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        h.Reply("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + Ok);

        var heads = client.Of(1).Where(f => f.Type == Http2FrameType.Headers).ToList();
        heads.Select(f => f[":status"]).ShouldBe(["103", "200"]);
        heads[0]["link"].ShouldBe("</x>");
        heads[0].EndStream.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(32, "200")]
    [InlineData(33, "502")]
    [InlineData(12_000, "502")]
    public void Informational_MoreThanTheLimit_EndTheirResponseOnly(int count, string status)
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        h.Reply(string.Concat(Enumerable.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", count)) + Ok);

        var statuses = client.Of(1).Where(f => f.Type == Http2FrameType.Headers).Select(f => f[":status"]).ToList();
        statuses.Count.ShouldBe(33);
        statuses[^1].ShouldBe(status);
        client.Peer.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n", "5")]
    [InlineData("GET", "HTTP/1.1 204 No Content\r\n\r\n", null)]
    [InlineData("GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", "5")]
    [InlineData("GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "0")]
    public void Response_WithoutBody_EndsWithItsHead(string method, string response, string? length)
    {
        var h = new HttpExchangeHarness();
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, method));
        h.Reply(response);

        client.Head(1).EndStream.ShouldBeTrue();
        client.Head(1)["content-length"].ShouldBe(length);
        client.Of(1).Count(f => f.Type == Http2FrameType.Data).ShouldBe(0);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("12")]
    [InlineData("1")]
    public void Response_WhoseLengthAFilterBroke_IsReset(string length)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnEncodeHeaders = (_, headers, _) =>
                    {
                        headers.Set(MeshProxy.Http.Headers.HeaderNames.ContentLength, length);
                        return new(FilterStatus.Continue);
                    },
                },
            ],
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        h.Reply(Ok);

        client.ResetCode(1).ShouldBe(InternalError);
        client.IsEnded(1).ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Fact]
    public void LocalReply_ToOneStream_LeavesTheConnection()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = (filter, headers, _) =>
                    {
                        if (!headers.Path.SequenceEqual("/no"u8))
                        {
                            return new(FilterStatus.Continue);
                        }

                        filter.Stream.SendLocalReply(403, "no", "denied");
                        return new(FilterStatus.StopIteration);
                    },
                },
            ],
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", "/no", endStream: false), Request(3));

        client.Status(1).ShouldBe("403");
        client.Body(1).ShouldBe("no");
        client.ResetCode(1).ShouldBe(NoError);
        h.Reply(Ok);
        client.Body(3).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Request_WithoutAuthority_IsRefused()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%" });
        var client = new Http2SimulatedClient(h);
        client.Send(Head(1, true, (":method", "GET"), (":scheme", "http"), (":path", "/")));

        client.Status(1).ShouldBe("400");
        h.LogLines.ShouldBe(["400 missing_host_header"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Streams_OverTheLimit_AreRefused()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { Http2ProtocolOptions = c.Http2ProtocolOptions with { MaxConcurrentStreams = 2 } },
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1), Request(3), Request(5));

        client.ResetCode(5).ShouldBe(RefusedStream);
        h.Upstreams.Connections.Count.ShouldBe(2);
        h.Upstreams.Connections.ForEach(u => h.Send(u, Ok));
        client.Send(Request(7));
        h.Reply(Ok);
        client.Body(7).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Malformed_ByDefault_EndsTheConnection()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { AccessLogFormat = "%RESPONSE_CODE% %RESPONSE_FLAGS%" });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1), Request(3, more: [("connection", "close")]));

        client.GoAway.ShouldNotBeNull();
        client.Peer.IsEnded.ShouldBeTrue();
        h.Counter("http.t.downstream_cx_protocol_error").ShouldBe(1);
        h.LogLines.ShouldContain("0 DPE");
        h.ShouldBeClean();
    }

    [Fact]
    public void Malformed_WhereSoConfigured_EndsItsStreamOnly()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Manager = c => c with { StreamErrorOnInvalidHttpMessage = true } });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1), Request(3, more: [("connection", "close")]));

        client.ResetCode(3).ShouldBe(Http2ErrorCode.ProtocolError);
        client.GoAway.ShouldBeNull();
        h.Reply(Ok);
        client.Body(1).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Download_ClientDoesNotReadOneStream_HoldsALimitedAmount()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { BufferLimitBytes = 64 * 1024 });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, path: "/slow"), Request(3, path: "/quick"));
        var slow = h.Upstreams.Connections.First(c => c.ReceivedText.Contains("/slow"));
        var quick = h.Upstreams.Connections.First(c => c.ReceivedText.Contains("/quick"));
        slow.Send("HTTP/1.1 200 OK\r\ncontent-length: 4000000\r\n\r\n" + new string('s', 4_000_000));
        h.Run();

        // The stream's window (64 KiB) and the connection's are used up; both open again for the other stream.
        var received = client.Body(1).Length;
        received.ShouldBe(65_535);
        slow.UnsentBytes.ShouldBeGreaterThan(3_000_000);
        client.Send(WindowUpdate(0, 1_000_000));
        h.Send(quick, Ok);
        client.Body(3).ShouldBe("hi");
        for (var i = 0; i < 200 && !client.IsEnded(1); i++)
        {
            client.Send(WindowUpdate(1, 100_000), WindowUpdate(0, 100_000));
        }

        client.Body(1).Length.ShouldBe(4_000_000);
        h.ShouldBeClean();
    }

    [Fact]
    public void Upload_UpstreamDoesNotRead_WindowIsNotGivenBack()
    {
        const int Window = 128 * 1024;
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { Http2ProtocolOptions = c.Http2ProtocolOptions with { InitialStreamWindowSize = Window, InitialConnectionWindowSize = 4 * Window } },
            Cluster = c => c with { PerConnectionBufferLimitBytes = 64 * 1024 },
            BufferLimitBytes = 64 * 1024,
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false));
        h.Upstream.IsReadPaused = true;
        long Granted() => Window + client.Of(1).Where(f => f.Type == Http2FrameType.WindowUpdate).Sum(f => f.Value);
        long sent = 0;
        var piece = new byte[16_384];
        while (Granted() - sent >= piece.Length)
        {
            client.Send(Data(1, piece));
            sent += piece.Length;
            sent.ShouldBeLessThan(4_000_000, "without an end");
        }

        h.Upstream.IsReadPaused = false;
        h.Run();
        Granted().ShouldBeGreaterThan(sent);
        client.Send(Data(1, "", endStream: true));
        h.Upstream.ReceivedText.ShouldEndWith("0\r\n\r\n");
        h.Reply(Ok);
        client.Body(1).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Trailers_ResetWhileAFilterHasThem_StayItsOwn()
    {
        var gate = new TaskCompletionSource();
        HeaderTrailers? first = null;
        string? seen = null;
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeTrailers = async (_, trailers) =>
                    {
                        if (first is not null)
                        {
                            trailers.ShouldNotBe(first);
                            return FilterStatus.Continue;
                        }

                        first = trailers;
                        await gate.Task;
                        seen = trailers.GetString(HeaderName.Parse("x-a"));
                        return FilterStatus.Continue;
                    },
                },
            ],
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false), Data(1, "x"), Head(1, endStream: true, ("x-a", "1")));
        client.Send(RstStream(1, Cancel));
        client.Send(Request(3, "POST", endStream: false), Data(3, "x"), Head(3, endStream: true, ("x-b", "2")));
        h.OnLoop(gate.SetResult);

        seen.ShouldBe("1");
        client.Peer.Close();
        h.Run();
        h.ShouldBeClean();
    }

    [Fact]
    public void Upload_ThatHasWaited_IsTakenInPieces()
    {
        var gate = new TaskCompletionSource();
        var pieces = new List<long>();
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = async (_, _, _) =>
                    {
                        await gate.Task;
                        return FilterStatus.Continue;
                    },
                    OnDecodeData = (_, data, _) =>
                    {
                        pieces.Add(data.Length);
                        return new ValueTask<FilterStatus>(FilterStatus.Continue);
                    },
                },
            ],
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1, "POST", endStream: false));
        for (var i = 0; i < 20; i++)
        {
            client.Send(Data(1, new byte[16_384]));
        }

        client.Send(Data(1, "", endStream: true));
        h.OnLoop(gate.SetResult);
        h.Run();
        pieces.Sum().ShouldBe(20 * 16_384);
        pieces.Max().ShouldBeLessThanOrEqualTo(64 * 1024);
        h.Reply(Ok);
        client.Body(1).ShouldBe("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Reset_WhileAFilterWaits_WaitsForTheFilter()
    {
        var gate = new TaskCompletionSource();
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = async (_, _, _) =>
                    {
                        await gate.Task;
                        return FilterStatus.Continue;
                    },
                },
            ],
        });
        var client = new Http2SimulatedClient(h);
        client.Send(Request(1));
        client.Send(RstStream(1, Cancel));
        h.Gauge("http.t.downstream_rq_zombie").ShouldBe(1);
        client.Peer.Close();
        h.Run();
        h.Gauge("http.t.downstream_cx_active").ShouldBe(1);
        h.OnLoop(gate.SetResult);

        h.Gauge("http.t.downstream_rq_zombie").ShouldBe(0);
        h.ShouldBeClean();
    }
}
