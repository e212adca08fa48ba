using System.Diagnostics;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>A client that goes away at any stage: the upstream's connection closes at once. By FIN (the default close of a client) and by RST.</summary>
public sealed class AbortTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_ThatGoesInTheHead_LeavesNothing(bool reset)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: ");
        await proxy.StatIsAsync("http.ingress.downstream_cx_active", 1);
        Close(client, reset);

        await proxy.StatIsAsync("http.ingress.downstream_cx_active", 0);
        upstream.Connections.ShouldBe(0);
        proxy.Stat("http.ingress.downstream_rq_total").ShouldBe(0);
    }

    [Theory]
    [InlineData(false, "Content-Length: 1000000\r\n\r\nsome of it")]
    [InlineData(true, "Content-Length: 1000000\r\n\r\nsome of it")]
    [InlineData(false, "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")]
    [InlineData(true, "Transfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n")]
    public async Task Client_ThatGoesInTheUpload_ClosesUpstream(bool reset, string rest)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var client = await proxy.ConnectAsync();
        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\n" + rest);
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();

        var elapsed = await CloseAsync(client, reset, connection);

        elapsed.ShouldBeLessThan(Settings.AbortBound);
        connection.AllReceived.ShouldNotContain("\r\n0\r\n\r\n");
        await proxy.StatIsAsync("http.ingress.downstream_rq_rx_reset", 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_ThatGoesWhileItWaits_ClosesUpstream(bool reset)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();

        var elapsed = await CloseAsync(client, reset, connection);

        elapsed.ShouldBeLessThan(Settings.AbortBound);
        await proxy.StatIsAsync("http.ingress.downstream_rq_rx_reset", 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Client_ThatGoesInTheResponse_ClosesUpstream(bool reset)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nsome of it");
        await client.ReadHeadAsync();
        await client.ReadAsync(10);

        var elapsed = await CloseAsync(client, reset, connection);

        elapsed.ShouldBeLessThan(Settings.AbortBound);
        await proxy.StatIsAsync("http.ingress.downstream_rq_rx_reset", 1);
    }

    [Fact]
    public async Task Client_ThatGoesWhileTheConnectIsUnderWay_LeavesNothing()
    {
        // A listener with a full backlog: connecting to it hangs.
        using var full = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.InterNetwork, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        full.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        full.Listen(0);
        var port = ((System.Net.IPEndPoint)full.LocalEndPoint!).Port;
        using var filler = await RawConnection.ConnectAsync(port);
        // The attempt itself goes on for the next request, until it times out.
        await using var proxy = await Proxy.HttpAsync($"127.0.0.1:{port}", cluster: cluster => cluster.ConnectTimeout(TimeSpan.FromSeconds(1)));
        var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        await proxy.StatIsAsync("cluster.service.upstream_cx_total", 1);

        client.Dispose();

        await proxy.StatIsAsync("http.ingress.downstream_rq_active", 0);
        await proxy.StatIsAsync("cluster.service.upstream_rq_pending_active", 0);
    }

    [Fact]
    public async Task HttpClients_ThatCancel_LeaveTheOthersAlone()
    {
        await using var upstream = await KestrelUpstream.StartAsync(async context =>
        {
            if (context.Request.Path == "/slow")
            {
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
                return;
            }

            await Payload.WriteAsync(context.Response.Body, 100_000);
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancellation) =>
        {
            if (i % 2 == 0)
            {
                using var timeout = new CancellationTokenSource(20);
                await Should.ThrowAsync<OperationCanceledException>(() => proxy.Client.GetAsync("/slow", timeout.Token));
                return;
            }

            using var response = await proxy.Client.GetAsync("/fast", cancellation);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellation)).ShouldBe(100_000);
        });

        await proxy.StatIsAsync("http.ingress.downstream_rq_2xx", 100);
    }

    private static async Task<TimeSpan> CloseAsync(RawConnection client, bool reset, RawConnection upstream)
    {
        var clock = Stopwatch.StartNew();
        Close(client, reset);
        await upstream.ReadToEndAsync();
        return clock.Elapsed;
    }

    private static void Close(RawConnection client, bool reset)
    {
        if (reset)
        {
            client.Reset();
        }
        else
        {
            client.Dispose();
        }
    }
}
