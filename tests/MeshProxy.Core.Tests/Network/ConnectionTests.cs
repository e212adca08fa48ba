using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.Network;

public class ConnectionTests
{
    private static readonly NetworkAddress Address = NetworkAddress.Loopback(80);
    private static readonly NetworkAddress UnixAddress = new UnixSocketAddress("@connection");

    [Fact]
    public void Read_WithoutBytes_WaitsAndHoldsNoBuffer()
    {
        var h = new Harness();
        var read = h.Read();
        h.Network.RunUntilIdle();
        read.IsCompleted.ShouldBeFalse();
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
        h.Peer.Send("hello");
        h.Network.RunUntilIdle();
        read.Now().ShouldBe(new IoResult(IoStatus.Ok, 5));
        h.Text.ShouldBe("hello");
    }

    [Fact]
    public void Read_FinWithBytes_GivesBytesThenTheEndEachTime()
    {
        var h = new Harness();
        h.Peer.Send("last");
        h.Peer.ShutdownSend();
        h.Network.RunUntilIdle();
        h.ReadNow().ShouldBe(new IoResult(IoStatus.Ok, 4));
        h.ReadNow().Status.ShouldBe(IoStatus.EndOfStream);
        h.ReadNow().Status.ShouldBe(IoStatus.EndOfStream);
        h.Connection.IsReadEnded.ShouldBeTrue();
        h.Connection.IsOpen.ShouldBeTrue();
    }

    [Fact]
    public void Read_PendingWhenFinCameWithBytes_NeedsNoFurtherEdge()
    {
        var h = new Harness();
        var read = h.Read();
        h.Peer.Send("last");
        h.Peer.ShutdownSend();
        h.Network.RunUntilIdle();
        read.Now().Bytes.ShouldBe(4);
        h.ReadNow().Status.ShouldBe(IoStatus.EndOfStream);
    }

    [Fact]
    public void Read_OnAUnixSocket_IsNotMisledByAShortRead()
    {
        var h = new Harness(address: UnixAddress);
        h.Peer.Send("one");
        h.Network.RunUntilIdle();
        h.ReadNow().Bytes.ShouldBe(3);
        var read = h.Read();
        h.Peer.Send("two");
        h.Network.RunUntilIdle();
        read.Now().Bytes.ShouldBe(3);
    }

    [Fact]
    public void Read_OfALargeBacklog_TakesAtMost256KiBATurn()
    {
        var h = new Harness();
        h.Peer.Send(new byte[1_000_000]);
        h.Network.RunUntilIdle();
        var turns = new List<long>();
        var done = h.ReadAll(turns);
        h.Network.RunUntilIdle();
        done.IsCompleted.ShouldBeFalse();
        h.Into.Length.ShouldBe(1_000_000);
        turns.GroupBy(t => t).Count().ShouldBeGreaterThanOrEqualTo(2);
        h.Peer.ShutdownSend();
        h.Network.RunUntilIdle();
        done.IsCompletedSuccessfully.ShouldBeTrue();
    }

