using MeshProxy.Core.Addresses;
using MeshProxy.Core.Event;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.Event;

/// <summary>What tests may rely on when they run the real loop in the simulation.</summary>
public class SimulatedNetworkTests
{
    private static readonly NetworkAddress Address = NetworkAddress.Loopback(80);

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Echo_OverATearingNetwork_BringsEveryByteBackTheSameWayEachTime(int seed)
    {
        var options = new SimulatedNetworkOptions
        {
            Seed = seed,
            TearSegments = true,
            SendWouldBlockProbability = 0.2,
            SpuriousEventProbability = 0.2,
            Latency = TimeSpan.FromMilliseconds(seed - 1),
            ReceiveBufferBytes = 5_000,
            SendBufferBytes = 3_000,
        };
        EchoManyClients(options).ShouldBe(EchoManyClients(options));
    }

    [Fact]
    public void Echo_OfAnotherSeed_TakesOtherSteps()
    {
        var options = new SimulatedNetworkOptions { TearSegments = true };
        EchoManyClients(options).ShouldNotBe(EchoManyClients(options with { Seed = 99 }));
    }

    [Fact]
    public void Echo_ByteByByte_BringsEveryByteBack()
    {
        var network = new SimulatedNetwork(new SimulatedNetworkOptions { ByteByByte = true });
        var loop = network.CreateLoop();
        loop.Run(() => new EchoServer(loop.Loop, Address));
        var peer = network.ConnectPeer(Address);
        peer.Send("hello, one at a time");
        peer.ShutdownSend();
        network.RunUntilIdle();
        peer.ReceivedText.ShouldBe("hello, one at a time");
        peer.IsEnded.ShouldBeTrue();
        loop.Loop.RegisteredSockets.ShouldBe(1);
    }

