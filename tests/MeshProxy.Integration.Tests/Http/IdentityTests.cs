using System.Globalization;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>What the connection manager and the router say about themselves and about the client.</summary>
public sealed class IdentityTests
{
    [Fact]
    public async Task Request_OnAnEdge_CarriesIdForwardedForProtoAndTimeout()
    {
        var (request, _) = await ExchangeAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n", edge: true);

        Guid.TryParse(request["x-request-id"], out _).ShouldBeTrue(request.Head);
        request["x-forwarded-for"].ShouldBe("127.0.0.1");
        request["x-forwarded-proto"].ShouldBe("http");
        request["x-envoy-expected-rq-timeout-ms"].ShouldBe("15000");
        request["host"].ShouldBe("a");
    }

    [Fact]
    public async Task EnvoyHeaders_OfAnExternalClient_AreStripped()
    {
        var (request, _) = await ExchangeAsync(
            "GET / HTTP/1.1\r\nHost: a\r\nx-envoy-internal: true\r\nx-envoy-original-path: /other\r\nx-envoy-upstream-rq-timeout-ms: 1\r\nx-forwarded-for: 10.0.0.1\r\n\r\n",
            edge: true);

        request["x-envoy-internal"].ShouldBeNull();
        request["x-envoy-original-path"].ShouldBeNull();
        request["x-envoy-upstream-rq-timeout-ms"].ShouldBeNull();
        request["x-forwarded-for"].ShouldNotBeNull().Replace(" ", "").ShouldBe("10.0.0.1,127.0.0.1");
    }

    [Fact]
    public async Task RequestId_OfATrustedClient_IsKept()
    {
        const string Id = "6c4d3e0a-9c1f-4f3e-8d5b-0f6c8a1b2c3d";
        var (request, _) = await ExchangeAsync($"GET / HTTP/1.1\r\nHost: a\r\nx-request-id: {Id}\r\n\r\n", edge: false);

        request.All("x-request-id").ShouldBe([Id]);
    }

    [Fact]
    public async Task Response_CarriesServerDateAndServiceTime()
    {
        var (_, response) = await ExchangeAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n", edge: true);

        response.All("server").ShouldBe(["meshproxy"]);
        DateTimeOffset.TryParseExact(response["date"], "r", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date).ShouldBeTrue(response.Head);
        (DateTimeOffset.UtcNow - date).Duration().ShouldBeLessThan(TimeSpan.FromMinutes(1));
        int.Parse(response["x-envoy-upstream-service-time"]!, CultureInfo.InvariantCulture).ShouldBeInRange(0, 20_000);
    }

    [Fact]
    public async Task LocalReply_CarriesServerAndDate_AndNoServiceTime()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http.VirtualHost("other", ["other"], host => host.Prefix("/", Proxy.Service)));
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var response = await client.ReadMessageAsync();

        response.Status.ShouldBe(404);
        response["server"].ShouldBe("meshproxy");
        response["date"].ShouldNotBeNull();
        response["x-envoy-upstream-service-time"].ShouldBeNull();
    }

    [Fact]
    public async Task Path_WhenNormalized_ReachesUpstreamClean()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { NormalizePath = true, MergeSlashes = true });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET /a//b/../c/%7Ed?x=../y HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        var request = await connection.ReadMessageAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        await client.ReadMessageAsync();

        request.StartLine.ShouldBe("GET /a/c/~d?x=../y HTTP/1.1");
    }

    [Fact]
    public async Task Hosts_RouteToTheirClusters()
    {
        await using var one = await KestrelUpstream.StartAsync(context => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "one"));
        await using var two = await KestrelUpstream.StartAsync(context => Microsoft.AspNetCore.Http.HttpResponseWritingExtensions.WriteAsync(context.Response, "two"));
        await using var proxy = await Proxy.HttpAsync(
            one.Address,
            http: http => http
                .VirtualHost("one", ["one.example", "*.one.example"], host => host.Prefix("/", Proxy.Service))
                .VirtualHost("two", ["*"], host => host.Path("/exact", "two").Regex("/re/[0-9]+", "two").Prefix("/", Proxy.Service)),
            other: builder => builder.Cluster("two", cluster => cluster.Endpoints(two.Address)));

        (await GetAsync(proxy, "one.example", "/")).ShouldBe("one");
        (await GetAsync(proxy, "a.one.example", "/exact")).ShouldBe("one");
        (await GetAsync(proxy, "elsewhere", "/exact")).ShouldBe("two");
        (await GetAsync(proxy, "elsewhere", "/re/17")).ShouldBe("two");
        (await GetAsync(proxy, "elsewhere", "/re/x")).ShouldBe("one");
    }

    private static async Task<string> GetAsync(Proxy proxy, string host, string path)
    {
        using var response = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Host = host } });
        return await response.Content.ReadAsStringAsync();
    }

    /// <summary>A request as the upstream got it, and its response as the client got it.</summary>
    private static async Task<(RawMessage Request, RawMessage Response)> ExchangeAsync(string request, bool edge)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { UseRemoteAddress = edge });
        using var client = await proxy.ConnectAsync();
        await client.SendAsync(request);
        using var connection = await upstream.AcceptAsync();
        var seen = await connection.ReadMessageAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nServer: theirs\r\nContent-Length: 0\r\n\r\n");
        return (seen, await client.ReadMessageAsync());
    }
}