    [Fact]
    public void Connect_PeerSpeaksFirst_BytesOfTheSameEdgeAreRead()
    {
        var network = new SimulatedNetwork();
        var loop = network.CreateLoop();
        network.ListenPeer(Address).Accepted = peer => peer.Send("220 ready");
        var connection = loop.Run(() => NewConnection(loop, Address));
        var into = new IoBuffer(loop.Loop.Slabs);
        var read = loop.Run(() => ConnectAndRead());
        network.RunUntilIdle();
        read.IsCompletedSuccessfully.ShouldBeTrue();
        read.Now().Bytes.ShouldBe(9);

        async Task<IoResult> ConnectAndRead()
        {
            (await connection.ConnectAsync(Address)).IsOk.ShouldBeTrue();
            return await connection.ReadAsync(into);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Connect_ThatFails_ClosesTheConnection(bool closedMeanwhile)
    {
        var network = new SimulatedNetwork(new SimulatedNetworkOptions { Latency = TimeSpan.FromMilliseconds(5) });
        var loop = network.CreateLoop();
        var connection = loop.Run(() => NewConnection(loop, Address));
        var connect = loop.Run(() => connection.ConnectAsync(Address).AsTask());
        if (closedMeanwhile)
        {
            loop.Run(() => connection.Close(CloseType.FlushWrite));
        }

        network.Advance(TimeSpan.FromSeconds(1));
        connect.Now().Status.ShouldBe(closedMeanwhile ? IoStatus.Closed : IoStatus.ConnectFailed);
        connection.IsClosed.ShouldBeTrue();
        loop.Loop.RegisteredSockets.ShouldBe(0);
        network.OpenSockets.ShouldBe(0);
    }

    [Fact]
    public void Writes_OfOneCallback_LeaveInOneSend()
    {
        var h = new Harness();
        h.Loop.Run(() =>
        {
            h.Write("head ");
            h.Write("body");
            h.Connection.BytesSent.ShouldBe(0);
            h.Connection.BufferedBytes.ShouldBe(9);
        });
        h.Connection.BytesSent.ShouldBe(9);
        h.Network.RunUntilIdle();
        h.Peer.ReceivedText.ShouldBe("head body");
    }

    [Fact]
    public void Write_WithEndStream_HalfClosesAfterTheBytes()
    {
        var h = new Harness();
        h.Loop.Run(() => h.Write("bye", endStream: true));
        h.Network.RunUntilIdle();
        h.Peer.ReceivedText.ShouldBe("bye");
        h.Peer.IsEnded.ShouldBeTrue();
        h.Loop.Run(() => h.Write("more")).IsCompleted.ShouldBeTrue();
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
        h.Peer.Send("still heard");
        h.Network.RunUntilIdle();
        h.ReadNow().Bytes.ShouldBe(11);
    }

    [Fact]
    public void Write_PastTheWatermark_WaitsUntilHalfTheLimitIsLeft()
    {
        var h = new Harness(
            new SimulatedNetworkOptions { SendBufferBytes = 1_000, ReceiveBufferBytes = 1_000 }, new ConnectionOptions { BufferLimitBytes = 100_000 });
        h.Peer.IsReadPaused = true;
        h.Loop.Run(() => h.Write(new byte[40_000])).IsCompleted.ShouldBeTrue();
        var write = h.Loop.Run(() => h.Write(new byte[40_000]));
        h.Network.RunUntilIdle();
        write.IsCompleted.ShouldBeFalse();
        h.Peer.IsReadPaused = false;
        h.Network.RunUntilIdle();
        write.Now().IsOk.ShouldBeTrue();
        h.Peer.Received.Length.ShouldBe(80_000);
    }

    [Fact]
    public void Write_WaitingWhenThePeerResets_EndsWithReset()
    {
        var h = new Harness(new SimulatedNetworkOptions { SendBufferBytes = 1_000, ReceiveBufferBytes = 1_000 });
        h.Peer.IsReadPaused = true;
        var write = h.Loop.Run(() => h.Write(new byte[2_000_000]));
        h.Network.RunUntilIdle();
        write.IsCompleted.ShouldBeFalse();
        h.Peer.Reset();
        h.Network.RunUntilIdle();
        write.Now().Status.ShouldBe(IoStatus.Reset);
        h.Callbacks.Resets.ShouldBe(1);
        h.Connection.IsOpen.ShouldBeFalse();
        h.Connection.BufferedBytes.ShouldBe(0);
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Reset_WhileNobodyReads_IsToldOnceAndReadsEndWithIt()
    {
        var h = new Harness();
        h.Peer.Send("rest");
        h.Network.RunUntilIdle();
        h.Peer.Reset();
        h.Network.RunUntilIdle();
        h.Callbacks.Resets.ShouldBe(1);
        h.ReadNow().Bytes.ShouldBe(4);
        h.ReadNow().Status.ShouldBe(IoStatus.Reset);
        h.ReadNow().Status.ShouldBe(IoStatus.Reset);
        h.Connection.IsReadEnded.ShouldBeFalse();
        h.Callbacks.Resets.ShouldBe(1);
    }

    [Fact]
    public void Reset_WhileAReadWaits_IsTheReadsResult()
    {
        var h = new Harness();
        var read = h.Read();
        h.Peer.Reset();
        h.Network.RunUntilIdle();
        read.Now().Status.ShouldBe(IoStatus.Reset);
        h.Callbacks.Resets.ShouldBe(0);
    }

    [Fact]
    public void Close_WithOperationsPending_EndsThemFromTheQueueAndTellsOnce()
    {
        var h = new Harness(new SimulatedNetworkOptions { SendBufferBytes = 1_000, ReceiveBufferBytes = 1_000 });
        h.Peer.IsReadPaused = true;
        var read = h.Read();
        var write = h.Loop.Run(() => h.Write(new byte[2_000_000]));
        h.Network.RunUntilIdle();
        h.Loop.Run(() =>
        {
            h.Connection.Close(CloseType.NoFlush);
            read.IsCompleted.ShouldBeFalse("nothing re-enters a pump that is on the stack");
            h.Connection.Close(CloseType.NoFlush);
        });
        h.Callbacks.Closes.ShouldBe(1);
        h.Network.RunUntilIdle();
        read.Now().Status.ShouldBe(IoStatus.Closed);
        write.Now().Status.ShouldBe(IoStatus.Closed);
        h.ReadNow().Status.ShouldBe(IoStatus.Closed);
        h.Loop.Loop.RegisteredSockets.ShouldBe(0);
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Close_WithFlush_SendsWhatIsLeftFirst()
    {
        var h = new Harness(new SimulatedNetworkOptions { SendBufferBytes = 1_000, ReceiveBufferBytes = 1_000 });
        h.Peer.IsReadPaused = true;
        h.Loop.Run(() =>
        {
            h.Write(new byte[50_000]);
            h.Connection.Close(CloseType.FlushWrite);
        });
        h.Network.RunUntilIdle();
        h.Connection.IsClosed.ShouldBeFalse();
        h.Peer.IsReadPaused = false;
        h.Network.RunUntilIdle();
        h.Peer.Received.Length.ShouldBe(50_000);
        h.Peer.IsEnded.ShouldBeTrue();
        h.Connection.IsClosed.ShouldBeTrue();
        h.Callbacks.Closes.ShouldBe(1);
    }

    [Fact]
    public void Close_WithFlushThatMakesNoProgress_EndsAfterTheDelay()
    {
        var h = new Harness(new SimulatedNetworkOptions { SendBufferBytes = 1_000, ReceiveBufferBytes = 10_000 });
        h.Peer.IsReadPaused = true;
        h.Loop.Run(() =>
        {
            h.Write(new byte[50_000]);
            h.Connection.Close(CloseType.FlushWrite, delayMs: 1_000);
        });
        h.Network.Advance(TimeSpan.FromSeconds(0.9));
        h.Peer.IsReadPaused = false;
        h.Peer.IsReadPaused = true;
        h.Network.Advance(TimeSpan.FromSeconds(0.9));
        h.Connection.IsClosed.ShouldBeFalse("bytes went out 0.9 s ago");
        h.Network.Advance(TimeSpan.FromSeconds(0.2));
        h.Connection.IsClosed.ShouldBeTrue();
        h.Loop.Loop.ArmedTimers.ShouldBe(0);
    }

    [Fact]
    public void Close_WithDelay_DropsWhatThePeerStillSends()
    {
        var h = new Harness();
        h.Peer.Send("unread");
        h.Network.RunUntilIdle();
        h.Loop.Run(() =>
        {
            h.Write("goodbye");
            h.Connection.Close(CloseType.FlushWriteAndDelay, delayMs: 1_000);
        });
        h.Peer.Send(new byte[500_000]);
        h.Network.RunUntilIdle();
        h.Peer.ReceivedText.ShouldBe("goodbye");
        h.Peer.IsEnded.ShouldBeTrue();
        h.Peer.IsReset.ShouldBeFalse();
        h.Peer.UnsentBytes.ShouldBe(0);
        h.Connection.IsClosed.ShouldBeFalse();
        h.Peer.ShutdownSend();
        h.Network.RunUntilIdle();
        h.Connection.IsClosed.ShouldBeTrue();
        h.Loop.Loop.ArmedTimers.ShouldBe(0);
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Close_WithDelay_EndsWhenThePeerDoesNotClose()
    {
        var h = new Harness();
        h.Loop.Run(() => h.Connection.Close(CloseType.FlushWriteAndDelay, delayMs: 1_000));
        h.Network.Advance(TimeSpan.FromSeconds(0.9));
        h.Peer.IsEnded.ShouldBeTrue();
        h.Connection.IsClosed.ShouldBeFalse();
        h.Network.Advance(TimeSpan.FromSeconds(0.2));
        h.Connection.IsClosed.ShouldBeTrue();
    }

    [Fact]
    public void Close_WithReset_ResetsThePeer()
    {
        var h = new Harness();
        h.Loop.Run(() =>
        {
            h.Write("lost");
            h.Connection.Close(CloseType.Reset);
        });
        h.Network.RunUntilIdle();
        h.Peer.IsReset.ShouldBeTrue();
        h.Peer.ReceivedText.ShouldBeEmpty();
    }

    [Fact]
    public void FlushNow_BeforeAReset_HasSentWhatWasWritten()
    {
        var h = new Harness();
        h.Loop.Run(() =>
        {
            h.Write("kept");
            h.Connection.FlushNow();
            h.Connection.BufferedBytes.ShouldBe(0);
            h.Connection.Close(CloseType.Reset);
            h.Connection.FlushNow();
        });
        h.Network.RunUntilIdle();
        h.Peer.IsReset.ShouldBeTrue();
        h.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Close_FromTheReadsOwnContinuation_IsSafe()
    {
        var h = new Harness();
        var closed = h.Loop.Run(() => CloseAfterRead());
        h.Peer.Send("x");
        h.Peer.ShutdownSend();
        h.Network.RunUntilIdle();
        closed.IsCompletedSuccessfully.ShouldBeTrue();
        h.Callbacks.Closes.ShouldBe(1);
        h.Loop.Loop.Faults.ShouldBe(0);

        async Task CloseAfterRead()
        {
            await h.Connection.ReadAsync(h.Into);
            h.Connection.Close(CloseType.NoFlush);
            h.Into.Clear();
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Transfer_BothWaysOverABadNetwork_LosesNothing(int seed)
    {
        var h = new Harness(new SimulatedNetworkOptions
        {
            Seed = seed,
            TearSegments = true,
            SendWouldBlockProbability = 0.4,
            SpuriousEventProbability = 0.4,
            SendBufferBytes = 7_000,
            ReceiveBufferBytes = 5_000,
        });
        var there = new byte[400_000];
        var back = new byte[300_000];
        new Random(seed).NextBytes(there);
        new Random(seed + 1).NextBytes(back);
        var reads = h.ReadAll([]);
        h.Loop.Run(() => h.Write(back, endStream: true));
        h.Peer.Send(there);
        h.Peer.ShutdownSend();
        h.Network.RunUntilIdle();
        reads.IsCompletedSuccessfully.ShouldBeTrue();
        h.Into.ToArray().ShouldBe(there);
        h.Peer.Received.ShouldBe(back);
        h.Peer.IsEnded.ShouldBeTrue();
        h.Connection.BytesReceived.ShouldBe(there.Length);
        h.Connection.BytesSent.ShouldBe(back.Length);
    }

    private static Connection NewConnection(SimulatedLoop loop, NetworkAddress address)
    {
        var ops = loop.Loop.SocketsFor(address);
        ops.Create(address, out var socket).ShouldBe(SocketStatus.Ok);
        return new Connection(loop.Loop, ops, socket, null, address, ConnectionOptions.Default);
    }

    private sealed class RecordingCallbacks : IConnectionCallbacks
    {
        public int Resets { get; private set; }

        public int Closes { get; private set; }

        public void OnPeerReset() => Resets++;

        public void OnClosed() => Closes++;
    }

    /// <summary>An accepted connection and its scripted peer.</summary>
    private sealed class Harness : ISocketHandler
    {
        private readonly int _listenSocket;
        private readonly ConnectionOptions _options;

        public Harness(SimulatedNetworkOptions? network = null, ConnectionOptions? options = null, NetworkAddress? address = null)
        {
            _options = options ?? ConnectionOptions.Default;
            Network = new SimulatedNetwork(network);
            Loop = Network.CreateLoop();
            address ??= Address;
            var ops = Loop.Loop.Sockets;
            ops.Create(address, out _listenSocket).ShouldBe(SocketStatus.Ok);
            ops.Bind(_listenSocket, address).ShouldBe(SocketStatus.Ok);
            ops.Listen(_listenSocket, 1).ShouldBe(SocketStatus.Ok);
            Loop.Run(() => Loop.Loop.Register(_listenSocket, this, PollMode.Level));
            Peer = Network.ConnectPeer(address);
            Network.RunUntilIdle();
            Connection.ShouldNotBeNull();
            Connection.Callbacks = Callbacks;
            Into = new IoBuffer(Loop.Loop.Slabs);
        }

        public SimulatedNetwork Network { get; }

        public SimulatedLoop Loop { get; }

        public SimulatedPeer Peer { get; }

        public Connection Connection { get; private set; } = null!;

        public RecordingCallbacks Callbacks { get; } = new();

        public IoBuffer Into { get; }

        public string Text => System.Text.Encoding.Latin1.GetString(Into.ToArray());

        public void OnReady(Readiness readiness)
        {
            Loop.Loop.Sockets.Accept(_listenSocket, out var socket, out var peer).ShouldBe(SocketStatus.Ok);
            Connection = new Connection(Loop.Loop, Loop.Loop.Sockets, socket, peer is null ? UnixAddress : Address, peer, _options);
            Connection.Start();
            Loop.Loop.CloseSocket(_listenSocket);
        }

        public Task<IoResult> Read() => Loop.Run(() => Connection.ReadAsync(Into).AsTask());

        public IoResult ReadNow()
        {
            var read = Read();
            Network.RunUntilIdle();
            read.IsCompletedSuccessfully.ShouldBeTrue();
            return read.Now();
        }

        public Task ReadAll(List<long> turns) => Loop.Run(async () =>
        {
            while ((await Connection.ReadAsync(Into)).IsOk)
            {
                turns.Add(Loop.Loop.Turn);
            }
        });

        public Task<IoResult> Write(string text, bool endStream = false) => Write(System.Text.Encoding.Latin1.GetBytes(text), endStream);

        public Task<IoResult> Write(byte[] bytes, bool endStream = false)
        {
            var data = new IoBuffer(Loop.Loop.Slabs);
            data.Append(bytes);
            return Connection.WriteAsync(data, endStream).AsTask();
        }
    }
}

internal static class TaskTestExtensions
{
    /// <summary>The result of a task that the simulation has completed.</summary>
    public static T Now<T>(this Task<T> task)
    {
        task.IsCompletedSuccessfully.ShouldBeTrue();
        return task.GetAwaiter().GetResult();
    }
}
