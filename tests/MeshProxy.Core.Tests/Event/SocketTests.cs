using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.TestSupport;

using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Tests.Event;

/// <summary>The seam's promises over real sockets, on each kind of loop.</summary>
public class SocketTests
{
    public static TheoryData<EventLoopKind> Kinds => LoopKinds.Data;

    public static TheoryData<EventLoopKind, string> KindsAndAddresses
    {
        get
        {
            var data = new TheoryData<EventLoopKind, string>();
            foreach (var kind in LoopKinds.All)
            {
                data.Add(kind, "127.0.0.1:0");
                data.Add(kind, "[::1]:0");
                data.Add(kind, $"unix:{Path.Combine(Path.GetTempPath(), $"mp-{Guid.NewGuid():N}.sock")}");
                if (OperatingSystem.IsLinux())
                {
                    data.Add(kind, $"unix:@mp-{Guid.NewGuid():N}");
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(KindsAndAddresses))]
    public async Task Echo_OverALoop_BringsEveryByteBack(EventLoopKind kind, string address)
    {
        await using var thread = new LoopThread(kind);
        var server = await thread.RunAsync(() => new EchoServer(thread.Loop, NetworkAddress.Parse(address)));
        using var client = Connect(server.Address);
        var sent = new byte[3_000_000];
        new Random(1).NextBytes(sent);
        var sending = Task.Run(() =>
        {
            client.SendAll(sent);
            client.Shutdown(SocketShutdown.Send);
        });
        var received = await Task.Run(client.ReceiveAll);
        await sending;
        received.AsSpan().SequenceEqual(sent).ShouldBeTrue();
        await thread.RunAsync(server.Close);
        (await thread.RunAsync(() => (thread.Loop.RegisteredSockets, thread.Loop.Slabs.SlabsInUse, thread.Loop.Faults))).ShouldBe((0, 0, 0L));
    }

    [Theory]
    [MemberData(nameof(KindsAndAddresses))]
    public async Task Connect_ToAListener_BecomesWritableWithoutError(EventLoopKind kind, string address)
    {
        await using var thread = new LoopThread(kind);
        var server = await thread.RunAsync(() => new EchoServer(thread.Loop, NetworkAddress.Parse(address)));
        var handler = new RecordingHandler();
        var socket = await thread.RunAsync(() => StartConnect(thread.Loop, server.Address, handler, out _));
        (handler.WaitFor(Readiness.Writable) & Readiness.Error).ShouldBe(Readiness.None);
        (await thread.RunAsync(() => thread.Loop.Sockets.GetError(socket))).ShouldBe(SocketStatus.Ok);
        await thread.RunAsync(() =>
        {
            thread.Loop.CloseSocket(socket);
            server.Close();
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Sockets_MoreReadyThanOnePollBrings_AllGetTheirEvents(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        var server = await thread.RunAsync(() => new EchoServer(thread.Loop, NetworkAddress.Loopback(0)));
        var clients = Enumerable.Range(0, 300).Select(_ => Connect(server.Address)).ToArray();
        await Task.Run(() =>
        {
            for (var round = 0; round < 3; round++)
            {
                // While the loop is held up all clients send, so that one poll finds more than its 256 events.
                using var hold = new ManualResetEventSlim();
                thread.Loop.Post(_ => hold.Wait(), null);
                Array.ForEach(clients, c => c.SendAll([(byte)round]));
                hold.Set();
                Array.ForEach(clients, c => c.ReceiveExactly(1).ShouldBe([(byte)round]));
            }

            Array.ForEach(clients, c => c.Dispose());
        });
        await thread.RunAsync(server.Close);
        server.Accepted.ShouldBe(300);
        (await thread.RunAsync(() => thread.Loop.RegisteredSockets)).ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ListenSocket_SharedByLoopsAndClosedByOne_LeavesTheOtherWorking(EventLoopKind kind)
    {
        await using var first = new LoopThread(kind);
        await using var second = new LoopThread(kind);
        var address = new UnixSocketAddress(Path.Combine(Path.GetTempPath(), $"mp-{Guid.NewGuid():N}.sock"));
        var server = await first.RunAsync(() => new EchoServer(first.Loop, address, PollMode.LevelExclusive));
        var handler = new RecordingHandler();
        var listenSocket = server.ListenSocket;
        await second.RunAsync(() => second.Loop.Register(listenSocket, handler, PollMode.LevelExclusive));
        await first.RunAsync(server.Close);
        await second.RunAsync(() => second.Loop.Faults.ShouldBe(0));
        await second.RunAsync(() => second.Loop.Faults.ShouldBe(0));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Peer_ClosesItsSide_ReadableAndReadOfZero(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handler = new RecordingHandler();
        var socket = await thread.RunAsync(() => StartConnect(thread.Loop, NetworkAddress.Loopback(((IPEndPoint)listener.LocalEndpoint).Port), handler, out _));
        using var peer = await listener.AcceptSocketAsync();
        handler.WaitFor(Readiness.Writable);
        peer.Shutdown(SocketShutdown.Send);
        var readiness = handler.WaitFor(Readiness.Readable);
        var expected = kind == EventLoopKind.Epoll ? Readiness.Readable | Readiness.ReadClosed : Readiness.Readable;
        (readiness & (Readiness.Readable | Readiness.ReadClosed | Readiness.Error)).ShouldBe(expected);
        var received = await thread.RunAsync(() => (thread.Loop.Sockets.Receive(socket, new byte[8], out var status), status));
        received.ShouldBe((0, SocketStatus.Ok));
        await thread.RunAsync(() => thread.Loop.CloseSocket(socket));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Connect_WhereNobodyListens_IsRefused(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        using var reserved = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        reserved.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound and not listening: refuses, and nobody else gets the port
        var port = ((IPEndPoint)reserved.LocalEndPoint!).Port;
        var handler = new RecordingHandler();
        var immediate = SocketStatus.Ok;
        var socket = await thread.RunAsync(() => StartConnect(thread.Loop, NetworkAddress.Loopback(port), handler, out immediate));
        if (immediate == SocketStatus.InProgress)
        {
            handler.WaitFor(Readiness.Writable);
            immediate = await thread.RunAsync(() => thread.Loop.Sockets.GetError(socket));
        }

        immediate.ShouldBe(SocketStatus.ConnectionRefused);
        await thread.RunAsync(() => thread.Loop.CloseSocket(socket));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Connect_ToAMissingUnixPath_IsNotFound(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        var status = await thread.RunAsync(() =>
        {
            var address = new UnixSocketAddress(Path.Combine(Path.GetTempPath(), $"missing-{Guid.NewGuid():N}"));
            thread.Loop.Sockets.Create(address, out var socket).ShouldBe(SocketStatus.Ok);
            var result = thread.Loop.Sockets.Connect(socket, address);
            thread.Loop.CloseSocket(socket);
            return result;
        });
        status.ShouldBe(SocketStatus.NotFound);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Bind_ToAPortInUse_SaysSo(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var status = await thread.RunAsync(() =>
        {
            var address = NetworkAddress.Loopback(((IPEndPoint)other.LocalEndpoint).Port);
            thread.Loop.Sockets.Create(address, out var socket).ShouldBe(SocketStatus.Ok);
            var result = thread.Loop.Sockets.Bind(socket, address);
            thread.Loop.Sockets.Close(socket);
            return result;
        });
        status.ShouldBe(SocketStatus.AddressInUse);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ReusePort_OnTwoListeners_BindsBothToOnePort(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        await thread.RunAsync(() =>
        {
            var sockets = thread.Loop.Sockets;
            var address = NetworkAddress.Loopback(0);
            var handles = new int[2];
            for (var i = 0; i < 2; i++)
            {
                sockets.Create(address, out handles[i]).ShouldBe(SocketStatus.Ok);
                var reuse = sockets.SetOption(handles[i], SocketOption.ReusePort, 1);
                if (!OperatingSystem.IsLinux())
                {
                    reuse.ShouldBe(SocketStatus.NotSupported);
                    sockets.Close(handles[i]);
                    return;
                }

                reuse.ShouldBe(SocketStatus.Ok);
                sockets.Bind(handles[i], address).ShouldBe(SocketStatus.Ok);
                sockets.Listen(handles[i], 16).ShouldBe(SocketStatus.Ok);
                address = sockets.GetLocalAddress(handles[i])!;
            }

            sockets.Close(handles[0]);
            sockets.Close(handles[1]);
        });
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Peer_Resets_HandlerSeesErrorOrResetRead(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        var server = await thread.RunAsync(() => new EchoServer(thread.Loop, NetworkAddress.Loopback(0)));
        using (var client = Connect(server.Address))
        {
            client.SendAll([1]);
            client.ReceiveExactly(1);
            client.LingerState = new LingerOption(true, 0);
        }

        (await server.Ended.WaitAsync(Waiting.Patience)).ShouldBe(SocketStatus.ConnectionReset);
        await thread.RunAsync(server.Close);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task ResetOnClose_SendsReset(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handler = new RecordingHandler();
        var socket = await thread.RunAsync(() => StartConnect(thread.Loop, NetworkAddress.Loopback(((IPEndPoint)listener.LocalEndpoint).Port), handler, out _));
        using var peer = await listener.AcceptSocketAsync();
        handler.WaitFor(Readiness.Writable);
        await thread.RunAsync(() =>
        {
            thread.Loop.Sockets.SetOption(socket, SocketOption.ResetOnClose, 1).ShouldBe(SocketStatus.Ok);
            thread.Loop.CloseSocket(socket);
        });
        Should.Throw<SocketException>(() => peer.Receive(new byte[1])).SocketErrorCode.ShouldBe(SocketError.ConnectionReset);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Send_UntilThePeersWindowIsFull_WouldBlockAndLaterBecomesWritable(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handler = new RecordingHandler();
        var socket = await thread.RunAsync(() => StartConnect(thread.Loop, NetworkAddress.Loopback(((IPEndPoint)listener.LocalEndpoint).Port), handler, out _));
        using var peer = await listener.AcceptSocketAsync();
        handler.WaitFor(Readiness.Writable);
        var sent = await thread.RunAsync(() =>
        {
            long total = 0;
            var block = new byte[65_536];
            SocketStatus status;
            int n;
            while ((n = thread.Loop.Sockets.Send(socket, block, out status)) > 0)
            {
                total += n;
            }

            status.ShouldBe(SocketStatus.WouldBlock);
            while (handler.Events.TryTake(out _))
            {
            }

            thread.Loop.Poller.Rearm(socket, Readiness.Writable);
            return total;
        });
        await Task.Run(() => peer.ReceiveExactly(sent));
        handler.WaitFor(Readiness.Writable);
        await thread.RunAsync(() => thread.Loop.CloseSocket(socket));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task SendVector_OfManySlices_KeepsTheirOrder(EventLoopKind kind)
    {
        await using var thread = new LoopThread(kind);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var handler = new RecordingHandler();
        var socket = await thread.RunAsync(() => StartConnect(thread.Loop, NetworkAddress.Loopback(((IPEndPoint)listener.LocalEndpoint).Port), handler, out _));
        using var peer = await listener.AcceptSocketAsync();
        handler.WaitFor(Readiness.Writable);
        var expected = new byte[300];
        new Random(2).NextBytes(expected);
        await thread.RunAsync(() =>
        {
            var data = new IoBuffer(thread.Loop.Slabs);
            for (var end = expected.Length; end > 0; end -= 10)
            {
                data.Prepend(expected.AsSpan(end - 10, 10));
            }

            while (!data.IsEmpty)
            {
                var n = thread.Loop.Sockets.SendVector(socket, data, out var status);
                status.ShouldBe(SocketStatus.Ok);
                data.Drain(n);
            }
        });
        (await Task.Run(() => peer.ReceiveExactly(expected.Length))).ShouldBe(expected);
        await thread.RunAsync(() => thread.Loop.CloseSocket(socket));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task UnixSocket_WithMode_HasItWhenBound(EventLoopKind kind)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var path = Path.Combine(Path.GetTempPath(), $"mp-{Guid.NewGuid():N}.sock");
        const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        await using var thread = new LoopThread(kind);
        var server = await thread.RunAsync(() => new EchoServer(thread.Loop, new UnixSocketAddress(path, Mode)));
        File.GetUnixFileMode(path).ShouldBe(Mode);
        await thread.RunAsync(server.Close);
    }

    private static int StartConnect(EventLoop loop, NetworkAddress address, ISocketHandler handler, out SocketStatus status)
    {
        loop.Sockets.Create(address, out var socket).ShouldBe(SocketStatus.Ok);
        status = loop.Sockets.Connect(socket, address);
        if (status is SocketStatus.Ok or SocketStatus.InProgress)
        {
            loop.Register(socket, handler, PollMode.Edge);
            loop.Poller.Rearm(socket, Readiness.Writable);
        }

        return socket;
    }

    private static Socket Connect(NetworkAddress address)
    {
        EndPoint endpoint = address switch
        {
            SocketAddress ip => new IPEndPoint(ip.Address, ip.Port),
            UnixSocketAddress unix => new UnixDomainSocketEndPoint(unix.IsAbstract ? "\0" + unix.Path[1..] : unix.Path),
            _ => throw new NotSupportedException(),
        };
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(endpoint);
        return socket;
    }
}
