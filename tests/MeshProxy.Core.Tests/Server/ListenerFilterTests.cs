using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using static MeshProxy.Core.Tests.Server.ServerHarness;

namespace MeshProxy.Core.Tests.Server;

public sealed class ListenerFilterTests
{
    private static ListenerConfig Filtered(params string[] filters) => Listener() with
    {
        ListenerFilters = filters.Select(name => new ExtensionConfig(name)).ToEquatableArray(),
    };

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task PeekedBytes_ThatNobodyDrains_ReachTheNetworkFilters(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).ListenerFilter("peek", static () => new PeekFilter(atLeast: 5));
        await h.StartAsync(Filtered("peek", "peek"));
        using var client = await h.ConnectAsync();
        await client.SendAsync("he");
        await client.SendAsync("llo");
        (await client.ReceiveAsync(5)).ShouldBe("hello");
        (await client.EchoAsync(" world")).ShouldBe(" world");
        client.Dispose();
        await h.NothingIsLeftAsync();
        h.Counter("listener.main.downstream_pre_cx_active").ShouldBe(0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ClientThatEndsWhilePeeked_IsServedToTheEnd(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).ListenerFilter("peek", static () => new PeekFilter(atLeast: 5));
        await h.StartAsync(Filtered("peek"));
        using var client = await h.ConnectAsync();
        await client.SendAsync("hello");
        client.Socket.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        (await client.ReceiveAsync(100)).ShouldBe("hello");
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ListenerFilter_ThatRestoresAddresses_ShowsThemToMatcherAndFilters(EventLoopKind kind)
    {
        var listener = Filtered("addresses") with
        {
            FilterChains = [Chain("who", new FilterChainMatchConfig { DestinationPort = 8443, ServerNames = ["example.com"], TransportProtocol = "tls", ApplicationProtocols = ["h2"] })],
        };
        await using var h = new ServerHarness(kind)
            .ListenerFilter("addresses", static () => new AddressesFilter())
            .Terminal("who", static () => new WhoFilter());
        await h.StartAsync(listener);
        using var client = await h.ConnectAsync();
        (await client.ReceiveAsync(100)).ShouldBe("1.2.3.4:5 to 10.0.0.1:8443 for example.com");
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ListenerFilter_ThatStops_ClosesTheConnection(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).ListenerFilter("stop", static () => new StopFilter());
        await h.StartAsync(Filtered("stop"));
        using var client = await h.ConnectAsync();
        await client.SendAsync("x");
        await client.ShouldBeClosedAsync();
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ListenerFilters_PastTheirTimeout_CloseTheConnection(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).ListenerFilter("peek", static () => new PeekFilter(atLeast: 5));
        await h.StartAsync(Filtered("peek") with { ListenerFiltersTimeout = TimeSpan.FromMilliseconds(20) });
        using var client = await h.ConnectAsync();
        await client.SendAsync("he");
        await client.ShouldBeClosedAsync();
        h.Counter("listener.main.downstream_pre_cx_timeout").ShouldBe(1);
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task ListenerFilters_PastTheirTimeoutWithContinue_LetTheConnectionOn(EventLoopKind kind)
    {
        await using var h = new ServerHarness(kind).ListenerFilter("peek", static () => new PeekFilter(atLeast: 5));
        await h.StartAsync(Filtered("peek") with
        {
            ListenerFiltersTimeout = TimeSpan.FromMilliseconds(20),
            ContinueOnListenerFiltersTimeout = true,
        });
        using var silent = await h.ConnectAsync();
        await h.StatIsAsync("listener.main.downstream_pre_cx_timeout", 1);
        (await silent.EchoAsync("late")).ShouldBe("late"); // the read that the filter left behind becomes the chain's
        (await silent.EchoAsync("later")).ShouldBe("later");
        using var slow = await h.ConnectAsync();
        await slow.SendAsync("he");
        (await slow.ReceiveAsync(2)).ShouldBe("he");
        (await slow.EchoAsync("llo")).ShouldBe("llo");
        silent.Dispose();
        slow.Dispose();
        await h.NothingIsLeftAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stop_WhileListenerFiltersWait_ClosesTheConnection(EventLoopKind kind)
    {
        var h = new ServerHarness(kind).ListenerFilter("peek", static () => new PeekFilter(atLeast: 5));
        await h.StartAsync(Filtered("peek"));
        using var client = await h.ConnectAsync();
        await h.StatIsAsync("listener.main.downstream_pre_cx_active", 1);
        await h.DisposeAsync();
        await client.ShouldBeClosedAsync();
        h.Counter("listener.main.downstream_cx_active").ShouldBe(0);
    }

    private sealed class PeekFilter(int atLeast) : IListenerFilter
    {
        public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
        {
            while (callbacks.Peeked.Length < atLeast)
            {
                if (!(await callbacks.PeekAsync()).IsOk)
                {
                    return FilterStatus.StopIteration;
                }
            }

            return FilterStatus.Continue;
        }
    }

    private sealed class AddressesFilter : IListenerFilter
    {
        public ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
        {
            callbacks.RemoteAddress = NetworkAddress.Ip("1.2.3.4", 5);
            callbacks.LocalAddress = NetworkAddress.Ip("10.0.0.1", 8443);
            callbacks.RequestedServerName = "example.com";
            callbacks.DetectedTransportProtocol = "tls";
            callbacks.RequestedApplicationProtocols = ["h3", "h2"];
            return new ValueTask<FilterStatus>(FilterStatus.Continue);
        }
    }

    private sealed class StopFilter : IListenerFilter
    {
        public async ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
        {
            await callbacks.PeekAsync();
            return FilterStatus.StopIteration;
        }
    }

    private sealed class WhoFilter : ITerminalFilter
    {
        private INetworkFilterCallbacks _callbacks = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            var info = _callbacks.StreamInfo;
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            data.Append(Encoding.ASCII.GetBytes($"{info.DownstreamRemoteAddress} to {info.DownstreamLocalAddress} for {info.RequestedServerName}"));
            await _callbacks.WriteAsync(data, endStream: true);
        }
    }
}
