using System.Globalization;
using System.Text;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>What peers see that speak HTTP/1 byte for byte.</summary>
public sealed class WireTests
{
    private const string Empty = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

    [Fact]
    public async Task Pipeline_OfRequests_IsAnsweredInOrder()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        var requests = new StringBuilder();
        for (var i = 0; i < 50; i++)
        {
            requests.Append(i % 2 == 0
                ? string.Create(CultureInfo.InvariantCulture, $"GET /{i} HTTP/1.1\r\nHost: a\r\n\r\n")
                : string.Create(CultureInfo.InvariantCulture, $"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n{i:0000}"));
        }

        await client.SendAsync(requests.ToString());

        for (var i = 0; i < 50; i++)
        {
            (await client.ReadMessageAsync()).Body.ShouldStartWith(i % 2 == 0 ? $"GET /{i}\n" : $"{i:0000}");
        }
    }

    [Fact]
    public async Task Pipeline_WithCloseInTheMiddle_EndsThere()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync(
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /3 HTTP/1.1\r\nHost: a\r\n\r\n");
        var first = await client.ReadMessageAsync();
        var second = await client.ReadMessageAsync();
        var (rest, _) = await client.ReadToEndAsync();

        first.Body.ShouldStartWith("GET /1\n");
        second.Body.ShouldStartWith("GET /2\n");
        second["connection"].ShouldBe("close");
        rest.ShouldBe("");
    }

    [Fact]
    public async Task Request_ByteByByte_IsServed()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        foreach (var c in "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\n\r\n")
        {
            await client.SendAsync(c.ToString());
        }

        (await client.ReadMessageAsync()).Body.ShouldBe("abc");
    }

    [Fact]
    public async Task Http10_ByDefault_GetsUpgradeRequired()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
        var response = await client.ReadMessageAsync();
        await client.DrainAsync();

        response.Status.ShouldBe(426);
        response["connection"].ShouldBe("close");
        upstream.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task Http10_WhenAccepted_GetsBodyUntilClose()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { AcceptHttp10 = true, DefaultHostForHttp10 = "old.example" } });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET /chunked/100000 HTTP/1.0\r\n\r\n");
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(200);
        response["transfer-encoding"].ShouldBeNull();
        response.Body.Length.ShouldBe(100_000);
    }

    [Fact]
    public async Task AbsoluteForm_OfTarget_BecomesOriginFormAndHost()
    {
        var request = await ForwardAsync("GET http://example.org:81/a?b HTTP/1.1\r\nHost: other\r\n\r\n");

        request.StartLine.ShouldBe("GET /a?b HTTP/1.1");
        request.All("host").ShouldBe(["example.org:81"]);
    }

    [Fact]
    public async Task HeaderNames_OfTheRequest_KeepTheirCase()
    {
        var request = await ForwardAsync("GET / HTTP/1.1\r\nHOST: a\r\nX-MiXeD: 1\r\nx-lower: 2\r\nX-UPPER: 3\r\n\r\n");

        request.Lines.ShouldContain("X-MiXeD: 1");
        request.Lines.ShouldContain("x-lower: 2");
        request.Lines.ShouldContain("X-UPPER: 3");
    }

    [Fact]
    public async Task HopByHopHeaders_OfTheRequest_DoNotGoUpstream()
    {
        var request = await ForwardAsync(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, x-private\r\nKeep-Alive: timeout=5\r\nX-Private: 1\r\nProxy-Connection: close\r\nTE: gzip\r\nX-Public: 2\r\n\r\n");

        request.Lines.ShouldContain("X-Public: 2");
        foreach (var name in (string[])["connection", "keep-alive", "x-private", "proxy-connection", "te"])
        {
            request[name].ShouldBeNull();
        }
    }

    [Fact]
    public async Task SeveralHeaders_OfOneName_StaySeveralInOrder()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer(
            "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT\r\nset-cookie: b=2\r\nContent-Length: 0\r\nSET-COOKIE: c=3\r\n\r\n"));
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var response = await client.ReadMessageAsync();

        response.All("set-cookie").ShouldBe(["a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "b=2", "c=3"]);
        response.Lines.ShouldContain("SET-COOKIE: c=3");
    }

    [Fact]
    public async Task Reason_OfTheResponse_StaysOrBecomesTheStandardOne()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer("HTTP/1.1 418 Teapot Indeed\r\nContent-Length: 0\r\n\r\n"));
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        (await client.ReadMessageAsync()).Status.ShouldBe(418);
    }

    [Theory]
    [InlineData(8_000)]
    [InlineData(20_000)]
    [InlineData(60_000)]
    public async Task Head_UpToTheLimit_PassesBothWays(int length)
    {
        await using var upstream = await KestrelUpstream.StartAsync(context =>
        {
            context.Response.Headers["x-large"] = context.Request.Headers["x-large"];
            return Task.CompletedTask;
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        var value = new string('a', length);

        await client.SendAsync($"GET / HTTP/1.1\r\nHost: a\r\nX-Large: {value}\r\n\r\n");
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(200);
        response["x-large"].ShouldBe(value);
    }

    [Theory]
    [InlineData(1, 62_000)]
    [InlineData(62, 1_000)]
    [InlineData(101, 1)]
    public async Task Head_PastTheLimits_GetsTooLarge(int count, int length)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        var request = new StringBuilder("GET / HTTP/1.1\r\nHost: a\r\n");
        for (var i = 0; i < count; i++)
        {
            request.Append(CultureInfo.InvariantCulture, $"X-{i}: ").Append('a', length).Append("\r\n");
        }

        await client.SendAsync(request.Append("\r\n").ToString());
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(431);
        response["connection"].ShouldBe("close");
        upstream.Connections.ShouldBe(0);
        await client.DrainAsync();
    }

    [Fact]
    public async Task Head_ThatTakesTooLong_GetsTimeout()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { RequestHeadersTimeout = TimeSpan.FromMilliseconds(200) });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHos");
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(408);
        await client.DrainAsync();
    }

    [Fact]
    public async Task Informational_OfUpstream_PassesBeforeTheResponse()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer(
            "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var hints = await client.ReadMessageAsync();
        var response = await client.ReadMessageAsync();

        hints.Status.ShouldBe(103);
        hints["link"].ShouldBe("</a.css>; rel=preload");
        response.Body.ShouldBe("ok");
    }

    [Fact]
    public async Task Trailers_OfTheRequest_PassWhenEnabled()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true } });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nX-Sum: 17\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        var request = await connection.ReadMessageAsync();
        await connection.SendAsync(Empty);

        request.Body.ShouldBe("ab");
        request.Trailers.ShouldBe(["X-Sum: 17"]);
        (await client.ReadMessageAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Response_BeforeTheRequestIsWhole_IsForwardedAndBothConnectionsClose()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
        var response = await client.ReadMessageAsync();
        await client.DrainAsync();
        await connection.DrainAsync();

        response.Status.ShouldBe(413);
        response.Body.ShouldBe("no");
    }

    /// <summary>Sends a request and returns it as the upstream got it.</summary>
    private static async Task<RawMessage> ForwardAsync(string request)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await client.SendAsync(request);
        using var connection = await upstream.AcceptAsync();
        var seen = await connection.ReadMessageAsync();
        await connection.SendAsync(Empty);
        (await client.ReadMessageAsync()).Status.ShouldBe(200);
        return seen;
    }
}
