using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Server;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

public sealed class ServerStopTests
{
    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WithAConnection_WaitsUntilItEnds(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener(address: OwnLoopback()));
        var address = h.Server.GetListenerAddress("main");
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("a")).ShouldBe("a");
        var stop = h.Server.StopAsync();
        await h.StatIsAsync("server.state", 1);
        (await client.EchoAsync("b")).ShouldBe("b");
        stop.IsCompleted.ShouldBeFalse();

        client.Dispose();
        await stop.WaitAsync(Patience);
        await Should.ThrowAsync<System.Net.Sockets.SocketException>(() => Client.ConnectAsync(address));
        h.Counter("listener.main.downstream_cx_active").ShouldBe(0);
        h.Counter("server.live").ShouldBe(0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WhoseTokenEnds_ClosesWhatIsLeft(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener());
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("a")).ShouldBe("a");
        using var patience = new CancellationTokenSource();
        var stop = h.Server.StopAsync(patience.Token);
        await h.StatIsAsync("server.state", 1);
        patience.Cancel();
        await stop.WaitAsync(Patience);
        await client.ShouldBeClosedAsync();
        h.Counter("listener.main.downstream_cx_active").ShouldBe(0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WhenTheDrainTimeIsOver_ClosesWhatIsLeft(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind);
        h.Options.DrainTime = TimeSpan.FromMilliseconds(50);
        await h.StartAsync(Listener());
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("a")).ShouldBe("a");
        await h.Server.StopAsync().WaitAsync(Patience);
        await client.ShouldBeClosedAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WhileAListenerDrains_EndsWithItsConnections(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener());
        using var client = await h.ConnectAsync();
        (await client.EchoAsync("a")).ShouldBe("a");
        await h.UpdateAsync();
        var stop = h.Server.StopAsync();
        (await client.EchoAsync("b")).ShouldBe("b");
        client.Dispose();
        await stop.WaitAsync(Patience);
    }

    [Fact]
    public async Task Stop_OfAServerThatNeverStarted_Completes()
    {
        var server = new ServerHarness(EventLoopKind.Auto).Create(Listener());
        await server.StopAsync().WaitAsync(Patience);
        Should.Throw<InvalidOperationException>(() => { _ = server.StartAsync(); });
    }

    [Fact]
    public async Task Start_WhereOneAddressIsTaken_LeavesNothingBound()
    {
        await using var first = await new ServerHarness(EventLoopKind.Auto).StartAsync(Listener());
        var taken = first.Server.GetListenerAddress("main").ToString()!;
        var path = $"unix:@mp-{Guid.NewGuid():N}";
        var second = new ServerHarness(EventLoopKind.Auto).Create(Listener("fine", address: path), Listener("taken", address: taken));
        var error = await Should.ThrowAsync<MeshProxy.Core.Listeners.ListenException>(() => second.StartAsync());
        error.Listener.ShouldBe("taken");
        await Should.ThrowAsync<System.Net.Sockets.SocketException>(() => Client.ConnectAsync(NetworkAddress.Parse(path)));
    }

    [Fact]
    public void Server_WithWrongOptionsAndConfig_NamesAllErrors()
    {
        var h = new ServerHarness(EventLoopKind.Auto);
        h.Options.Concurrency = 0;
        h.Options.DrainTime = TimeSpan.FromSeconds(-1);
        var error = Should.Throw<ConfigException>(() => h.Create(Listener(filter: "unknown")));
        error.Errors.Select(e => e.Path).ShouldBe(
            ["options.concurrency", "options.drain_time", "static_resources.listeners[0].filter_chains[0].filters[0].name"]);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task TwoServers_InOneProcess_ServeSideBySide(EventLoopKind kind)
    {
        await using var one = await new ServerHarness(kind).StartAsync(Listener());
        await using var two = await new ServerHarness(kind).StartAsync(Listener());
        using var a = await one.ConnectAsync();
        using var b = await two.ConnectAsync();
        (await a.EchoAsync("a")).ShouldBe("a");
        (await b.EchoAsync("b")).ShouldBe("b");
        one.Counter("listener.main.downstream_cx_total").ShouldBe(1);
        two.Counter("listener.main.downstream_cx_total").ShouldBe(1);
        await one.Server.StopAsync(new CancellationToken(canceled: true)).WaitAsync(Patience);
        (await b.EchoAsync("c")).ShouldBe("c");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WithAFilterCallThatDoesNotReturn_StillEnds(EventLoopKind kind)
    {
        var never = new TaskCompletionSource();
        var h = new ServerHarness(kind).Terminal("stuck", () => new StuckFilter(never.Task));
        await h.StartAsync(Listener(filter: "stuck"));
        using var client = await h.ConnectAsync();
        await h.StatIsAsync("listener.main.downstream_cx_active", 1);
        await h.DisposeAsync();
        await client.ShouldBeClosedAsync();
        never.SetResult(); // comes back to a loop that has ended: dropped
    }

    private sealed class StuckFilter(Task never) : ITerminalFilter
    {
        public void Initialize(INetworkFilterCallbacks callbacks)
        {
        }

        public async ValueTask RunAsync() => await never;
    }
}
