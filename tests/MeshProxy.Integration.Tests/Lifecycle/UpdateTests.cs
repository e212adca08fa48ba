using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Lifecycle;

/// <summary>Updates and stops under traffic.</summary>
public sealed class UpdateTests
{
    [Fact]
    public async Task Update_ThatAddsAndRemovesListenersAndClusters_FailsNoRequest()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.StartAsync(builder => Describe(builder, upstream.Address, extra: 0));
        using var stop = new CancellationTokenSource();
        var answered = 0;
        var clients = Enumerable.Range(0, 4).Select(async _ =>
        {
            while (!stop.IsCancellationRequested)
            {
                (await proxy.Client.GetStringAsync("/")).ShouldStartWith("GET /");
                Interlocked.Increment(ref answered);
            }
        }).ToArray();

        for (var i = 1; i <= 20; i++)
        {
            var before = Volatile.Read(ref answered);
            await proxy.Server.UpdateAsync(Describe(new MeshProxyBuilder(), upstream.Address, extra: i % 4).BuildConfig()).WaitAsync(Settings.Patience);
            for (var extra = 1; extra <= i % 4; extra++)
            {
                using var client = await RawConnection.ConnectAsync(proxy.PortOf($"extra-{extra}"));
                await client.SendAsync("GET /extra HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
                (await client.ReadMessageAsync()).Status.ShouldBe(200);
            }

            await Settings.EventuallyAsync(() => Volatile.Read(ref answered) > before || clients.Any(client => client.IsFaulted), () => "no requests");
        }

        await stop.CancelAsync();
        await Task.WhenAll(clients).WaitAsync(Settings.Patience);
        proxy.Server.GetListenerAddresses("extra-1").ShouldBeEmpty();
    }

    [Fact]
    public async Task Update_ThatChangesRoutes_AppliesToNewConnections_AndOldOnesDrain()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http.VirtualHost("all", ["*"], host => host.DirectResponse("/", 200, "old")));
        using var old = await proxy.ConnectAsync();
        await old.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await old.ReadMessageAsync()).Body.ShouldBe("old");

        await proxy.Server.UpdateAsync(new MeshProxyBuilder()
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                .HttpConnectionManager(Proxy.Ingress, http => http.VirtualHost("all", ["*"], host => host.DirectResponse("/", 200, "new")))))
            .BuildConfig());

        using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        (await client.ReadMessageAsync()).Body.ShouldBe("new");

        // The old connection belongs to a filter chain that drains: it is served once more and told to close, or is closed while idle.
        await old.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        if (await old.ReadHeadAsync() is { } head)
        {
            new RawMessage(head)["connection"].ShouldBe("close");
        }

        await old.DrainAsync();
    }

    [Fact]
    public async Task Update_WithErrors_ChangesNothing()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var wrong = new MeshProxyBuilder()
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.TcpProxy("", "nowhere")))
            .Cluster("c", cluster => cluster.ConnectTimeout(TimeSpan.Zero).Endpoints("127.0.0.1:1"))
            .BuildConfig();

        var exception = await Should.ThrowAsync<ConfigException>(() => proxy.Server.UpdateAsync(wrong));

        exception.Errors.Count.ShouldBeGreaterThanOrEqualTo(3);
        (await proxy.Client.GetStringAsync("/")).ShouldStartWith("GET /");
    }

    [Fact]
    public async Task Stop_WithRequestInFlight_LetsItFinishAndSaysClose()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        using var idle = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        var port = proxy.Port;

        // Port and listener are gone once the stop has begun; the leak check of the fixture needs a running server.
        await proxy.DrainAsync(async () =>
        {
            await Settings.EventuallyAsync(() => !CanConnect(port), () => "the port still accepts");
            await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
            var response = await client.ReadMessageAsync();
            response.Body.ShouldBe("done");
            response["connection"].ShouldBe("close");
            await client.DrainAsync();
            client.Dispose();
            await idle.DrainAsync();
            idle.Dispose();
        });
    }

    [Fact]
    public async Task Stop_WhenTheTokenIsCancelled_EndsTheDrain()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadHeadAsync();
        using var cancellation = new CancellationTokenSource();

        var stop = proxy.Server.StopAsync(cancellation.Token);
        await proxy.StatIsAsync("server.state", 1);
        stop.IsCompleted.ShouldBeFalse();
        await cancellation.CancelAsync();

        await stop.WaitAsync(Settings.Patience);
        await client.DrainAsync();
        await connection.DrainAsync();
        proxy.IsStopped = true;
    }

    [Fact]
    public async Task TwoProxies_InOneProcess_ServeOneBehindTheOther()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var inner = await Proxy.HttpAsync(upstream.Address);
        await using var outer = await Proxy.HttpAsync($"127.0.0.1:{inner.Port}");

        for (var i = 0; i < 20; i++)
        {
            (await outer.Client.GetStringAsync("/twice")).ShouldStartWith("GET /twice");
        }

        await inner.StatIsAsync("http.ingress.downstream_rq_2xx", 20);
        await outer.StatIsAsync("http.ingress.downstream_rq_2xx", 20);
    }

    private static MeshProxyBuilder Describe(MeshProxyBuilder builder, string upstream, int extra)
    {
        builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                .HttpConnectionManager(Proxy.Ingress, http => http.RouteAllTo(Proxy.Service))))
            .Cluster(Proxy.Service, cluster => cluster.Endpoints(upstream));
        for (var i = 1; i <= extra; i++)
        {
            var name = $"extra-{i}";
            builder
                .Listener(name, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                    .HttpConnectionManager(name, http => http.RouteAllTo(name))))
                .Cluster(name, cluster => cluster.Endpoints(upstream));
        }

        return builder;
    }

    private static bool CanConnect(int port)
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp);
        try
        {
            socket.Connect(System.Net.IPAddress.Loopback, port);
            return true;
        }
        catch (System.Net.Sockets.SocketException)
        {
            return false;
        }
    }
}
