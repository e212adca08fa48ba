using System.Net;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Requests of HttpClient to Kestrel.</summary>
public sealed class ExchangeTests
{
    private const string WithTrailer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\nx-checksum: 17\r\n\r\n";

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PATCH")]
    [InlineData("OPTIONS")]
    [InlineData("ACME-METHOD")]
    public async Task Request_AnyMethod_ReachesUpstream(string method)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        using var response = await proxy.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/a/b?c=d&e"));

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        (await response.Content.ReadAsStringAsync()).ShouldStartWith($"{method} /a/b?c=d&e\n");
        await proxy.StatIsAsync("http.ingress.downstream_rq_2xx", 1);
        await proxy.StatIsAsync("cluster.service.upstream_rq_total", 1);
    }

    [Fact]
    public async Task Head_OfResourceWithLength_GetsLengthAndNoBody()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        using var response = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/bytes/1234"));
        var next = await proxy.Client.GetStringAsync("/next");

        response.Content.Headers.ContentLength.ShouldBe(1234);
        next.ShouldStartWith("GET /next");
        upstream.Connections.ShouldBe(1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(8 * 1024)]
    [InlineData(3_000_000)]
    public async Task Body_WithContentLength_ComesBackAsItWent(int length)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var body = Payload.Create(length);

        using var response = await proxy.Client.PostAsync("/echo", new ByteArrayContent(body));

        response.Content.Headers.ContentLength.ShouldBe(length);
        (await response.Content.ReadAsByteArrayAsync()).ShouldBe(body);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3_000_000)]
    public async Task Body_ChunkedBothWays_ComesBackAsItWent(int length)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var body = Payload.Create(length);
        var request = new HttpRequestMessage(HttpMethod.Post, "/echo") { Content = new ByteArrayContent(body) };
        request.Headers.TransferEncodingChunked = true;

        using var response = await proxy.Client.SendAsync(request);

        response.Headers.TransferEncodingChunked.ShouldBe(true);
        (await response.Content.ReadAsByteArrayAsync()).ShouldBe(body);
    }

    [Theory]
    [InlineData(204)]
    [InlineData(304)]
    public async Task Response_ThatHasNoBody_LeavesConnectionUsable(int status)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync($"GET /status/{status} HTTP/1.1\r\nHost: a\r\n\r\n");
        var response = await client.ReadMessageAsync();
        await client.SendAsync("GET /bytes/3 HTTP/1.1\r\nHost: a\r\n\r\n");
        var next = await client.ReadMessageAsync();

        response.Status.ShouldBe(status);
        response["transfer-encoding"].ShouldBeNull();
        response["etag"].ShouldBe("\"a\"");
        next.Body.Length.ShouldBe(3);
    }

    [Fact]
    public async Task ExpectContinue_OfHttpClient_IsAnsweredByTheProxy()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = proxy.CreateClient(handler => handler.Expect100ContinueTimeout = TimeSpan.FromMinutes(1));
        var request = new HttpRequestMessage(HttpMethod.Put, "/echo") { Content = new StringContent("a body") };
        request.Headers.ExpectContinue = true;

        // The client waits a minute for the 100: without one this takes longer than the test has.
        using var response = await client.SendAsync(request).WaitAsync(Settings.Patience);

        (await response.Content.ReadAsStringAsync()).ShouldBe("a body");
    }

    [Fact]
    public async Task ExpectContinue_OnTheWire_GetsOneInformationalResponse()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
        var informational = await client.ReadMessageAsync();
        await client.SendAsync("12345");
        var response = await client.ReadMessageAsync();

        informational.StartLine.ShouldBe("HTTP/1.1 100 Continue");
        response.Status.ShouldBe(200);
        response.Body.ShouldBe("12345");
    }

    [Fact]
    public async Task Requests_OneAfterTheOther_UseOneUpstreamConnection()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        for (var i = 0; i < 100; i++)
        {
            (await proxy.Client.GetStringAsync("/bytes/100")).Length.ShouldBeGreaterThan(0);
        }

        upstream.Connections.ShouldBe(1);
        await proxy.StatIsAsync("http.ingress.downstream_cx_total", 1);
        await proxy.StatIsAsync("http.ingress.downstream_rq_total", 100);
        await proxy.StatIsAsync("cluster.service.upstream_cx_total", 1);
    }

    [Fact]
    public async Task Response_ThatBeginsBeforeTheRequestEnds_CostsItsConnection()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nab");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
        var response = new RawMessage((await client.ReadHeadAsync())!);
        await client.SendAsync("cd");
        (await connection.ReadAsync(4)).ShouldBe("abcd");
        await connection.SendAsync("cd");

        response["connection"].ShouldBe("close");
        (await client.ReadAsync(4)).ShouldBe("abcd");
        await client.DrainAsync();
    }

    [Fact]
    public async Task Requests_ManyAtOnce_AllGetTheirOwnAnswer()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        await Parallel.ForAsync(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (i, cancellation) =>
        {
            var body = await proxy.Client.GetStringAsync($"/request/{i}", cancellation);
            body.ShouldStartWith($"GET /request/{i}\n");
        });

        await proxy.StatIsAsync("http.ingress.downstream_rq_2xx", 500);
    }

    [Theory]
    [InlineData(301, "/elsewhere")]
    [InlineData(307, "http://example.org/x?y")]
    public async Task Redirect_OfUpstream_PassesUntouched(int status, string location)
    {
        await using var upstream = await KestrelUpstream.StartAsync(context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = location;
            return Task.CompletedTask;
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        using var response = await proxy.Client.GetAsync("/");

        ((int)response.StatusCode).ShouldBe(status);
        response.Headers.Location!.OriginalString.ShouldBe(location);
    }

    [Fact]
    public async Task Trailers_OfTheResponse_PassWhenEnabled()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer(WithTrailer));
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true } });

        using var response = await proxy.Client.GetAsync("/");

        (await response.Content.ReadAsStringAsync()).ShouldBe("body");
        response.TrailingHeaders.GetValues("x-checksum").ShouldBe(["17"]);
    }

    [Fact]
    public async Task Trailers_ByDefault_AreDropped()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer(WithTrailer));
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        using var response = await proxy.Client.GetAsync("/");

        (await response.Content.ReadAsStringAsync()).ShouldBe("body");
        response.TrailingHeaders.ShouldBeEmpty();
    }
}
