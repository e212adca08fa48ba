using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters.Echo;
using MeshProxy.Core.NetworkFilters.TcpProxy;
using MeshProxy.Core.Tests.Network;
using MeshProxy.Core.Tests.NetworkFilters;
using MeshProxy.Core.Tests.NetworkFilters.TcpProxy;
using MeshProxy.Core.TransportSockets.Memory;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.TransportSockets.Memory;

public class MemoryNetworkTests
{
    private static readonly InternalAddress Inner = new("inner");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Echo_ThroughAnInternalListener_BringsEverythingBack(bool fromAnotherLoop)
    {
        var h = new Harness();
        h.Loop.Run(() => new FilterHost(h.Loop.Loop, Inner, [new EchoFilterFactory()]));
        var from = fromAnotherLoop ? h.NewLoop(1) : h.Loop;
        var connection = h.Connect(from);
        var sent = new byte[2_000_000];
        new Random(7).NextBytes(sent);
        var received = new IoBuffer(from.Loop.Slabs);
        var reads = ReadAll(from, connection, received);
        Write(from, connection, sent, endStream: true).ShouldBe(IoStatus.Ok);
        h.Network.RunUntilIdle();
        reads.Now().ShouldBe(IoStatus.EndOfStream);
        received.ToArray().ShouldBe(sent);
        received.Clear();
        from.Run(() => connection.Close(CloseType.FlushWrite));
        h.Network.RunUntilIdle();
        from.Loop.Slabs.SlabsInUse.ShouldBe(0);
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
        h.Loop.Loop.Faults.ShouldBe(0);
    }

    [Fact]
    public void TcpProxy_WhoseEndpointIsAnInternalListener_Relays()
    {
        var h = new Harness();
        var chain = new ProxyChain(h);
        var client = h.Network.ConnectPeer(TcpProxySimulation.ProxyAddress);
        var bytes = new byte[1_000_000];
        new Random(1).NextBytes(bytes);
        client.Send(bytes);
        client.ShutdownSend();
        h.Network.RunUntilIdle();
        var server = chain.Upstream.Connections.ShouldHaveSingleItem();
        server.Received.ShouldBe(bytes);
        server.IsEnded.ShouldBeTrue();
        server.Send("answer");
        server.ShutdownSend();
        h.Network.RunUntilIdle();
        client.ReceivedText.ShouldBe("answer");
        client.IsEnded.ShouldBeTrue();
        chain.Outer.Ended.ShouldHaveSingleItem().UpstreamHost.ShouldBe(Inner);
        chain.Host.Ended.Count.ShouldBe(1);
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
        h.Loop.Loop.ArmedTimers.ShouldBe(0);
    }

