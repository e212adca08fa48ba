using MeshProxy.Http.Config;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>The connection manager's timeouts and limits on real sockets.</summary>
public sealed class TimeoutTests
{
    /// <summary>For what may run out at any time, also before the test has done its next step.</summary>
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(150);

    [Fact]
    public async Task RequestTimeout_WhileTheBodyLacks_Answers408()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { RequestTimeout = Short });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
        var response = await client.ReadMessageAsync();
        await client.DrainAsync();

        response.Status.ShouldBe(408);
        response.Body.ShouldBe("request timeout");
        await proxy.StatIsAsync("http.ingress.downstream_rq_timeout", 1);
    }

    [Fact]
    public async Task StreamIdleTimeout_WhileUpstreamIsSilent_Answers504AndClosesUpstream()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { StreamIdleTimeout = Settings.LateTimeout });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        var response = await client.ReadMessageAsync();
        await connection.DrainAsync();

        response.Status.ShouldBe(504);
        response.Body.ShouldBe("stream timeout");
        await proxy.StatIsAsync("http.ingress.downstream_rq_idle_timeout", 1);
    }

    [Fact]
    public async Task StreamIdleTimeout_InTheResponse_BreaksIt()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, config => config with { StreamIdleTimeout = Settings.LateTimeout });
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        await client.ReadHeadAsync();
        var (body, _) = await client.ReadToEndAsync();
        await connection.DrainAsync();

        body.ShouldBe("abc");
    }

    [Fact]
    public async Task ConnectionIdleTimeout_ClosesAnIdleConnection()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => With(config, options => options with { IdleTimeout = Settings.LateTimeout }));
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadMessageAsync()).Body.ShouldBe("ok");
        await client.DrainAsync();

        await proxy.StatIsAsync("http.ingress.downstream_cx_idle_timeout", 1);
    }

    [Fact]
    public async Task UpstreamIdleTimeout_ClosesAPooledConnection()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, cluster: cluster => cluster.Configure(c => c with { CommonHttpProtocolOptions = c.CommonHttpProtocolOptions with { IdleTimeout = Short } }));

        var answer = proxy.Client.GetStringAsync("/");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        (await answer).ShouldBe("ok");
        await connection.DrainAsync();

        await proxy.StatIsAsync("cluster.service.upstream_cx_idle_timeout", 1);
    }

    [Fact]
    public async Task MaxRequestsPerConnection_ClosesAfterThem()
    {
        await using var upstream = new RawUpstream(RawUpstream.Answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => With(config, options => options with { MaxRequestsPerConnection = 2 }));
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var first = await client.ReadMessageAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        var second = await client.ReadMessageAsync();
        await client.DrainAsync();

        first["connection"].ShouldBeNull();
        second["connection"].ShouldBe("close");
    }

    [Fact]
    public async Task ConnectTimeout_Answers503()
    {
        // A listener with a full backlog: connecting to it hangs.
        using var full = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        full.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        full.Listen(0);
        var port = ((System.Net.IPEndPoint)full.LocalEndPoint!).Port;
        using var filler = await RawConnection.ConnectAsync(port);
        await using var proxy = await Proxy.HttpAsync($"127.0.0.1:{port}", cluster: cluster => cluster.ConnectTimeout(Short));

        using var response = await proxy.Client.GetAsync("/");

        ((int)response.StatusCode).ShouldBe(503);
        (await response.Content.ReadAsStringAsync()).ShouldBe("upstream connect error or disconnect/reset before headers. reset reason: connection timeout");
        await proxy.StatIsAsync("cluster.service.upstream_cx_connect_timeout", 1);
    }

    private static HttpConnectionManagerConfig With(
        HttpConnectionManagerConfig config, Func<MeshProxy.Core.Config.HttpProtocolOptions, MeshProxy.Core.Config.HttpProtocolOptions> change) =>
        config with { CommonHttpProtocolOptions = change(config.CommonHttpProtocolOptions) };
}
