using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

/// <summary>Connections that go on to the listener of their restored address. A filter of the test restores it, in place of a firewall.</summary>
public sealed class OriginalDstTests
{
    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_GoesToTheListenerOfItsAddress(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(Front("restore"), Behind("exact", "10.0.0.1:443"), Behind("wildcard", "0.0.0.0:443"), Behind("other", "0.0.0.0:80"));

        (await GreetingAsync(h, "10.0.0.1:443")).ShouldBe("exact");
        (await GreetingAsync(h, "10.0.0.2:443")).ShouldBe("wildcard");
        (await GreetingAsync(h, "10.0.0.1:80")).ShouldBe("other");
        (await GreetingAsync(h, "10.0.0.1:8080")).ShouldBe("front");
        (await GreetingAsync(h, "[::1]:443")).ShouldBe("front"); // the wildcard is one of IPv4
        await h.NothingIsLeftAsync();

        // The books of both listeners are in order.
        h.Counter("listener.main.downstream_cx_total").ShouldBe(5);
        h.Counter("listener.main.downstream_cx_active").ShouldBe(0);
        h.Counter("listener.exact.downstream_cx_total").ShouldBe(1);
        h.Counter("listener.exact.downstream_cx_active").ShouldBe(0);
        h.Counter("listener.exact.downstream_cx_destroy").ShouldBe(1);
        h.Counter("listener.wildcard.downstream_cx_total").ShouldBe(1);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_KeepsWhatWasPeeked_AndRunsTheOtherListenersFilters(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(
            Front("restore"),
            Behind("exact", "10.0.0.1:443") with
            {
                ListenerFilters = [new ExtensionConfig("envoy.filters.listener.proxy_protocol", new ProxyProtocolListenerConfig()), new ExtensionConfig("never moved on")],
                UseOriginalDst = true,
            },
            Behind("wildcard", "0.0.0.0:443"));

        using var client = await h.ConnectAsync();
        await client.SendAsync("10.0.0.1:443\nPROXY UNKNOWN\r\nhello");
        (await client.ReceiveAsync(10)).ShouldBe("exacthello");
        client.Dispose();
        await h.NothingIsLeftAsync();
        h.Counter("proxy_proto.versions.v1.found").ShouldBe(1);
        h.Counter("listener.exact.downstream_pre_cx_active").ShouldBe(0);
        h.Counter("listener.wildcard.downstream_cx_total").ShouldBe(0); // handed over once
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_WithoutTheSetting_StaysWhereItIs(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(Front("restore") with { UseOriginalDst = false }, Behind("exact", "10.0.0.1:443"));
        (await GreetingAsync(h, "10.0.0.1:443")).ShouldBe("front");
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Connection_PastTheLimitOfTheOtherListener_IsClosed(EventLoopKind kind)
    {
        await using var h = Harness(kind);
        await h.StartAsync(Front("restore") with { MaxConnections = 1 }, Behind("exact", "10.0.0.1:443") with { MaxConnections = 1 });
        using var first = await h.ConnectAsync();
        await first.SendAsync("10.0.0.1:443\n");
        (await first.ReceiveAsync(5)).ShouldBe("exact");

        using var second = await h.ConnectAsync(); // the front has a place again: the first has moved on
        await second.SendAsync("10.0.0.1:443\n");
        await second.ShouldBeClosedAsync();
        h.Counter("listener.exact.downstream_cx_overflow").ShouldBe(1);
        first.Dispose();
        await h.NothingIsLeftAsync();

        (await GreetingAsync(h, "10.0.0.1:443")).ShouldBe("exact");
        await h.NothingIsLeftAsync();
    }

    [SkippableTheory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Filter_WithoutFirewall_LeavesTheConnectionWhereItIs(EventLoopKind kind)
    {
        Skip.IfNot(OperatingSystem.IsLinux(), "Linux only");
        await using var h = Harness(kind);
        await h.StartAsync(Front("envoy.filters.listener.original_dst"), Behind("exact", "10.0.0.1:443"));
        using var client = await h.ConnectAsync();
        (await client.ReceiveAsync(5)).ShouldBe("front");
        client.Dispose();
        await h.NothingIsLeftAsync();
    }

    private static ServerHarness Harness(EventLoopKind kind)
    {
        var h = new ServerHarness(kind, concurrency: 1)
            .ListenerFilter("restore", static () => new RestoreFilter())
            .ListenerFilter("never moved on", static () => new MoveFilter());
        foreach (var name in (string[])["front", "exact", "wildcard", "other"])
        {
            h.Terminal(name, () => new EchoFilter(name));
        }

        return h;
    }

    private static ListenerConfig Front(string filter) => Listener(filter: "front") with { ListenerFilters = [new ExtensionConfig(filter)], UseOriginalDst = true };

    private static ListenerConfig Behind(string name, string address) => Listener(name, name, address) with { BindToPort = false };

    private static async Task<string> GreetingAsync(ServerHarness h, string address)
    {
        using var client = await h.ConnectAsync();
        await client.SendAsync(address + "\n");
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        return await client.ReceiveAsync(100);
    }

    /// <summary>Takes the address from the first line.</summary>
    private sealed class RestoreFilter : IListenerFilter
    {
        public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
        {
            int end;
            while ((end = callbacks.Peeked.ToArray().AsSpan().IndexOf((byte)'\n')) < 0)
            {
                if (!(await callbacks.PeekAsync()).IsOk)
                {
                    return FilterStatus.StopIteration;
                }
            }

            var line = System.Text.Encoding.ASCII.GetString(callbacks.Peeked.ToArray().AsSpan(0, end));
            callbacks.LocalAddress = NetworkAddress.Parse(line);
            callbacks.Peeked.Drain(end + 1);
            return FilterStatus.Continue;
        }
    }

    /// <summary>Restores another address on a listener that has got the connection from another one.</summary>
    private sealed class MoveFilter : IListenerFilter
    {
        public ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
        {
            callbacks.LocalAddress = NetworkAddress.Parse("10.9.9.9:443");
            return new(FilterStatus.Continue);
        }
    }
}
