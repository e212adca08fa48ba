using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http;

namespace MeshProxy.Http.Tests.FilterChain;

/// <summary>A filter's life, and what it may do in each step.</summary>
public class FilterTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string Post = "POST /p HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello";
    private const string Chunked = "POST /p HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";
    private const string OkChunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";

    private static readonly ValueTask<FilterStatus> s_continue = new(FilterStatus.Continue);
    private static readonly ValueTask<FilterStatus> s_stop = new(FilterStatus.StopIteration);

    private static HttpExchangeHarness Harness(params DelegateFilter[] filters) => new(new HttpExchangeOptions
    {
        Filters = [.. filters.Select(f => (Func<IStreamFilterBase>)(() => f))],
        Manager = c => c with { HttpProtocolOptions = c.HttpProtocolOptions with { EnableTrailers = true } },
    });

    private static string Text(IoBuffer buffer)
    {
        var bytes = new byte[buffer.Length];
        buffer.CopyTo(bytes);
        return Encoding.Latin1.GetString(bytes);
    }

    private static DelegateFilter Logger(string name, List<string> log) => new()
    {
        OnDecodeHeaders = (_, _, end) => Say(log, $"{name} head{(end ? " end" : "")}"),
        OnDecodeData = (_, data, end) => Say(log, $"{name} data {Text(data)}{(end ? " end" : "")}"),
        OnDecodeTrailers = (_, _) => Say(log, $"{name} trailers"),
        OnEncodeHeaders = (_, _, end) => Say(log, $"{name} out head{(end ? " end" : "")}"),
        OnEncodeData = (_, data, end) => Say(log, $"{name} out data {Text(data)}{(end ? " end" : "")}"),
        OnEncodeTrailers = (_, _) => Say(log, $"{name} out trailers"),
        OnDestroyed = () => log.Add($"{name} destroyed"),
    };

    private static ValueTask<FilterStatus> Say(List<string> log, string line)
    {
        log.Add(line);
        return s_continue;
    }

    [Fact]
    public void Filters_WholeExchange_DecodeInOrderAndEncodeInReverse()
    {
        List<string> log = [];
        var h = Harness(Logger("a", log), Logger("b", log));
        h.Connect(Chunked + "5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n");
        h.Reply(OkChunked);

        log.ShouldBe([
            "a head", "b head", "a data hello", "b data hello", "a trailers", "b trailers",
            "b out head", "a out head", "b out data hi end", "a out data hi end", "a destroyed", "b destroyed"]);
        h.ShouldBeClean();
    }

    public static TheoryData<string> Steps => ["decode headers", "decode data", "decode trailers", "encode headers"];

    private static DelegateFilter At(string step, Func<DelegateFilter, ValueTask<FilterStatus>> act) => step switch
    {
        "decode headers" => new DelegateFilter { OnDecodeHeaders = (f, _, _) => act(f) },
        "decode data" => new DelegateFilter { OnDecodeData = (f, _, _) => act(f) },
        "decode trailers" => new DelegateFilter { OnDecodeTrailers = (f, _) => act(f) },
        "encode headers" => new DelegateFilter { OnEncodeHeaders = (f, _, _) => act(f) },
        "encode data" => new DelegateFilter { OnEncodeData = (f, _, _) => act(f) },
        _ => throw new ArgumentException(step),
    };

    private static void Exchange(HttpExchangeHarness h, string step, out TestSupport.Simulation.SimulatedPeer client)
    {
        client = h.Connect(Chunked + "5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n");
        if (step.StartsWith("encode", StringComparison.Ordinal))
        {
            h.Reply(Ok);
        }
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void LocalReply_FromAnyStep_IsTheResponse(string step)
    {
        var filter = At(step, f =>
        {
            f.Stream.SendLocalReply(418, "teapot", "test", headers => headers.Set("x-reply", "1"));
            return s_stop;
        });
        var h = Harness(filter);
        Exchange(h, step, out var client);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 418 ");
        client.ReceivedText.ShouldContain("x-reply: 1\r\n");
        client.ReceivedText.ShouldEndWith("\r\n\r\nteapot");
        client.ReceivedText.Split("HTTP/1.1").Length.ShouldBe(2);
        filter.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void LocalReply_AfterAnAwait_IsTheResponse(string step)
    {
        var wait = new TaskCompletionSource();
        var filter = At(step, async f =>
        {
            await wait.Task;
            f.Stream.SendLocalReply(418, "teapot", "test");
            return FilterStatus.StopIteration;
        });
        var h = Harness(filter);
        Exchange(h, step, out var client);
        client.ReceivedText.ShouldBe("");
        h.OnLoop(wait.SetResult);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 418 ");
        filter.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void LocalReply_LongAfterStopIteration_IsTheResponse()
    {
        var filter = At("decode headers", _ => s_stop);
        var h = Harness(filter);
        var client = h.Connect(Get);
        client.ReceivedText.ShouldBe("");
        h.Advance(TimeSpan.FromSeconds(5));
        h.OnLoop(() => filter.Stream.SendLocalReply(418, "teapot", "test"));

        client.ReceivedText.ShouldEndWith("teapot");
        client.IsEnded.ShouldBeFalse();
        filter.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void LocalReply_InEncodeData_CutsTheResponse()
    {
        var filter = At("encode data", f =>
        {
            f.Stream.SendLocalReply(418, "teapot", "test");
            return s_stop;
        });
        var h = Harness(filter);
        Exchange(h, "encode data", out var client);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        client.ReceivedText.ShouldNotContain("teapot");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Throw_InAnyStep_Is500(string step)
    {
        var filter = At(step, _ => throw new InvalidOperationException("test"));
        var h = Harness(filter);
        h.ExpectedFaults = 1;
        Exchange(h, step, out var client);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        h.Counter("http.t.downstream_rq_filter_fault").ShouldBe(1);
        filter.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [MemberData(nameof(Steps))]
    public void Throw_AfterAnAwait_Is500(string step)
    {
        var wait = new TaskCompletionSource();
        var filter = At(step, async _ =>
        {
            await wait.Task;
            throw new InvalidOperationException("test");
        });
        var h = Harness(filter);
        h.ExpectedFaults = 1;
        Exchange(h, step, out var client);
        h.OnLoop(wait.SetResult);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Throw_InEncodeData_CutsTheResponse()
    {
        var h = Harness(At("encode data", _ => throw new InvalidOperationException("test")));
        h.ExpectedFaults = 1;
        Exchange(h, "encode data", out var client);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Throw_InTheReplysHeaders_Is500()
    {
        var h = Harness(At("decode headers", f =>
        {
            f.Stream.SendLocalReply(418, "", "test", _ => throw new InvalidOperationException("test"));
            return s_stop;
        }));
        h.ExpectedFaults = 1;
        var client = h.Connect(Get);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Throw_InInitialize_Is500AndTheConnectionLives()
    {
        var isBad = true;
        var filter = new DelegateFilter { OnInitialize = () => _ = isBad ? throw new InvalidOperationException("test") : 0 };
        var h = Harness(filter);
        h.ExpectedFaults = 1;
        var client = h.Connect(Get);
        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        isBad = false;
        h.Send(client, Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Throw_InTheFactory_Is500AndTheNextRequestIsServed()
    {
        var isBad = true;
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters = [() => isBad ? throw new InvalidOperationException("test") : new DelegateFilter()],
        })
        { ExpectedFaults = 1 };
        var client = h.Connect(Get);
        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        isBad = false;
        h.Send(client, Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Throw_InOnDestroy_HarmsNobody()
    {
        var last = new DelegateFilter();
        var h = Harness(new DelegateFilter { OnDestroyed = () => throw new InvalidOperationException("test") }, last);
        h.ExpectedFaults = 1;
        var client = h.Connect(Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("hi");
        last.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("decode headers")]
    [InlineData("decode data")]
    [InlineData("encode headers")]
    [InlineData("encode data")]
    public void Pending_ClientCloses_IsAZombieUntilTheCallReturns(string step)
    {
        var wait = new TaskCompletionSource();
        CancellationToken token = default;
        var filter = At(step, async f =>
        {
            token = f.Stream.Aborted;
            await wait.Task;
            f.Stream.SendLocalReply(418, "", "dead"); // does nothing
            return FilterStatus.Continue;
        });
        var h = Harness(filter);
        Exchange(h, step, out var client);
        client.Reset();
        h.Run();

        h.Gauge("http.t.downstream_rq_zombie").ShouldBe(1);
        token.IsCancellationRequested.ShouldBeTrue();
        filter.Destroyed.ShouldBe(0);
        h.OnLoop(wait.SetResult);

        h.Gauge("http.t.downstream_rq_zombie").ShouldBe(0);
        filter.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pending_ResumedByItsToken_EndsTheStreamOnce()
    {
        var filter = At("decode headers", async f =>
        {
            try
            {
                await Task.Delay(Timeout.Infinite, f.Stream.Aborted);
            }
            catch (OperationCanceledException)
            {
                return FilterStatus.StopIteration;
            }

            return FilterStatus.Continue;
        });
        var h = Harness(filter);
        h.Connect(Get).Close();
        h.Run();
        h.Run();

        filter.Destroyed.ShouldBe(1);
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pending_ResumedByATaskOfAnotherThread_ComesBackToTheLoop()
    {
        var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var threads = new List<int>();
        var h = Harness(At("decode headers", async _ =>
        {
            threads.Add(Environment.CurrentManagedThreadId);
            await wait.Task;
            threads.Add(Environment.CurrentManagedThreadId);
            return FilterStatus.Continue;
        }));
        var client = h.Connect(Get);
        var thread = new Thread(wait.SetResult);
        thread.Start();
        thread.Join();
        h.Run();
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("hi");
        threads.Distinct().Count().ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Pending_DecodeFilter_PausesTheBody()
    {
        var wait = new TaskCompletionSource<FilterStatus>();
        var h = Harness(At("decode headers", _ => new ValueTask<FilterStatus>(wait.Task)));
        var client = h.Connect("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
        client.Send(new byte[1_000_000]);
        h.Run();
        h.Downstream.BytesReceived.ShouldBeLessThan(300_000);
        h.Upstreams.Connections.ShouldBeEmpty();
        h.OnLoop(() => wait.SetResult(FilterStatus.Continue));

        h.Upstream.Received.Length.ShouldBeGreaterThan(1_000_000);
        h.Reply(Ok);
        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void Timeout_WhileAnEncodeFilterWaits_ReplacesTheResponse()
    {
        var wait = new TaskCompletionSource<FilterStatus>();
        var h = Harness(At("encode headers", _ => new ValueTask<FilterStatus>(wait.Task)));
        var client = h.Connect(Get);
        h.Reply(Ok);
        h.Advance(TimeSpan.FromSeconds(16));
        client.ReceivedText.ShouldBe("");
        h.OnLoop(() => wait.SetResult(FilterStatus.Continue));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 504 ");
        client.ReceivedText.Split("HTTP/1.1").Length.ShouldBe(2);
        h.ShouldBeClean();
    }

    // Pulling the body.

    private static DelegateFilter Buffering(long maxBytes, Action<string>? seen = null, Action<DelegateFilter, IoBuffer>? change = null) => new()
    {
        OnDecodeHeaders = async (f, _, _) =>
        {
            var body = await f.Stream.BufferRequestBodyAsync(maxBytes);
            if (body is null)
            {
                return FilterStatus.StopIteration;
            }

            seen?.Invoke(Text(body));
            change?.Invoke(f, body);
            return FilterStatus.Continue;
        },
    };

    [Fact]
    public void BufferBody_OneFilter_LaterOnesSeeItAsOnePiece()
    {
        List<string> log = [];
        var body = "";
        var h = Harness(Logger("a", log), Buffering(100, b => body = b), Logger("c", log));
        var client = h.Connect(Post[..^3]);
        h.Upstreams.Connections.ShouldBeEmpty();
        h.Send(client, "llo");

        body.ShouldBe("hello");
        h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\nhello");
        log.ShouldBe(["a head", "a data he", "a data llo end", "c head", "c data hello end"]);
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_TwoFilters_EachSeesItOnce()
    {
        List<string> log = [];
        List<string> bodies = [];
        var h = Harness(
            Logger("a", log), Buffering(100, bodies.Add), Logger("c", log), Buffering(100, bodies.Add), Logger("e", log));
        h.Connect(Chunked + "5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n");

        bodies.ShouldBe(["hello", "hello"]);
        log.ShouldBe([
            "a head", "a data hello", "c head", "c data hello", "e head", "e data hello", "a trailers", "c trailers", "e trailers"]);
        h.Upstream.ReceivedText.ShouldContain("5\r\nhello\r\n0\r\n");
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_OfARequestWithoutBody_AddsNoData()
    {
        List<string> log = [];
        var h = Harness(Buffering(100), Logger("b", log));
        h.Connect(Get);

        log.ShouldBe(["b head end"]);
        h.Upstream.ReceivedText.ShouldStartWith("GET / ");
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_EmptyChunkedBody_EndsOnceForEveryFilter()
    {
        List<string> log = [];
        var h = Harness(Logger("a", log), Buffering(100), Logger("c", log), Buffering(100), Logger("e", log));
        h.Connect(Chunked + "0\r\n\r\n");

        log.ShouldBe(["a head", "a data  end", "c head", "c data  end", "e head", "e data  end"]);
        h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\n0\r\n\r\n");
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_OverTheLimit_Is413()
    {
        var h = Harness(Buffering(4));
        var client = h.Connect(Post);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 413 ");
        h.Counter("http.t.downstream_rq_too_large").ShouldBe(1);
        h.Upstreams.Connections.ShouldBeEmpty();
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_OverTheLimitOfTheSecondFilter_Is413()
    {
        var h = Harness(Buffering(100), Buffering(4));
        var client = h.Connect(Post);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 413 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_RequestTimeoutMeanwhile_Is408()
    {
        var filter = Buffering(100);
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters = [() => filter],
            Manager = c => c with { RequestTimeout = TimeSpan.FromSeconds(2) },
        });
        var client = h.Connect(Post[..^3]);
        h.Advance(TimeSpan.FromSeconds(3));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 408 ");
        client.IsEnded.ShouldBeTrue();
        filter.Destroyed.ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_ClientClosesMeanwhile_EndsTheStream()
    {
        var filter = Buffering(100);
        var h = Harness(filter);
        h.Connect(Post[..^3]).Close();
        h.Run();

        filter.Destroyed.ShouldBe(1);
        h.Gauge("http.t.downstream_rq_active").ShouldBe(0);
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_OutsideOfDecodeHeaders_IsAFault()
    {
        var h = Harness(At("decode data", async f =>
        {
            await f.Stream.BufferRequestBodyAsync(100);
            return FilterStatus.Continue;
        }));
        h.ExpectedFaults = 1;
        var client = h.Connect(Post);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void BufferBody_ChangedWithItsLength_IsForwarded()
    {
        var h = Harness(Buffering(100, change: (f, body) =>
        {
            body.Append(" world"u8);
            f.Stream.RequestHeaders.Set(HeaderNames.ContentLength, "11");
        }));
        h.Connect(Post);

        h.Upstream.ReceivedText.ShouldContain("content-length: 11\r\n");
        h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\nhello world");
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Body_ChangedAgainstItsLength_NeverLeavesAPooledConnection(bool longer)
    {
        var h = Harness(new DelegateFilter
        {
            OnDecodeData = (_, data, _) =>
            {
                if (longer)
                {
                    data.Append("GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"u8);
                }
                else
                {
                    data.Clear();
                }

                return s_continue;
            },
        });
        var client = h.Connect(Post);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 500 ");
        h.Upstream.IsEnded.ShouldBeTrue();
        h.Upstream.ReceivedText.ShouldNotContain("smuggled");
        h.ShouldBeClean();
    }

    [Fact]
    public void ReadData_TakesTheBodyOutOfTheStream()
    {
        List<string> log = [];
        var taken = "";
        var h = Harness(
            Logger("a", log),
            new DelegateFilter
            {
                OnDecodeHeaders = async (f, headers, _) =>
                {
                    var into = new IoBuffer(f.Stream.Loop.Slabs);
                    while (await f.Stream.ReadRequestDataAsync(into))
                    {
                    }

                    taken = Text(into);
                    into.Clear();
                    headers.Remove(HeaderNames.ContentLength);
                    return FilterStatus.Continue;
                },
            },
            Logger("c", log));
        var client = h.Connect(Post[..^3]);
        h.Send(client, "llo");

        taken.ShouldBe("hello");
        log.ShouldBe(["a head", "a data he", "a data llo end", "c head", "c data  end"]);
        h.Reply(Ok);
        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }

    [Fact]
    public void ReadData_AfterAnotherFilterBuffered_TakesWhatItKept()
    {
        List<string> log = [];
        var taken = "";
        var h = Harness(
            Buffering(100),
            new DelegateFilter
            {
                OnDecodeHeaders = async (f, headers, _) =>
                {
                    var into = new IoBuffer(f.Stream.Loop.Slabs);
                    while (await f.Stream.ReadRequestDataAsync(into))
                    {
                    }

                    taken = Text(into);
                    into.Clear();
                    headers.Remove(HeaderNames.ContentLength);
                    return FilterStatus.Continue;
                },
            },
            Logger("c", log));
        h.Connect(Post);

        taken.ShouldBe("hello");
        log.ShouldBe(["c head", "c data  end"]);
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Fact]
    public void ReadData_OnePartOnly_LeavesTheRest()
    {
        List<string> log = [];
        var h = Harness(
            new DelegateFilter
            {
                OnDecodeHeaders = async (f, headers, _) =>
                {
                    var into = new IoBuffer(f.Stream.Loop.Slabs);
                    (await f.Stream.ReadRequestDataAsync(into)).ShouldBeTrue();
                    into.Clear();
                    headers.Remove(HeaderNames.ContentLength);
                    return FilterStatus.Continue;
                },
            },
            Logger("b", log));
        var client = h.Connect(Post[..^3]);
        h.Send(client, "llo");

        log.ShouldBe(["b head", "b data llo end"]);
        h.Upstream.ReceivedText.ShouldEndWith("3\r\nllo\r\n0\r\n\r\n");
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    // The response.

    [Fact]
    public void Response_BodyChangedAfterLengthWasRemoved_IsChunked()
    {
        var h = Harness(new DelegateFilter
        {
            OnEncodeHeaders = (_, headers, _) =>
            {
                headers.Remove(HeaderNames.ContentLength);
                return s_continue;
            },
            OnEncodeData = (_, data, _) =>
            {
                data.Append(" there"u8);
                return s_continue;
            },
        });
        var client = h.Connect(Get);
        h.Reply(Ok);

        client.ReceivedText.ShouldEndWith("8\r\nhi there\r\n0\r\n\r\n");
        client.IsEnded.ShouldBeFalse();
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Response_BodyChangedAgainstItsLength_CutsTheConnection(bool longer)
    {
        var h = Harness(new DelegateFilter
        {
            OnEncodeData = (_, data, _) =>
            {
                data.Clear();
                if (longer)
                {
                    data.Append("much longer"u8);
                }

                return s_continue;
            },
        });
        var client = h.Connect(Get + Get);
        h.Reply(Ok);

        client.ReceivedText.Split("HTTP/1.1").Length.ShouldBe(2);
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }

    [Fact]
    public void Response_LengthSetWhereNoBodyFollows_IsZero()
    {
        var h = Harness(new DelegateFilter
        {
            OnEncodeHeaders = (_, headers, end) =>
            {
                end.ShouldBeTrue();
                headers.Set(HeaderNames.ContentLength, "5");
                return s_continue;
            },
        });
        var client = h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");

        client.ReceivedText.ShouldContain("content-length: 0\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Request_LengthSetWhereNoBodyFollows_IsNotSent()
    {
        var h = Harness(new DelegateFilter
        {
            OnDecodeHeaders = (_, headers, _) =>
            {
                headers.Set(HeaderNames.ContentLength, "5");
                return s_continue;
            },
        });
        h.Connect(Get);

        h.Upstream.ReceivedText.ShouldNotContain("content-length");
        h.Reply(Ok);
        h.ShouldBeClean();
    }

    [Fact]
    public void LocalReply_IsShownToTheEncoders()
    {
        List<string> log = [];
        var h = Harness(Logger("a", log), At("decode headers", f =>
        {
            f.Stream.SendLocalReply(418, "x", "test");
            return s_stop;
        }));
        h.Connect(Get);

        log.ShouldBe(["a head end", "a out head", "a out data x end", "a destroyed"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void CloseByAFilter_InsideItsCall_EndsTheStreamAfterIt()
    {
        var filter = At("decode headers", f =>
        {
            f.Stream.Connection.Close(CloseType.NoFlush);
            return s_continue;
        });
        var h = Harness(filter);
        var client = h.Connect(Get);

        client.IsEnded.ShouldBeTrue();
        filter.Destroyed.ShouldBe(1);
        h.Upstreams.Connections.ShouldBeEmpty();
        h.ShouldBeClean();
    }

    // Life.

    private sealed class Reusable : DelegateFilter, IReusableFilter
    {
        public int Resets { get; private set; }

        public void Reset() => Resets++;
    }

    [Fact]
    public void Reusable_ServesTheNextStream_OthersAreMadeAnew()
    {
        var made = 0;
        var reusable = new Reusable();
        var all = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters = [() =>
            {
                made++;
                return reusable;
            }],
        });
        var client = all.Connect(Get);
        all.Reply(Ok);
        all.Send(client, Get);
        all.Reply(Ok);
        made.ShouldBe(1);
        reusable.Resets.ShouldBe(2);
        reusable.Destroyed.ShouldBe(2);
        all.ShouldBeClean();

        made = 0;
        var mixed = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters = [() => new Reusable(), () =>
            {
                made++;
                return new DelegateFilter();
            }],
        });
        client = mixed.Connect(Get);
        mixed.Reply(Ok);
        mixed.Send(client, Get);
        mixed.Reply(Ok);
        made.ShouldBe(2);
        mixed.ShouldBeClean();
    }

    [Fact]
    public void Reusable_ThatThrew_IsNotUsedAgain()
    {
        var made = 0;
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters = [() => ++made == 1 ? new Reusable { OnDecodeHeaders = (_, _, _) => throw new InvalidOperationException("test") } : new Reusable()],
        })
        { ExpectedFaults = 1 };
        var client = h.Connect(Get);
        h.Send(client, Get);
        h.Reply(Ok);

        made.ShouldBe(2);
        client.ReceivedText.ShouldEndWith("hi");
        h.ShouldBeClean();
    }
}
