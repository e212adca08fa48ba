using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.NetworkFilters.TcpProxy;
using MeshProxy.Core.Server;
using MeshProxy.Core.Tests.Event;
using MeshProxy.Core.Tests.Server;
using MeshProxy.TestSupport;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Tests.NetworkFilters.TcpProxy;

/// <summary>tcp_proxy between real sockets, on every loop. Blocking calls end after 30 s instead of hanging.</summary>
public class TcpProxySocketTests
{
    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Stream_Of512MiB_IsRelayedInConstantMemoryWithoutAllocations(EventLoopKind kind)
    {
        const long total = 512L * 1024 * 1024;
        await using var h = await Harness.StartAsync(kind);
        using var client = h.ConnectClient();
        using var server = h.AcceptUpstream();

        // First fill everything, so that the pool has all the slabs that a stream can hold.
        var filled = SendUntilBlocked(client);
        client.Blocking = true;
        server.ReceiveExactly(filled);
        var peak = new PeakTimer(h.Worker.Loop);
        var before = await h.Worker.RunAsync(() =>
        {
            peak.Arm(1);
            return AllocatedBeyondSlabs(h.Worker.Loop);
        });
        var sending = Task.Run(() =>
        {
            SendPattern(client, total);
            client.Shutdown(SocketShutdown.Send);
        });
        var receiving = Task.Run(() => ReceivePattern(server, total));
        await sending;
        await receiving;
        server.Receive(new byte[1]).ShouldBe(0);
        var allocated = await h.Worker.RunAsync(() =>
        {
            peak.Cancel();
            return AllocatedBeyondSlabs(h.Worker.Loop);
        }) - before;
        peak.Bytes.ShouldBeLessThanOrEqualTo(BufferBounds.MaxSlabBytes);
        if (kind == EventLoopKind.Epoll)
        {
            // At least 2,048 reads and as many writes, and none may allocate: less than 16 bytes for each.
            allocated.ShouldBeLessThan(4 * Allocations.Noise);
        }

        server.Close();
        client.Receive(new byte[1]).ShouldBe(0);
        await h.ShouldBeAtRestAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task HalfClose_EitherWay_LeavesTheOtherDirectionOpen(EventLoopKind kind)
    {
        await using var h = await Harness.StartAsync(kind);
        foreach (var clientFirst in new[] { true, false })
        {
            using var client = h.ConnectClient();
            using var server = h.AcceptUpstream();
            var (first, second) = clientFirst ? (client, server) : (server, client);
            first.SendAll("question"u8.ToArray());
            first.Shutdown(SocketShutdown.Send);
            second.ReceiveAll().ShouldBe("question"u8.ToArray());
            second.SendAll("answer"u8.ToArray());
            first.ReceiveExactly(6).ShouldBe("answer"u8.ToArray());
            second.Shutdown(SocketShutdown.Send);
            first.ReceiveAll().ShouldBeEmpty();
        }

        await h.ShouldBeAtRestAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Abort_OfEitherSideAtEachStage_ReachesTheOther(EventLoopKind kind)
    {
        await using var h = await Harness.StartAsync(kind);
        foreach (var clientAborts in new[] { true, false })
        {
            for (var stage = 0; stage < 3; stage++)
            {
                using var client = h.ConnectClient();
                using var server = h.AcceptUpstream();
                var (aborting, other) = clientAborts ? (client, server) : (server, client);
                other.SendAll([1]);
                aborting.ReceiveExactly(1); // the proxy has both connections
                if (stage == 1)
                {
                    aborting.SendAll([1, 2, 3]);
                    other.ReceiveExactly(3);
                }
                else if (stage == 2)
                {
                    SendUntilBlocked(aborting);
                }

                aborting.LingerState = new LingerOption(true, 0);
                aborting.Close();
                Should.Throw<SocketException>(() => other.ReceiveAll()).SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
            }
        }

        await h.ShouldBeAtRestAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Abort_RightBehindBytes_TheOtherSideGetsBoth(EventLoopKind kind)
    {
        await using var h = await Harness.StartAsync(kind);
        foreach (var clientAborts in new[] { true, false })
        {
            using var client = h.ConnectClient();
            using var server = h.AcceptUpstream();
            var (aborting, other) = clientAborts ? (client, server) : (server, client);
            other.SendAll([1]);
            aborting.ReceiveExactly(1); // the proxy has both connections
            await h.Worker.RunAsync(() =>
            {
                // Within one turn of the worker, which sees both in its next.
                aborting.SendAll("last words"u8.ToArray());
                aborting.LingerState = new LingerOption(true, 0);
                aborting.Close();
            });
            other.ReceiveExactly(10).ShouldBe("last words"u8.ToArray());
            Should.Throw<SocketException>(() => other.ReceiveAll()).SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
        }

        await h.ShouldBeAtRestAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Reader_ThatStops_HoldsTheWriterBack(EventLoopKind kind)
    {
        await using var h = await Harness.StartAsync(kind);
        using var client = h.ConnectClient();
        using var server = h.AcceptUpstream();
        var sent = SendUntilBlocked(server);
        var (unsent, slabs) = await h.Worker.RunAsync(() => (h.Host.Connections[0].BufferedBytes, h.Worker.Loop.Slabs.BytesInUse));
        unsent.ShouldBeInRange(1, BufferBounds.MaxUnsentBytes);
        slabs.ShouldBeInRange(unsent, BufferBounds.MaxSlabBytes);
        server.Blocking = true;
        var received = Task.Run(() => client.ReceiveExactly(sent));
        (await received.WaitAsync(Harness.Patience)).Length.ShouldBe((int)sent);
        server.Close();
        client.Close();
        await h.ShouldBeAtRestAsync();
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Upstream_ThatRefuses_IsFollowedByAnotherHost(EventLoopKind kind)
    {
        using var reserved = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        reserved.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound and not listening: refuses
        var dead = new SocketAddress(IPAddress.Loopback, ((IPEndPoint)reserved.LocalEndPoint!).Port);
        await using var h = await Harness.StartAsync(kind, dead);
        for (var i = 0; i < 4; i++)
        {
            using var client = h.ConnectClient();
            using var server = h.AcceptUpstream();
            client.SendAll([1]);
            server.ReceiveExactly(1);
        }

        await h.ShouldBeAtRestAsync();
        h.Server.Counter("cluster.up.upstream_cx_connect_fail").ShouldBeGreaterThan(0);
    }

    [Theory]
    [ClassData(typeof(EventLoopKinds))]
    public async Task Server_WithAnInternalListenerAsEndpoint_Relays(EventLoopKind kind)
    {
        var inner = new InternalAddress("inner");
        var config = new ServerConfig
        {
            Listeners =
            [
                Listener("outer", NetworkAddress.Loopback(0), new ExtensionConfig(
                    "envoy.filters.network.tcp_proxy", new TcpProxyConfig { StatPrefix = "outer", Cluster = "inner" })),
                Listener("inner", inner, new ExtensionConfig("envoy.filters.network.echo")),
            ],
            Clusters = [FilterServer.Cluster("inner", inner)],
        };
        await using var server = new MeshProxyServer(
            new MeshProxyOptions { EventLoop = kind, Concurrency = 2 }, config, BuiltInExtensions.CreateRegistries());
        await server.StartAsync().WaitAsync(Harness.Patience);
        for (var i = 0; i < 8; i++)
        {
            using var client = Harness.Connect((SocketAddress)server.GetListenerAddress("outer"));
            var bytes = new byte[1_000_000];
            new Random(i).NextBytes(bytes);
            var sending = Task.Run(() =>
            {
                client.SendAll(bytes);
                client.Shutdown(SocketShutdown.Send);
            });
            client.ReceiveAll().ShouldBe(bytes);
            await sending;
        }
    }

    private static ListenerConfig Listener(string name, NetworkAddress address, ExtensionConfig filter) => new()
    {
        Name = name,
        Address = address,
        FilterChains = [new FilterChainConfig { Filters = [filter] }],
    };

    private static long AllocatedBeyondSlabs(EventLoop loop) => GC.GetAllocatedBytesForCurrentThread() - loop.Slabs.BytesMade;

    private static void SendPattern(Socket socket, long count)
    {
        var block = new byte[65_536];
        for (long at = 0; at < count; at += block.Length)
        {
            BitConverter.TryWriteBytes(block, at);
            socket.SendAll(block);
        }
    }

    private static void ReceivePattern(Socket socket, long count)
    {
        var block = new byte[65_536];
        for (long at = 0; at < count; at += block.Length)
        {
            for (var filled = 0; filled < block.Length;)
            {
                var n = socket.Receive(block.AsSpan(filled));
                n.ShouldBeGreaterThan(0);
                filled += n;
            }

            BitConverter.ToInt64(block).ShouldBe(at);
        }
    }

    /// <summary>Sends until nothing has been taken for a while: everything on the way is full.</summary>
    private static long SendUntilBlocked(Socket socket)
    {
        var block = new byte[65_536];
        long sent = 0;
        socket.Blocking = false;
        while (socket.Poll(TimeSpan.FromMilliseconds(300), SelectMode.SelectWrite))
        {
            sent += socket.Send(block);
        }

        return sent;
    }

    /// <summary>Samples the slabs in use on the loop itself, where it allocates nothing.</summary>
    private sealed class PeakTimer(EventLoop loop) : LoopTimer(loop)
    {
        private readonly SlabPool _slabs = loop.Slabs;

        public long Bytes { get; private set; }

        protected override void OnElapsed()
        {
            Bytes = Math.Max(Bytes, _slabs.BytesInUse);
            Arm(1);
        }
    }

    private sealed class Harness : IAsyncDisposable
    {
        public static readonly TimeSpan Patience = Waiting.Patience;

        private readonly Socket _upstream;
        private SocketAddress _address = null!;

        private Harness(EventLoopKind kind, SocketAddress[] moreHosts)
        {
            _upstream = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            _upstream.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            _upstream.Listen();
            Worker = new LoopThread(kind);
            var upstream = new SocketAddress(IPAddress.Loopback, ((IPEndPoint)_upstream.LocalEndPoint!).Port);
            Server = new FilterServer([Worker.Loop], FilterServer.Cluster("up", [.. moreHosts, upstream]));
        }

        public LoopThread Worker { get; }

        public FilterServer Server { get; }

        public FilterHost Host { get; private set; } = null!;

        public static async Task<Harness> StartAsync(EventLoopKind kind, params SocketAddress[] moreHosts)
        {
            var h = new Harness(kind, moreHosts);
            var factory = new TcpProxyFilterFactory(TcpProxySimulation.BaseConfig with { MaxConnectAttempts = 2 }, h.Server.Context);
            h.Host = await h.Worker.RunAsync(() =>
            {
                h.Server.Stats.EnterWorker(0);
                return new FilterHost(h.Worker.Loop, NetworkAddress.Loopback(0), [factory]);
            });
            h._address = (SocketAddress)h.Host.Address;
            return h;
        }

        public static Socket Connect(SocketAddress address)
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { ReceiveTimeout = 30_000, SendTimeout = 30_000 };
            socket.Connect(address.Address, address.Port);
            return socket;
        }

        public Socket ConnectClient() => Connect(_address);

        public Socket AcceptUpstream()
        {
            _upstream.Poll(Patience, SelectMode.SelectRead).ShouldBeTrue("nobody connects");
            var socket = _upstream.Accept();
            socket.ReceiveTimeout = 30_000;
            socket.SendTimeout = 30_000;
            return socket;
        }

        public async Task ShouldBeAtRestAsync()
        {
            await ServerHarness.EventuallyAsync(
                () => Host.Ended.Count == Host.Connections.Count && Server.Gauge("cluster.up.upstream_cx_active") == 0, "connections are left");
            (await Worker.RunAsync(() => (Worker.Loop.Slabs.SlabsInUse, Worker.Loop.ArmedTimers, Worker.Loop.RegisteredSockets, Worker.Loop.Faults)))
                .ShouldBe((0, 0, 1, 0));
        }

        public async ValueTask DisposeAsync()
        {
            _upstream.Dispose();
            await Worker.RunAsync(Host.Close);
            await Worker.DisposeAsync();
        }
    }
}
