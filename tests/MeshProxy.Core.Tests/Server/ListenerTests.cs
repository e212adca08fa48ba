using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.Network;
using static MeshProxy.Core.Tests.Server.ServerHarness;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Tests.Server;

public sealed class ListenerTests
{
    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_PastTheLimit_IsClosedAndCounted(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener() with { MaxConnections = 2 });
        using var first = await h.ConnectAsync();
        using var second = await h.ConnectAsync();
        (await first.EchoAsync("a")).ShouldBe("a");
        (await second.EchoAsync("b")).ShouldBe("b");
        await ConnectToClosedAsync(h, "main");
        h.Counter("listener.main.downstream_cx_overflow").ShouldBe(1);
        h.Counter("listener.main.downstream_cx_total").ShouldBe(2);
        first.Dispose();
        await h.StatIsAsync("listener.main.downstream_cx_active", 1);
        using var fourth = await h.ConnectAsync();
        (await fourth.EchoAsync("d")).ShouldBe("d");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ExactBalance_OverWorkers_GivesEachTheSameNumber(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind, concurrency: 3).StartAsync(
            Listener() with { ConnectionBalanceConfig = ConnectionBalance.ExactBalance });
        await ShouldSpreadEvenlyAsync(h, workers: 3);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task OneSocket_WithoutReusePort_HandsConnectionsToWorkersInTurn(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind, concurrency: 3).StartAsync(Listener() with { EnableReusePort = false });
        await ShouldSpreadEvenlyAsync(h, workers: 3);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task AdditionalAddresses_OfAListener_AreAllServed(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(
            Listener() with { AdditionalAddresses = [NetworkAddress.Parse("127.0.0.1:0"), NetworkAddress.Parse("127.0.0.2:0")] });
        var addresses = h.Server.GetListenerAddresses("main");
        addresses.Distinct().Count().ShouldBe(3);
        foreach (var address in addresses)
        {
            using var client = await Client.ConnectAsync(address);
            (await client.EchoAsync("x")).ShouldBe("x");
        }
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task InternalListener_BehindAProxy_IsReachedInMemory(EventLoopKind kind)
    {
        await using var server = new MeshProxyBuilder()
            .Configure(options => options.EventLoop = kind)
            .Listener("outer", "127.0.0.1:0", l => l.FilterChain(c => c.TcpProxy("outer", cluster: "inner")))
            .Listener("inner", "internal:inner", l => l.FilterChain(c => c.Echo()))
            .Cluster("inner", c => c.Endpoints("internal:inner"))
            .Build();
        await server.StartAsync().WaitAsync(Patience);
        server.GetListenerAddress("inner").ShouldBe(new InternalAddress("inner"));
        for (var i = 0; i < 8; i++)
        {
            using var client = await Client.ConnectAsync(server.GetListenerAddress("outer"));
            (await client.EchoAsync("through memory")).ShouldBe("through memory");
        }

        await server.StopAsync().WaitAsync(Patience);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task BindToPort_False_BindsNothing(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener(), Listener("hidden") with { BindToPort = false });
        h.Server.GetListenerAddresses("hidden").ShouldBeEmpty();
        h.Counter("listener_manager.total_listeners_active").ShouldBe(2);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Ipv4Compat_OnAnyIpv6_TakesIpv4ClientsAsIpv4(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).Terminal("who", static () => new AddressFilter());
        await h.StartAsync(Listener(filter: "who", address: "[::]:0") with { Ipv4Compat = true });
        var port = ((SocketAddress)h.Server.GetListenerAddress("main")).Port;
        using (var client = await Client.ConnectAsync(NetworkAddress.Loopback(port)))
        {
            var local = client.Socket.LocalEndPoint!.ToString()!;
            (await client.ReceiveAsync(1000)).ShouldBe($"{local} to 127.0.0.1:{port}");
        }

        using (var client = await Client.ConnectAsync(new SocketAddress(IPAddress.IPv6Loopback, port)))
        {
            var local = client.Socket.LocalEndPoint!.ToString()!;
            (await client.ReceiveAsync(1000)).ShouldBe($"{local} to [::1]:{port}");
        }
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task AnyIpv6_WithoutIpv4Compat_RefusesIpv4(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener(address: "[::]:0"));
        var port = ((SocketAddress)h.Server.GetListenerAddress("main")).Port;

        // Another test may have this port of 127.0.0.1.
        (await Should.ThrowAsync<SocketException>(() => Client.ConnectAsync(NetworkAddress.Ip("127.66.4.6", port))))
            .SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_ThatNoChainFits_IsClosedAndCounted(EventLoopKind kind)
    {
        var listener = Listener() with { FilterChains = [Chain("echo", new FilterChainMatchConfig { ServerNames = ["example.com"] })] };
        await using var h = await new ServerHarness(kind).StartAsync(listener);
        await ConnectToClosedAsync(h, "main");
        await h.StatIsAsync("listener.main.no_filter_chain_match", 1);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task DefaultFilterChain_WhenNoOtherFits_ServesTheConnection(EventLoopKind kind)
    {
        var listener = Listener() with
        {
            FilterChains = [Chain("other", new FilterChainMatchConfig { ServerNames = ["example.com"] })],
            DefaultFilterChain = Chain("echo"),
        };
        await using var h = await new ServerHarness(kind).Terminal("other", static () => new EchoFilter("no")).StartAsync(listener);
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("x")).ShouldBe("x");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task FilterThatThrows_OnOneConnection_ClosesThatOneOnly(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind, concurrency: 1)
            .Terminal("throws", static () => new ThrowingFilter())
            .Terminal("uncreatable", static ITerminalFilter () => throw new InvalidOperationException("no filter today"));
        await h.StartAsync(Listener(), Listener("bad", "throws"), Listener("worse", "uncreatable"));
        using var good = await h.ConnectAsync();
        (await good.EchoAsync("a")).ShouldBe("a");
        using (var bad = await h.ConnectAsync("bad"))
        {
            await bad.SendAsync("boom");
            await bad.ShouldBeClosedAsync();
        }

        await ConnectToClosedAsync(h, "worse");

        await h.StatIsAsync("server.caught_exceptions", 2);
        (await good.EchoAsync("b")).ShouldBe("b");
        good.Dispose();
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task AccessLog_OfAListener_GetsALineForEachConnection(EventLoopKind kind)
    {
        var path = Path.GetTempFileName();
        try
        {
            var log = new AccessLogConfig { Path = path, Format = "%BYTES_RECEIVED% %BYTES_SENT% %RESPONSE_FLAGS%\n" };
            await using (var h = await new ServerHarness(kind).StartAsync(Listener() with { AccessLog = [log] }))
            {
                using (var client = await h.ConnectAsync())
                {
                    await client.EchoAsync("hello");
                }

                await h.NothingIsLeftAsync();
            }

            File.ReadAllText(path).ShouldBe("5 5 -\n");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task AccessLog_OfTcpProxy_GetsALineWithItsUpstream(EventLoopKind kind)
    {
        var path = Path.GetTempFileName();
        try
        {
            var log = new AccessLogConfig { Path = path, Format = "%BYTES_RECEIVED% %BYTES_SENT% %UPSTREAM_CLUSTER%\n" };
            await using (var server = new MeshProxyBuilder()
                .Configure(options => options.EventLoop = kind)
                .Listener("outer", "127.0.0.1:0", l => l
                    .FilterChain(c => c.TcpProxy(new TcpProxyConfig { StatPrefix = "outer", Cluster = "inner", AccessLog = [log] })))
                .Listener("inner", "internal:inner", l => l.FilterChain(c => c.Echo()))
                .Cluster("inner", c => c.Endpoints("internal:inner"))
                .Build())
            {
                await server.StartAsync().WaitAsync(Patience);
                using (var client = await Client.ConnectAsync(server.GetListenerAddress("outer")))
                {
                    (await client.EchoAsync("hello")).ShouldBe("hello");
                }

                await server.StopAsync().WaitAsync(Patience);
            }

            File.ReadAllText(path).ShouldBe("5 5 inner\n");
        }
        finally
        {
            File.Delete(path);
        }
    }

    [Fact]
    public async Task AccessLog_ThatCannotBeOpened_FailsTheStart()
    {
        var listener = Listener() with { AccessLog = [new AccessLogConfig { Path = "/no/such/directory/log" }] };
        var server = new ServerHarness(EventLoopKind.Auto).Create(listener);
        var error = await Should.ThrowAsync<ConfigException>(() => server.StartAsync());
        error.Errors.ShouldHaveSingleItem().Path.ShouldBe("listeners[\"main\"].access_log[0].path");
    }

    /// <summary>Connects where every connection is reset at once: the client may learn of it in the connect already.</summary>
    private static async Task ConnectToClosedAsync(ServerHarness h, string listener)
    {
        try
        {
            using var client = await h.ConnectAsync(listener);
            await client.ShouldBeClosedAsync();
        }
        catch (SocketException exception)
        {
            exception.SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
        }
    }

    private static async Task ShouldSpreadEvenlyAsync(ServerHarness h, int workers)
    {
        var clients = new List<Client>();
        for (var i = 0; i < 4 * workers; i++)
        {
            clients.Add(await h.ConnectAsync());
            (await clients[i].EchoAsync("x")).ShouldBe("x");
        }

        for (var i = 0; i < workers; i++)
        {
            h.Counter($"listener.main.worker_{i}.downstream_cx_active").ShouldBe(4);
        }

        clients.ForEach(client => client.Dispose());
        await h.NothingIsLeftAsync();
    }

    /// <summary>Says who is connected to what, and closes.</summary>
    private sealed class AddressFilter : ITerminalFilter
    {
        private INetworkFilterCallbacks _callbacks = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            data.Append(System.Text.Encoding.ASCII.GetBytes($"{_callbacks.Connection.RemoteAddress} to {_callbacks.Connection.LocalAddress}"));
            await _callbacks.WriteAsync(data, endStream: true);
        }
    }

    private sealed class ThrowingFilter : ITerminalFilter
    {
        private INetworkFilterCallbacks _callbacks = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            await _callbacks.ReadAsync(data);
            data.Clear();
            throw new InvalidOperationException("boom");
        }
    }
}