    [Fact]
    public void TcpProxy_OverAnInternalListener_PassesBackPressureAndResetsOn()
    {
        var h = new Harness();
        var chain = new ProxyChain(h);
        var client = h.Network.ConnectPeer(TcpProxySimulation.ProxyAddress);
        h.Network.RunUntilIdle();
        var server = chain.Upstream.Connections.ShouldHaveSingleItem();
        server.IsReadPaused = true;
        client.Send(new byte[8_000_000]);
        h.Network.RunUntilIdle();
        client.UnsentBytes.ShouldBeGreaterThan(4_000_000);
        h.Loop.Loop.Slabs.BytesInUse.ShouldBeLessThan(2_000_000);
        client.Reset();
        h.Network.RunUntilIdle();
        server.IsReset.ShouldBeTrue();
        chain.Outer.Ended.Count.ShouldBe(1);
        chain.Host.Ended.Count.ShouldBe(1);
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Connect_ToANameThatNobodyHas_IsRefused()
    {
        var h = new Harness();
        var connection = h.New(h.Loop);
        h.Loop.Run(() => connection.ConnectAsync(Inner).AsTask()).Now().Status.ShouldBe(IoStatus.ConnectFailed);
        connection.IsClosed.ShouldBeTrue();
    }

    [Fact]
    public void Listener_ThatCloses_ResetsWhatItHasNotAcceptedAndFreesItsName()
    {
        var h = new Harness();
        var socket = h.Listen(h.Loop);
        var connection = h.Connect(h.Loop);
        var read = ReadAll(h.Loop, connection, new IoBuffer(h.Loop.Loop.Slabs));
        h.Loop.Run(() => h.Memory.Sockets.Bind(Create(h), Inner)).ShouldBe(SocketStatus.AddressInUse);
        h.Loop.Run(() => h.Memory.Sockets.Close(socket));
        h.Network.RunUntilIdle();
        read.Now().ShouldBe(IoStatus.Reset);
        h.Listen(h.Loop);
    }

    [Fact]
    public void Listeners_OnTwoLoops_GetTheConnectsOfTheirOwn()
    {
        var h = new Harness();
        var second = h.NewLoop(1);
        var hosts = new[] { h.Loop, second }.Select(l => l.Run(() => new FilterHost(l.Loop, Inner, [new EchoFilterFactory()]))).ToArray();
        h.Connect(h.Loop);
        h.Connect(second);
        h.Connect(second);
        h.Network.RunUntilIdle();
        hosts.Select(host => host.Connections.Count).ShouldBe([1, 2]);
        var elsewhere = h.NewLoop(-1);
        h.Connect(elsewhere);
        h.Connect(elsewhere);
        h.Network.RunUntilIdle();
        hosts.Select(host => host.Connections.Count).ShouldBe([2, 3]);
    }

    [Fact]
    public void Writer_WithoutAReader_FillsTheQueueAndNoMore()
    {
        var h = new Harness();
        h.Listen(h.Loop);
        var connection = h.Connect(h.Loop);
        Write(h.Loop, connection, new byte[4_000_000], endStream: false).ShouldBeNull();
        h.Network.RunUntilIdle();
        connection.BytesSent.ShouldBe(MemoryChannel.CapacityBytes);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Close_WithOrWithoutUnreadBytes_ResetsOrEndsThePeer(bool unread)
    {
        var h = new Harness();
        var socket = h.Listen(h.Loop);
        var connection = h.Connect(h.Loop);
        if (unread)
        {
            Write(h.Loop, connection, [1, 2, 3], endStream: false);
        }

        var read = ReadAll(h.Loop, connection, new IoBuffer(h.Loop.Loop.Slabs));
        h.Loop.Run(() =>
        {
            h.Memory.Sockets.Accept(socket, out var accepted, out _).ShouldBe(SocketStatus.Ok);
            h.Memory.Sockets.Close(accepted);
        });
        h.Network.RunUntilIdle();
        read.Now().ShouldBe(unread ? IoStatus.Reset : IoStatus.EndOfStream);
    }

    [Fact]
    public void Channel_UnderRandomReadsAndWrites_KeepsTheOrderAndItsBound()
    {
        var random = new Random(5);
        var channel = new MemoryChannel();
        var model = new Queue<byte>();
        var block = new byte[200_000];
        for (var step = 0; step < 2_000; step++)
        {
            var bytes = block.AsSpan(0, random.Next(1, block.Length));
            if (random.Next(2) == 0)
            {
                random.NextBytes(bytes);
                var taken = channel.Write(bytes);
                taken.ShouldBe(Math.Min(bytes.Length, MemoryChannel.CapacityBytes - model.Count));
                foreach (var b in bytes[..taken])
                {
                    model.Enqueue(b);
                }
            }
            else
            {
                var read = channel.Read(bytes, out _);
                read.ShouldBe(model.Count == 0 ? -1 : Math.Min(bytes.Length, model.Count));
                for (var i = 0; i < read; i++)
                {
                    if (bytes[i] != model.Dequeue())
                    {
                        throw new InvalidOperationException($"byte {i} of step {step} differs");
                    }
                }
            }
        }

        channel.End();
        channel.Write([1]).ShouldBe(-1);
        while (channel.Read(block, out _) > 0)
        {
        }

        channel.Read(block, out _).ShouldBe(0);
    }

    private static int Create(Harness h)
    {
        h.Memory.Sockets.Create(Inner, out var socket).ShouldBe(SocketStatus.Ok);
        return socket;
    }

    private static Task<IoStatus> ReadAll(SimulatedLoop loop, Connection connection, IoBuffer into) => loop.Run(async () =>
    {
        while (true)
        {
            var read = await connection.ReadAsync(into);
            if (!read.IsOk)
            {
                return read.Status;
            }
        }
    });

    /// <summary>The result of a write, if it is complete at once.</summary>
    private static IoStatus? Write(SimulatedLoop loop, Connection connection, byte[] bytes, bool endStream)
    {
        var write = loop.Run(() =>
        {
            var data = new IoBuffer(loop.Loop.Slabs);
            data.Append(bytes);
            return connection.WriteAsync(data, endStream).AsTask();
        });
        loop.RunUntilIdle();
        return write.IsCompleted ? write.Now().Status : null;
    }

    private sealed class Harness
    {
        public Harness()
        {
            Network = new SimulatedNetwork();
            Loop = NewLoop(0);
        }

        public SimulatedNetwork Network { get; }

        public MemoryNetwork Memory { get; } = new();

        public SimulatedLoop Loop { get; }

        public SimulatedLoop NewLoop(int index)
        {
            var loop = Network.CreateLoop(index);
            Memory.Attach(loop.Loop);
            return loop;
        }

        public int Listen(SimulatedLoop loop) => loop.Run(() =>
        {
            var socket = Create(this);
            Memory.Sockets.Bind(socket, Inner).ShouldBe(SocketStatus.Ok);
            Memory.Sockets.Listen(socket, 10).ShouldBe(SocketStatus.Ok);
            return socket;
        });

        public Connection New(SimulatedLoop loop) => loop.Run(() =>
        {
            var ops = loop.Loop.SocketsFor(Inner);
            ops.Create(Inner, out var socket).ShouldBe(SocketStatus.Ok);
            return new Connection(loop.Loop, ops, socket, null, Inner, ConnectionOptions.Default);
        });

        public Connection Connect(SimulatedLoop loop)
        {
            var connection = New(loop);
            loop.Run(() => connection.ConnectAsync(Inner).AsTask()).Now().IsOk.ShouldBeTrue();
            return connection;
        }
    }

    /// <summary>A client, a tcp_proxy, an internal listener with another tcp_proxy, a scripted upstream.</summary>
    private sealed class ProxyChain
    {
        public ProxyChain(Harness h)
        {
            var loop = h.Loop.Loop;
            var server = new FilterServer(
                [loop], FilterServer.Cluster("inner", Inner), FilterServer.Cluster("up", TcpProxySimulation.UpstreamAddress));
            var outer = new TcpProxyFilterFactory(TcpProxySimulation.BaseConfig with { Cluster = "inner" }, server.Context);
            var inner = new TcpProxyFilterFactory(TcpProxySimulation.BaseConfig, server.Context);
            Upstream = h.Network.ListenPeer(TcpProxySimulation.UpstreamAddress);
            Outer = h.Loop.Run(() => new FilterHost(loop, TcpProxySimulation.ProxyAddress, [outer]));
            Host = h.Loop.Run(() => new FilterHost(loop, Inner, [inner]));
        }

        public FilterHost Outer { get; }

        public FilterHost Host { get; }

        public SimulatedListener Upstream { get; }
    }
}
