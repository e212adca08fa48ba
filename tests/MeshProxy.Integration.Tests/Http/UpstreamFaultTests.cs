using System.Diagnostics;
using System.Net;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Upstreams that refuse, stall, break off or talk nonsense: Envoy's statuses and bodies, and never a broken response taken for a whole one.</summary>
public sealed class UpstreamFaultTests
{
    private const string ResetBody = "upstream connect error or disconnect/reset before headers. reset reason: ";

    [Fact]
    public async Task NoRoute_Answers404()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, http: http => http.VirtualHost("some", ["*"], host => host.Prefix("/some", Proxy.Service)));

        using var response = await proxy.Client.GetAsync("/other");

        response.StatusCode.ShouldBe(HttpStatusCode.NotFound);
        (await response.Content.ReadAsStringAsync()).ShouldBe("");
        await proxy.StatIsAsync("http.ingress.downstream_rq_4xx", 1);
        await proxy.StatIsAsync("http.ingress.no_route", 1);
    }

    [Fact]
    public async Task ClusterWithoutHosts_Answers503()
    {
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", l => l.FilterChain(c => c.HttpConnectionManager(Proxy.Ingress, http => http.RouteAllTo(Proxy.Service))))
            .Cluster(Proxy.Service, _ => { }));

        using var response = await proxy.Client.GetAsync("/");

        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldBe("no healthy upstream");
        await proxy.StatIsAsync("cluster.service.upstream_cx_none_healthy", 1);
    }

    [Fact]
    public async Task DirectResponse_OfRoute_AnswersWithoutUpstream()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { DelayedCloseTimeout = Settings.Patience }, // the client may take its time with the rest of its body
            http => http.VirtualHost("all", ["*"], host => host.DirectResponse("/", 418, "short and stout")));

        using var response = await proxy.Client.PostAsync("/", new ByteArrayContent(Payload.Create(100_000)));

        ((int)response.StatusCode).ShouldBe(418);
        (await response.Content.ReadAsStringAsync()).ShouldBe("short and stout");
        response.Content.Headers.ContentType!.MediaType.ShouldBe("text/plain");
        upstream.Connections.ShouldBe(0);
    }

    [Fact]
    public async Task ConnectionRefused_Answers503WithReason()
    {
        using var refusing = new RefusingAddress();
        await using var proxy = await Proxy.HttpAsync(refusing.ToString());

        using var response = await proxy.Client.GetAsync("/");

        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldStartWith(ResetBody + "remote connection failure");
        await proxy.StatIsAsync("cluster.service.upstream_cx_connect_fail", 1);
    }

    [Fact]
    public async Task RouteTimeout_Answers504_AndUpstreamSeesTheConnectionClose()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, http: http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, Settings.LateTimeout)));

        var clock = Stopwatch.StartNew();
        var answer = proxy.Client.GetAsync("/");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        using var response = await answer;
        await connection.DrainAsync();

        response.StatusCode.ShouldBe(HttpStatusCode.GatewayTimeout);
        (await response.Content.ReadAsStringAsync()).ShouldBe("upstream request timeout");
        clock.Elapsed.ShouldBeGreaterThan(Settings.LateTimeout - TimeSpan.FromMilliseconds(10)); // two clocks
        await proxy.StatIsAsync("cluster.service.upstream_rq_timeout", 1);
        await proxy.StatIsAsync("http.ingress.downstream_rq_5xx", 1);
    }

    [Theory]
    [InlineData("garbage garbage garbage\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 0\n\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")]
    [InlineData("HTTP/1.1 2000 OK\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n")]
    [InlineData("HTTP/3.7 200 OK\r\n\r\n")]
    public async Task Response_ThatIsNone_Answers502(string garbage)
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer(garbage));
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        using var response = await proxy.Client.GetAsync("/");

        response.StatusCode.ShouldBe(HttpStatusCode.BadGateway);
        (await response.Content.ReadAsStringAsync()).ShouldStartWith(ResetBody + "protocol error");
        await proxy.StatIsAsync("cluster.service.upstream_cx_protocol_error", 1);
    }

    [Theory]
    [InlineData("", "close")]
    [InlineData("", "reset")]
    [InlineData("HTTP/1.1 200 O", "close")]
    [InlineData("HTTP/1.1 200 O", "reset")]
    public async Task Upstream_ThatClosesBeforeItsHead_Gives503(string part, string how)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        var answer = proxy.Client.GetAsync("/");
        var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync(part);
        var clock = Stopwatch.StartNew();
        Close(connection, how);
        using var response = await answer;

        clock.Elapsed.ShouldBeLessThan(Settings.AbortBound);
        response.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        (await response.Content.ReadAsStringAsync()).ShouldStartWith(ResetBody + "connection termination");
    }

    [Theory]
    [InlineData("close")]
    [InlineData("reset")]
    public async Task Upstream_ThatClosesInTheUpload_Gives503AndClosesTheClient(string how)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome of it");
        var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();

        var clock = Stopwatch.StartNew();
        Close(connection, how);
        var response = await client.ReadMessageAsync();

        clock.Elapsed.ShouldBeLessThan(Settings.AbortBound);
        response.Status.ShouldBe(503);
        response["connection"].ShouldBe("close");
        await client.DrainAsync();
    }

    [Theory]
    [InlineData("Content-Length: 100\r\n\r\nsome", "close")]
    [InlineData("Content-Length: 100\r\n\r\nsome", "reset")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n", "close")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n", "reset")]
    [InlineData("Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n0\r\n", "close")]
    [InlineData("Connection: close\r\n\r\nsome", "reset")]
    public async Task Upstream_ThatBreaksOffInTheBody_BreaksTheDownstreamResponse(string rest, string how)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\n" + rest);
        var head = new RawMessage((await client.ReadHeadAsync())!);
        var clock = Stopwatch.StartNew();
        Close(connection, how);
        var (body, reset) = await client.ReadToEndAsync();

        clock.Elapsed.ShouldBeLessThan(Settings.AbortBound);
        head.Status.ShouldBe(200);

        // A client can tell: fewer bytes than the length said, no last chunk, or RST.
        if (head["content-length"] is not null)
        {
            body.Length.ShouldBeLessThan(100);
        }
        else if (head["transfer-encoding"] is not null)
        {
            body.ShouldNotContain("0\r\n");
        }
        else
        {
            reset.ShouldBeTrue();
        }
    }

    [Fact]
    public async Task BodyUntilClose_OfUpstream_BecomesAWholeResponse()
    {
        await using var upstream = new RawUpstream(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\n\r\nall of it");
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        (await proxy.Client.GetStringAsync("/")).ShouldBe("all of it");
        (await proxy.Client.GetStringAsync("/")).ShouldBe("all of it");
    }

    [Fact]
    public async Task MoreBytesThanAnnounced_AreNotTheNextResponse()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison"));
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        for (var i = 0; i < 10; i++)
        {
            (await proxy.Client.GetStringAsync("/")).ShouldBe("ok");
        }
    }

    [Fact]
    public async Task UnsolicitedResponse_OnAnIdleConnection_ClosesItAndCounts()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, concurrency: 1);

        var answer = proxy.Client.GetStringAsync("/");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        (await answer).ShouldBe("ok");
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison");
        await connection.DrainAsync();

        await proxy.StatIsAsync("cluster.service.upstream_cx_unsolicited_bytes", 1);
        answer = proxy.Client.GetStringAsync("/");
        using var second = await upstream.AcceptAsync();
        await second.ReadHeadAsync();
        await second.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nclean");
        (await answer).ShouldBe("clean");
    }

    [Fact]
    public async Task IdleConnection_ThatUpstreamClosed_IsNotUsedAgain()
    {
        await using var upstream = new RawUpstream(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        for (var i = 1; i <= 5; i++)
        {
            (await proxy.Client.GetStringAsync("/")).ShouldBe("ok");
            await proxy.StatIsAsync("cluster.service.upstream_cx_active", 0);
        }

        upstream.Connections.ShouldBe(5);
    }

    [Fact]
    public async Task CircuitBreaker_OfRequests_Answers503Overloaded()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: cluster => cluster.Configure(c => c with
        {
            CircuitBreakers = new() { DefaultPriority = new() { MaxRequests = 1 } },
        }));

        var first = proxy.Client.GetAsync("/");
        using var connection = await upstream.AcceptAsync();
        using var refused = await proxy.Client.GetAsync("/");
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        using var response = await first;

        response.StatusCode.ShouldBe(HttpStatusCode.OK);
        refused.StatusCode.ShouldBe(HttpStatusCode.ServiceUnavailable);
        refused.Headers.GetValues("x-envoy-overloaded").ShouldBe(["true"]);
        (await refused.Content.ReadAsStringAsync()).ShouldBe(ResetBody + "overflow");
    }

    private static void Close(RawConnection connection, string how)
    {
        if (how == "reset")
        {
            connection.Reset();
        }
        else
        {
            connection.Dispose();
        }
    }
}