    [Fact]
    public async Task Resets_FromTheSeed_ReachBothEnds()
    {
        var network = new SimulatedNetwork(new SimulatedNetworkOptions { ResetProbability = 1 });
        var loop = network.CreateLoop();
        var server = loop.Run(() => new EchoServer(loop.Loop, Address));
        var peer = network.ConnectPeer(Address);
        peer.Send("x");
        network.RunUntilIdle();
        peer.IsReset.ShouldBeTrue();
        server.Ended.IsCompletedSuccessfully.ShouldBeTrue();
        (await server.Ended).ShouldBe(SocketStatus.ConnectionReset);
        loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Reader_ThatStops_StopsTheWriterWithinTheBuffers()
    {
        var network = new SimulatedNetwork(new SimulatedNetworkOptions { ReceiveBufferBytes = 1_000, SendBufferBytes = 1_000 });
        var loop = network.CreateLoop();
        loop.Run(() => new EchoServer(loop.Loop, Address));
        var peer = network.ConnectPeer(Address);
        peer.IsReadPaused = true;
        peer.Send(new byte[100_000]);
        network.RunUntilIdle();
        peer.UnsentBytes.ShouldBeGreaterThan(80_000);
        peer.IsReadPaused = false;
        network.RunUntilIdle();
        peer.Received.Length.ShouldBe(100_000);
    }

    [Fact]
    public void Connect_WhereNobodyListens_IsRefusedAfterARoundTrip()
    {
        var network = new SimulatedNetwork(new SimulatedNetworkOptions { Latency = TimeSpan.FromMilliseconds(5) });
        ConnectAndWait(network, TimeSpan.FromMilliseconds(9)).ShouldBeNull();
        ConnectAndWait(network, TimeSpan.FromMilliseconds(10)).ShouldBe(SocketStatus.ConnectionRefused);
    }

    [Fact]
    public void Connect_ThatIsIgnored_NeverCompletes()
    {
        var network = new SimulatedNetwork();
        network.ListenPeer(Address);
        network.IgnoreConnects(Address);
        ConnectAndWait(network, TimeSpan.FromDays(1)).ShouldBeNull();
        network.AllowConnects(Address);
        ConnectAndWait(network, TimeSpan.Zero).ShouldBe(SocketStatus.Ok);
    }

    [Fact]
    public void Connect_ThatIsToBeRefused_IsRefusedAlthoughSomebodyListens()
    {
        var network = new SimulatedNetwork();
        var listener = network.ListenPeer(Address);
        network.RefuseConnects(Address);
        ConnectAndWait(network, TimeSpan.Zero).ShouldBe(SocketStatus.ConnectionRefused);
        listener.Connections.ShouldBeEmpty();
    }

    [Fact]
    public void Advance_WithTimersOnTwoLoops_FiresThemInTheOrderOfTime()
    {
        var network = new SimulatedNetwork();
        var fired = new List<(int Loop, double At)>();
        var start = network.Clock.UtcNow;
        foreach (var index in new[] { 0, 1 })
        {
            var loop = network.CreateLoop(index);
            foreach (var delay in new[] { 10, 30, 50_000 })
            {
                new LoopTimer(loop.Loop, _ => fired.Add((index, (loop.Loop.UtcNow - start).TotalMilliseconds))).Arm(delay + (index * 5));
            }
        }

        network.Advance(TimeSpan.FromMilliseconds(34));
        fired.ShouldBe([(0, 10), (1, 15), (0, 30)]);
        network.Advance(TimeSpan.FromMinutes(1));
        fired.Skip(3).ShouldBe([(1, 35), (0, 50_000), (1, 50_005)]);
    }

    [Fact]
    public void RunUntilComplete_OfALoopsDelay_TakesVirtualTimeOnly()
    {
        var loop = SimulatedLoop.Create();
        var time = new LoopTimeProvider(loop.Loop);
        var task = loop.Run(WorkAsync);
        loop.RunUntilComplete(task).ShouldBe(TimeSpan.FromMinutes(30));

        async Task<TimeSpan> WorkAsync()
        {
            var from = time.GetTimestamp();
            await Task.Delay(TimeSpan.FromMinutes(30), time);
            EventLoop.Current.ShouldBe(loop.Loop);
            return time.GetElapsedTime(from);
        }
    }

    [Fact]
    public void Close_WithUnreadBytes_ResetsThePeer()
    {
        var network = new SimulatedNetwork();
        var listener = network.ListenPeer(Address);
        var client = network.ConnectPeer(Address);
        network.RunUntilIdle();
        var server = listener.Connections.ShouldHaveSingleItem();
        server.IsReadPaused = true;
        client.Send("unread");
        network.RunUntilIdle();
        server.Close();
        network.RunUntilIdle();
        client.IsReset.ShouldBeTrue();
    }

    [Fact]
    public void UnixSocket_InTheSimulation_ConnectsAtOnce()
    {
        var network = new SimulatedNetwork();
        var path = new UnixSocketAddress("@simulated");
        var loop = network.CreateLoop();
        loop.Run(() => new EchoServer(loop.Loop, path));
        var peer = network.ConnectPeer(path);
        peer.Send("unix");
        network.RunUntilIdle();
        peer.ReceivedText.ShouldBe("unix");
    }

    private static ulong EchoManyClients(SimulatedNetworkOptions options)
    {
        var network = new SimulatedNetwork(options);
        var loops = new[] { network.CreateLoop(0), network.CreateLoop(1) };
        var servers = loops.Select((loop, i) => loop.Run(() => new EchoServer(loop.Loop, NetworkAddress.Loopback(80 + i)))).ToArray();
        var sent = new Random(7);
        var clients = new List<(SimulatedPeer Peer, byte[] Bytes)>();
        for (var i = 0; i < 6; i++)
        {
            var bytes = new byte[sent.Next(20_000)];
            sent.NextBytes(bytes);
            var peer = network.ConnectPeer(servers[i % 2].Address);
            peer.Send(bytes);
            peer.ShutdownSend();
            clients.Add((peer, bytes));
        }

        network.Advance(TimeSpan.FromMinutes(10));
        foreach (var (peer, bytes) in clients)
        {
            peer.Received.AsSpan().SequenceEqual(bytes).ShouldBeTrue();
            peer.IsEnded.ShouldBeTrue();
            peer.Close();
        }

        for (var i = 0; i < loops.Length; i++)
        {
            loops[i].Run(servers[i].Close);
            loops[i].Loop.Slabs.SlabsInUse.ShouldBe(0);
            loops[i].Loop.Faults.ShouldBe(0);
        }

        network.RunUntilIdle();
        network.OpenSockets.ShouldBe(0);
        return network.Fingerprint;
    }

    /// <summary>The outcome of a connect, or null if there was none in the given time.</summary>
    private static SocketStatus? ConnectAndWait(SimulatedNetwork network, TimeSpan wait)
    {
        var loop = network.CreateLoop();
        SocketStatus? outcome = null;
        var socket = -1;
        loop.Run(() =>
        {
            loop.Loop.Sockets.Create(Address, out socket).ShouldBe(SocketStatus.Ok);
            loop.Loop.Sockets.Connect(socket, Address).ShouldBe(SocketStatus.InProgress);
            loop.Loop.Register(socket, new ActionHandler(_ => outcome = loop.Loop.Sockets.GetError(socket)), PollMode.Edge);
        });
        network.Advance(wait);
        loop.Run(() => loop.Loop.CloseSocket(socket));
        return outcome;
    }
}
