using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Tests.Event;

/// <summary>The smallest server over the raw seam. It shows the rules of the edge: drain or fill a socket, then rearm and wait.</summary>
internal sealed class EchoServer : ISocketHandler
{
    private readonly EventLoop _loop;
    private readonly TaskCompletionSource<SocketStatus> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Connection> _connections = [];
    private readonly int _socket;

    public EchoServer(EventLoop loop, NetworkAddress address, PollMode mode = PollMode.Level)
    {
        _loop = loop;
        loop.Sockets.Create(address, out _socket).ShouldBe(SocketStatus.Ok);
        loop.Sockets.Bind(_socket, address).ShouldBe(SocketStatus.Ok);
        loop.Sockets.Listen(_socket, 128).ShouldBe(SocketStatus.Ok);
        Address = address is UnixSocketAddress ? address : loop.Sockets.GetLocalAddress(_socket)!;
        loop.Register(_socket, this, mode);
    }

    public NetworkAddress Address { get; }

    public int ListenSocket => _socket;

    /// <summary>How the first connection ended: Ok if the peer closed it.</summary>
    public Task<SocketStatus> Ended => _ended.Task;

    public int Accepted { get; private set; }

    public void OnReady(Readiness readiness)
    {
        SocketStatus status;
        while ((status = _loop.Sockets.Accept(_socket, out var socket, out _)) == SocketStatus.Ok)
        {
            Accepted++;
            _connections.Add(new Connection(this, socket));
        }

        status.ShouldBe(SocketStatus.WouldBlock);
    }

    public void Close()
    {
        foreach (var connection in _connections.ToArray())
        {
            connection.Close(SocketStatus.Ok);
        }

        _loop.CloseSocket(_socket);
        if (Address is UnixSocketAddress { IsAbstract: false } unix)
        {
            File.Delete(unix.Path);
        }
    }

    private sealed class Connection : ISocketHandler
    {
        private readonly EchoServer _server;
        private readonly int _socket;
        private readonly IoBuffer _pending;
        private bool _readClosed;

        public Connection(EchoServer server, int socket)
        {
            _server = server;
            _socket = socket;
            _pending = new IoBuffer(server._loop.Slabs);
            server._loop.Register(socket, this, PollMode.Edge);
            server._loop.Poller.Rearm(socket, Readiness.Readable);
        }

        public void OnReady(Readiness readiness)
        {
            if (Flush() && !_readClosed)
            {
                Read();
            }
        }

        public void Close(SocketStatus why)
        {
            _pending.Clear();
            _server._loop.CloseSocket(_socket);
            _server._connections.Remove(this);
            _server._ended.TrySetResult(why);
        }

        private void Read()
        {
            while (true)
            {
                var n = _server._loop.Sockets.Receive(_socket, _pending.WritableTail(1, 8192), out var status);
                _pending.Commit(Math.Max(n, 0));
                if (n > 0)
                {
                    if (!Flush())
                    {
                        return;
                    }
                }
                else if (status == SocketStatus.WouldBlock)
                {
                    _server._loop.Poller.Rearm(_socket, Readiness.Readable);
                    return;
                }
                else
                {
                    Close(status);
                    return;
                }
            }
        }

        /// <summary>False if the socket is full or gone.</summary>
        private bool Flush()
        {
            while (!_pending.IsEmpty)
            {
                var n = _server._loop.Sockets.SendVector(_socket, _pending, out var status);
                if (n >= 0)
                {
                    _pending.Drain(n);
                }
                else if (status == SocketStatus.WouldBlock)
                {
                    _server._loop.Poller.Rearm(_socket, Readiness.Writable);
                    return false;
                }
                else
                {
                    _readClosed = true;
                    Close(status);
                    return false;
                }
            }

            return true;
        }
    }
}

internal static class SocketTestExtensions
{
    public static void SendAll(this Socket socket, byte[] bytes)
    {
        for (var sent = 0; sent < bytes.Length;)
        {
            sent += socket.Send(bytes.AsSpan(sent));
        }
    }

    public static byte[] ReceiveAll(this Socket socket)
    {
        using var all = new MemoryStream();
        var block = new byte[65_536];
        for (int n; (n = socket.Receive(block)) > 0;)
        {
            all.Write(block, 0, n);
        }

        return all.ToArray();
    }

    public static byte[] ReceiveExactly(this Socket socket, long count)
    {
        var bytes = new byte[count];
        for (var at = 0; at < count;)
        {
            var n = socket.Receive(bytes.AsSpan(at));
            n.ShouldBeGreaterThan(0);
            at += n;
        }

        return bytes;
    }
}
