using System.Net.Sockets;
using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

public sealed class ListenerUpdateTests
{
    private static ListenerConfig ByName(params FilterChainConfig[] chains) => Listener() with
    {
        ListenerFilters = [new ExtensionConfig("name")],
        FilterChains = chains,
    };

    private static FilterChainConfig For(string serverName, string filter) => Chain(filter, new FilterChainMatchConfig { ServerNames = [serverName] });

    /// <summary>A server whose connections choose their chain by the first line that they send.</summary>
    private static ServerHarness Harness(EventLoopKind kind) => new ServerHarness(kind)
        .ListenerFilter("name", static () => new NameFilter())
        .Terminal("greet-1", static () => new EchoFilter("one "))
        .Terminal("greet-2", static () => new EchoFilter("two "))
        .Terminal("draining", static context => new DrainingFilter(context.IsDraining));

    private static async Task<Client> ConnectAsync(ServerHarness h, string serverName)
    {
        var client = await h.ConnectAsync();
        await client.SendAsync(serverName + "\n");
        return client;
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Update_ThatAddsAndRemovesOthers_LeavesAConnectionAlone(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener(), Listener("gone"));
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("a")).ShouldBe("a");
        await h.UpdateAsync(Listener(), Listener("new"));

        (await client.EchoAsync("b")).ShouldBe("b");
        using var other = await h.ConnectAsync("new");
        (await other.EchoAsync("c")).ShouldBe("c");
        Should.Throw<ArgumentException>(() => h.Server.GetListenerAddress("gone"));
        h.Counter("listener_manager.listener_added").ShouldBe(3);
        h.Counter("listener_manager.listener_removed").ShouldBe(1);
        h.Counter("listener_manager.listener_modified").ShouldBe(0);
        h.Counter("listener_manager.total_listeners_active").ShouldBe(2);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Update_OfOneFilterChain_DrainsItsConnectionsOnly(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(ByName(For("a", "draining"), For("b", "draining")));
        var address = h.Server.GetListenerAddress("main");
        using var a = await ConnectAsync(h, "a");
        using var b = await ConnectAsync(h, "b");
        (await a.EchoAsync("?")).ShouldBe("n");
        (await b.EchoAsync("?")).ShouldBe("n");

        await h.UpdateAsync(ByName(For("a", "draining"), For("b", "greet-2")));
        (await a.EchoAsync("?")).ShouldBe("n");
        (await b.ReceiveAsync(1)).ShouldBe("!"); // told at once
        (await b.EchoAsync("?")).ShouldBe("y");
        h.Counter("listener_manager.listener_in_place_updated").ShouldBe(1);
        h.Counter("listener_manager.total_filter_chains_draining").ShouldBe(1);
        h.Server.GetListenerAddress("main").ShouldBe(address);
        using (var fresh = await ConnectAsync(h, "b"))
        {
            (await fresh.ReceiveAsync(4)).ShouldBe("two ");
        }

        b.Dispose();
        await h.StatIsAsync("listener_manager.total_filter_chains_draining", 0);
        (await a.EchoAsync("?")).ShouldBe("n");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Update_OfListenerSettings_KeepsThePortAndDrainsAllOldConnections(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(Listener(filter: "draining"));
        var address = h.Server.GetListenerAddress("main");
        using var old = await h.ConnectAsync();
        (await old.EchoAsync("?")).ShouldBe("n");

        await h.UpdateAsync(Listener(filter: "draining") with { PerConnectionBufferLimitBytes = 4096 });
        h.Server.GetListenerAddress("main").ShouldBe(address);
        (await old.ReceiveAsync(1)).ShouldBe("!");
        (await old.EchoAsync("?")).ShouldBe("y");
        using var fresh = await h.ConnectAsync();
        (await fresh.EchoAsync("?")).ShouldBe("n");
        h.Counter("listener_manager.listener_modified").ShouldBe(1);
        h.Counter("listener_manager.listener_in_place_updated").ShouldBe(0);
        h.Counter("listener_manager.total_listeners_draining").ShouldBe(1);
        old.Dispose();
        await h.StatIsAsync("listener_manager.total_listeners_draining", 0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Update_WithAnEqualConfig_TouchesNothing(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(Listener(filter: "draining"));
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("?")).ShouldBe("n");
        await h.UpdateAsync(Listener(filter: "draining"));
        (await client.EchoAsync("?")).ShouldBe("n");
        h.Counter("listener_manager.listener_modified").ShouldBe(0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Removal_OfAListener_RefusesNewConnectionsAndLetsOldOnesEnd(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(Listener(filter: "draining", address: OwnLoopback()));
        var address = h.Server.GetListenerAddress("main");
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("?")).ShouldBe("n");
        await h.UpdateAsync();

        (await client.ReceiveAsync(1)).ShouldBe("!");
        (await client.EchoAsync("?")).ShouldBe("y");
        (await Should.ThrowAsync<SocketException>(() => Client.ConnectAsync(address))).SocketErrorCode.ShouldBe(SocketError.ConnectionRefused);
        client.Dispose();
        await h.StatIsAsync("listener_manager.total_listeners_draining", 0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Drain_WhenItsTimeIsOver_ClosesTheConnections(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        h.Options.DrainTime = TimeSpan.FromMilliseconds(50);
        await h.StartAsync(Listener(), Listener("other"));
        using var client = await h.ConnectAsync();
        using var other = await h.ConnectAsync("other");
        (await client.EchoAsync("a")).ShouldBe("a");
        (await other.EchoAsync("a")).ShouldBe("a");
        await h.UpdateAsync(Listener("other"));
        await client.ShouldBeClosedAsync();
        (await other.EchoAsync("b")).ShouldBe("b");
        await h.StatIsAsync("listener_manager.total_listeners_draining", 0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Update_WithAnAddressInUse_FailsAndChangesNothing(EventLoopKind kind)
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        if (OperatingSystem.IsLinux())
        {
            // The other process shares its port with everyone of this user: only the bind without SO_REUSEPORT shows it.
            taken.SetRawSocketOption(1, 15, BitConverter.GetBytes(1));
        }

        taken.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 0));
        taken.Listen();
        var address = $"127.0.0.1:{((System.Net.IPEndPoint)taken.LocalEndPoint!).Port}";
        await using var h = await Harness(kind).StartAsync(Listener(filter: "draining"));
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("?")).ShouldBe("n");

        var error = await Should.ThrowAsync<MeshProxy.Core.Listeners.ListenException>(
            () => h.UpdateAsync(Listener(filter: "greet-1"), Listener("second", address: address)));
        error.Message.ShouldContain("'second'");
        error.Message.ShouldContain(address);
        error.Message.ShouldContain("in use");
        (await client.EchoAsync("?")).ShouldBe("n");
        h.Counter("listener_manager.listener_create_failure").ShouldBe(1);
        h.Counter("listener_manager.total_listeners_active").ShouldBe(1);
        h.Server.Config.Listeners.Count.ShouldBe(1);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Update_ThatMovesAnAddressToAnotherListener_KeepsItBound(EventLoopKind kind)
    {
        string address;
        using (var finder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            finder.Bind(System.Net.IPEndPoint.Parse(OwnLoopback()));
            address = finder.LocalEndPoint!.ToString()!;
        }

        await using var h = await Harness(kind).StartAsync(Listener("one", "greet-1", address));
        using (var client = await h.ConnectAsync("one"))
        {
            (await client.ReceiveAsync(4)).ShouldBe("one ");
        }

        await h.UpdateAsync(Listener("two", "greet-2", address));
        using (var client = await h.ConnectAsync("two"))
        {
            (await client.ReceiveAsync(4)).ShouldBe("two ");
        }
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Updates_UnderTraffic_LoseNoConnectionAndLeaveNothing(EventLoopKind kind)
    {
        var address = $"unix:@mp-{Guid.NewGuid():N}";
        ListenerConfig[] Version(int i) =>
        [
            Listener() with { PerConnectionBufferLimitBytes = 65536 + (i / 4) },
            Listener(i % 2 == 0 ? "even" : "odd", address: OperatingSystem.IsLinux() ? address : "127.0.0.1:0"),
            Listener("chains") with { DefaultFilterChain = i % 2 == 0 ? null : Chain("echo") },
        ];

        await using var h = await new ServerHarness(kind).StartAsync(Version(0));
        var main = h.Server.GetListenerAddress("main");
        var chains = h.Server.GetListenerAddress("chains");
        using var stop = new CancellationTokenSource();
        var clients = Enumerable.Range(0, 4).Select(async n =>
        {
            var connections = 0;
            while (!stop.IsCancellationRequested)
            {
                using var client = await Client.ConnectAsync(n % 2 == 0 ? main : chains);
                (await client.EchoAsync("one")).ShouldBe("one");
                (await client.EchoAsync("two")).ShouldBe("two");
                connections++;
            }

            return connections;
        }).ToArray();
        for (var i = 1; i <= 40; i++)
        {
            await h.UpdateAsync(Version(i));
        }

        stop.Cancel();
        (await Task.WhenAll(clients).WaitAsync(Patience)).ShouldAllBe(connections => connections > 0);
        await h.StatIsAsync("listener_manager.total_listeners_draining", 0);
        await h.StatIsAsync("listener_manager.total_filter_chains_draining", 0);
        await h.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Update_WithConfigErrors_ReportsAllOfThemAndChangesNothing()
    {
        await using var h = await new ServerHarness(EventLoopKind.Auto).StartAsync(Listener());
        var error = await Should.ThrowAsync<ConfigException>(
            () => h.UpdateAsync(Listener(filter: "nobody-knows"), Listener("second") with { FilterChains = [] }));
        error.Errors.Select(e => e.Path).ShouldBe(
            ["static_resources.listeners[0].filter_chains[0].filters[0].name", "static_resources.listeners[1].filter_chains"]);
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("x")).ShouldBe("x");
    }

    /// <summary>Takes the first line for the server name.</summary>
    private sealed class NameFilter : IListenerFilter
    {
        public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
        {
            var name = new StringBuilder();
            while (true)
            {
                while (!callbacks.Peeked.IsEmpty)
                {
                    var c = (char)callbacks.Peeked.FirstSpan[0];
                    callbacks.Peeked.Drain(1);
                    if (c == '\n')
                    {
                        callbacks.RequestedServerName = name.ToString();
                        return FilterStatus.Continue;
                    }

                    name.Append(c);
                }

                if (!(await callbacks.PeekAsync()).IsOk)
                {
                    return FilterStatus.StopIteration;
                }
            }
        }
    }

    /// <summary>Answers each byte with whether its chain drains, and says ! when that begins.</summary>
    private sealed class DrainingFilter(Func<bool> isDraining) : ITerminalFilter, IDrainAwareFilter
    {
        private INetworkFilterCallbacks _callbacks = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            while ((await _callbacks.ReadAsync(data)).IsOk)
            {
                data.Clear();
                data.Append(isDraining() ? "y"u8 : "n"u8);
                await _callbacks.WriteAsync(data, endStream: false);
            }

            data.Clear();
        }

        public void OnDrain()
        {
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            data.Append("!"u8);
            _ = _callbacks.WriteAsync(data, endStream: false);
        }
    }
}
