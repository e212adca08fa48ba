using MeshProxy.Core.Event;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

public sealed class MeshProxyServerTests
{
    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_ToItsListener_IsServedAndLeavesNothing(EventLoopKind kind)
    {
        await using var h = await new ServerHarness(kind).StartAsync(Listener());
        for (var i = 0; i < 10; i++)
        {
            using var client = await h.ConnectAsync();
            (await client.EchoAsync("hello")).ShouldBe("hello");
        }

        await h.NothingIsLeftAsync();
        h.Counter("listener.main.downstream_cx_total").ShouldBe(10);
        h.Counter("listener.main.downstream_cx_destroy").ShouldBe(10);
        h.Counter("listener.main.downstream_cx_active").ShouldBe(0);
        (h.Counter("listener.main.worker_0.downstream_cx_total") + h.Counter("listener.main.worker_1.downstream_cx_total")).ShouldBe(10);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WithoutConnections_EndsAllThreadsAndFreesThePort(EventLoopKind kind)
    {
        var h = await new ServerHarness(kind).StartAsync(Listener(address: OwnLoopback()));
        var address = h.Server.GetListenerAddress("main");
        await h.Server.StopAsync().WaitAsync(Patience);

        await using var again = new ServerHarness(kind);
        await again.StartAsync(Listener(address: address.ToString()!));
        using var client = await again.ConnectAsync();
        (await client.EchoAsync("x")).ShouldBe("x");
    }
}
