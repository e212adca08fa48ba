using System.Net;
using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Filters as users write them.</summary>
public sealed class FilterTests
{
    [Fact]
    public async Task FilterThatAwaitsTheThreadPool_ComesBackToItsWorker()
    {
        var threads = new List<(int Before, int After, int Encode)>();
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ => new AwaitingFilter(threads))
            .RouteAllTo(Proxy.Service));

        await Parallel.ForAsync(0, 50, async (i, cancellation) =>
        {
            using var response = await proxy.Client.PostAsync($"/{i}", new StringContent("body"), cancellation);
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
        });

        threads.Count.ShouldBe(50);
        threads.ShouldAllBe(thread => thread.Before == thread.After && thread.After == thread.Encode);
    }

    [Theory]
    [InlineData("decode-headers-sync")]
    [InlineData("decode-headers-async")]
    [InlineData("decode-data")]
    [InlineData("encode-headers")]
    public async Task FilterThatThrows_Gives500_AndTheNextRequestIsFine(string where)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ => new ThrowingFilter(where))
            .RouteAllTo(Proxy.Service));

        for (var i = 0; i < 3; i++)
        {
            var request = new HttpRequestMessage(HttpMethod.Post, "/echo") { Content = new StringContent("body"), Headers = { { "x-throw", "1" } } };
            using var broken = await proxy.Client.SendAsync(request);
            using var fine = await proxy.Client.PostAsync("/echo", new StringContent("body"));

            broken.StatusCode.ShouldBe(HttpStatusCode.InternalServerError);
            (await fine.Content.ReadAsStringAsync()).ShouldBe("body");
        }

        await proxy.StatIsAsync("http.ingress.downstream_rq_filter_fault", 3);
    }

    [Fact]
    public async Task FilterThatThrowsInTheResponseBody_BreaksThatResponseOnly()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ => new ThrowingFilter("encode-data"))
            .RouteAllTo(Proxy.Service));

        await Should.ThrowAsync<HttpRequestException>(() => proxy.Client.SendAsync(
            new HttpRequestMessage(HttpMethod.Get, "/bytes/100000") { Headers = { { "x-throw", "1" } } }));

        (await proxy.Client.GetByteArrayAsync("/bytes/100000")).ShouldBe(Payload.Create(100_000));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(500_000)]
    public async Task FilterThatBuffersTheBody_SeesAllOfItBeforeUpstreamDoes(int length)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ => new BufferingFilter(1_000_000))
            .RouteAllTo(Proxy.Service));

        using var response = await proxy.Client.PostAsync("/echo", new PayloadContent(length, withLength: false));

        response.Headers.GetValues("x-buffered").ShouldBe([$"{length}"]);
        (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length);
    }

    [Fact]
    public async Task FilterThatBuffersTheBody_PastItsLimit_Gives413()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ => new BufferingFilter(1000))
            .RouteAllTo(Proxy.Service));
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + new string('a', 1500));
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(413);
        response.Body.ShouldBe("Payload Too Large");
        upstream.Connections.ShouldBe(0);
        await client.DrainAsync();
    }

    [Fact]
    public async Task EightFilters_OverBodiesBothWays_ChangeThemInOrder()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http =>
        {
            for (var i = 0; i < 8; i++)
            {
                var mark = (char)('a' + i);
                http.Filter(_ => new MarkingFilter(mark));
            }

            http.RouteAllTo(Proxy.Service);
        });

        using var response = await proxy.Client.PostAsync("/echo", new ChunkedText("body"));

        // Each appends its letter at the request's end in order, and at the response's end in reverse order.
        (await response.Content.ReadAsStringAsync()).ShouldBe("bodyabcdefghhgfedcba");
        response.Headers.GetValues("x-mark").ShouldBe(["h", "g", "f", "e", "d", "c", "b", "a"]);
    }

    [Fact]
    public async Task FilterThatReplies_AnswersWithoutUpstream()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ => new ReplyingFilter())
            .RouteAllTo(Proxy.Service));

        using var response = await proxy.Client.PostAsync("/", new StringContent("body"));

        response.StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        (await response.Content.ReadAsStringAsync()).ShouldBe("who are you?");
        response.Headers.GetValues("www-authenticate").ShouldBe(["Basic"]);
        upstream.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task FilterThatStillWaits_WhenTheClientGoes_IsCancelledAndDestroyedOnce()
    {
        var filters = new List<WaitingFilter>();
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http
            .Filter(_ =>
            {
                var filter = new WaitingFilter();
                filters.Add(filter);
                return filter;
            })
            .RouteAllTo(Proxy.Service));
        using (var client = await proxy.ConnectAsync())
        {
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            await Settings.EventuallyAsync(() => filters is [{ IsWaiting: true }], () => "the filter did not run");
        }

        await Settings.EventuallyAsync(() => filters[0].Destroyed == 1, () => "the filter was not destroyed");
        filters[0].WasCancelled.ShouldBeTrue();
        upstream.Connections.ShouldBe(0);
    }

    private sealed class ChunkedText(string text) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context) => await stream.WriteAsync(Encoding.ASCII.GetBytes(text));

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private sealed class AwaitingFilter(List<(int Before, int After, int Encode)> threads) : HttpFilter
    {
        private int _before;
        private int _after;

        public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            _before = Environment.CurrentManagedThreadId;
            await Task.Delay(5);
            await Task.Run(() => { });
            _after = Environment.CurrentManagedThreadId;
            return FilterStatus.Continue;
        }

        public override async ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
        {
            await Task.Yield();
            lock (threads)
            {
                threads.Add((_before, _after, Environment.CurrentManagedThreadId));
            }

            return FilterStatus.Continue;
        }
    }

    private sealed class ThrowingFilter(string where) : HttpFilter
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => where == "decode-headers-async"
            ? ThrowLater()
            : Throw("decode-headers-sync");

        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Throw("decode-data");

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => Throw("encode-headers");

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Throw("encode-data");

        private async ValueTask<FilterStatus> ThrowLater()
        {
            await Task.Yield();
            return await Throw("decode-headers-async");
        }

        private ValueTask<FilterStatus> Throw(string here) =>
            here == where && Callbacks.RequestHeaders.Contains("x-throw") ? throw new InvalidOperationException("thrown by a test") : default;
    }

    private sealed class BufferingFilter(long maxBytes) : HttpFilter
    {
        private long _length = -1;

        public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            if (await Callbacks.BufferRequestBodyAsync(maxBytes) is not { } body)
            {
                return FilterStatus.StopIteration;
            }

            _length = body.Length;
            return FilterStatus.Continue;
        }

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
        {
            headers.Set("x-buffered", $"{_length}");
            return default;
        }
    }

    private sealed class MarkingFilter(char mark) : HttpFilter
    {
        public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => Mark(data, endStream);

        public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
        {
            headers.Add("x-mark", mark.ToString());
            return default;
        }

        public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => Mark(data, endStream);

        private ValueTask<FilterStatus> Mark(IoBuffer data, bool endStream)
        {
            if (endStream)
            {
                data.Append([(byte)mark]);
            }

            return default;
        }
    }

    private sealed class ReplyingFilter : HttpFilter
    {
        public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            Callbacks.SendLocalReply(401, "who are you?", "test", response => response.Set("www-authenticate", "Basic"));
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }
    }

    private sealed class WaitingFilter : HttpFilter
    {
        public volatile bool IsWaiting;
        public volatile bool WasCancelled;
        public volatile int Destroyed;

        public override async ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
        {
            var aborted = Callbacks.Aborted;
            IsWaiting = true;
            try
            {
                await Task.Delay(Timeout.Infinite, aborted);
            }
            catch (OperationCanceledException)
            {
                WasCancelled = true;
            }

            return FilterStatus.Continue;
        }

        public override void OnDestroy() => Destroyed++;
    }
}
