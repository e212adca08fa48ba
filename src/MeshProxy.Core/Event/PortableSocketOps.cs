using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Event;

/// <summary>Socket calls over non-blocking <see cref="Socket"/>s, for platforms without epoll. A handle is one of <see cref="PortableSocketTable"/>.</summary>
/// <remarks>One instance a loop. Closing a listen socket on a Unix path also deletes the path's file: <see cref="Socket"/> does that.</remarks>
internal sealed class PortableSocketOps : ISocketOps
{
    private const int MaxSegments = 16;

    private readonly List<ArraySegment<byte>> _segments = new(MaxSegments);

    // The poller is level-triggered once rearmed, so what a short read left behind is reported again.
    public bool ShortReadMeansDrained => true;

    public SocketStatus Create(NetworkAddress family, out int socket)
    {
        socket = -1;
        AddressFamily addressFamily;
        switch (family)
        {
            case SocketAddress ip:
                addressFamily = ip.Address.AddressFamily;
                break;
            case UnixSocketAddress when Socket.OSSupportsUnixDomainSockets:
                addressFamily = AddressFamily.Unix;
                break;
            default:
                return SocketStatus.NotSupported;
        }

        try
        {
            socket = PortableSocketTable.Add(new Socket(addressFamily, SocketType.Stream, ProtocolType.Unspecified) { Blocking = false });
            return SocketStatus.Ok;
        }
        catch (SocketException exception)
        {
            return PortableSocketStatus.From(exception.SocketErrorCode);
        }
    }

    public SocketStatus Bind(int socket, NetworkAddress address)
    {
        if (ToEndPoint(address) is not { } endpoint)
        {
            return SocketStatus.NotSupported;
        }

        var status = Attempt(socket, endpoint, static (s, e) => s.Bind(e));
        if (status == SocketStatus.Ok && address is UnixSocketAddress { IsAbstract: false, Mode: { } mode } unix && !OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(unix.Path, mode);
        }

        return status;
    }

    public SocketStatus Listen(int socket, int backlog) => Attempt(socket, backlog, static (s, b) => s.Listen(b));

    public SocketStatus Accept(int listenSocket, out int socket, out NetworkAddress? peer)
    {
        socket = -1;
        peer = null;
        var listener = PortableSocketTable.Get(listenSocket);
        try
        {
            // Asked first, for an accept without a connection throws.
            if (!listener.Poll(0, SelectMode.SelectRead))
            {
                return SocketStatus.WouldBlock;
            }

            var accepted = listener.Accept();
            accepted.Blocking = false;
            peer = ToAddress(accepted.RemoteEndPoint);
            socket = PortableSocketTable.Add(accepted);
            return SocketStatus.Ok;
        }
        catch (SocketException exception)
        {
            return PortableSocketStatus.From(exception.SocketErrorCode) switch
            {
                SocketStatus.ConnectionReset or SocketStatus.HostUnreachable or SocketStatus.NetworkUnreachable => SocketStatus.ConnectionAborted,
                var status => status,
            };
        }
    }

    public SocketStatus Connect(int socket, NetworkAddress address)
    {
        if (ToEndPoint(address) is not { } endpoint)
        {
            return SocketStatus.NotSupported;
        }

        return Attempt(socket, endpoint, static (s, e) => s.Connect(e)) switch
        {
            // A Unix socket connects at once or not at all: full backlog, or (as Socket reports ENOENT) no such path.
            SocketStatus.WouldBlock when address is UnixSocketAddress && !OperatingSystem.IsWindows() => SocketStatus.ConnectionRefused,
            SocketStatus.AddressNotAvailable when address is UnixSocketAddress => SocketStatus.NotFound,
            SocketStatus.WouldBlock => SocketStatus.InProgress,
            var status => status,
        };
    }

    public SocketStatus GetError(int socket)
    {
        try
        {
            var error = PortableSocketTable.Get(socket).GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.Error);
            return PortableSocketStatus.From((SocketError)(int)error!);
        }
        catch (SocketException exception)
        {
            return PortableSocketStatus.From(exception.SocketErrorCode);
        }
    }

    public NetworkAddress? GetLocalAddress(int socket)
    {
        try
        {
            return ToAddress(PortableSocketTable.Get(socket).LocalEndPoint);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    public NetworkAddress? GetOriginalDestination(int socket)
    {
        var level = OperatingSystem.IsLinux() ? LinuxSocketAddress.OriginalDestinationLevel(GetLocalAddress(socket)) : -1;
        if (level < 0)
        {
            return null;
        }

        Span<byte> raw = stackalloc byte[LinuxSocketAddress.MaxBytes];
        try
        {
            var length = PortableSocketTable.Get(socket).GetRawSocketOption(level, Libc.OriginalDestination, raw);
            return LinuxSocketAddress.Read(raw[..length]);
        }
        catch (SocketException)
        {
            return null;
        }
    }

    public int Receive(int socket, Span<byte> into, out SocketStatus status)
    {
        var received = PortableSocketTable.Get(socket).Receive(into, SocketFlags.None, out var error);
        status = PortableSocketStatus.From(error);
        return status == SocketStatus.Ok ? received : -1;
    }

    public int Send(int socket, ReadOnlySpan<byte> bytes, out SocketStatus status)
    {
        var sent = PortableSocketTable.Get(socket).Send(bytes, SocketFlags.None, out var error);
        return Sent(sent, error, out status);
    }

    public int SendVector(int socket, IoBuffer data, out SocketStatus status)
    {
        if (data.SliceCount == 1)
        {
            return Send(socket, data.FirstSpan, out status);
        }

        for (var i = 0; i < Math.Min(data.SliceCount, MaxSegments); i++)
        {
            ref var slice = ref data.SliceAt(i);
            _segments.Add(new ArraySegment<byte>(slice.Slab.Array, slice.Start, slice.Length));
        }

        try
        {
            var sent = PortableSocketTable.Get(socket).Send(_segments, SocketFlags.None, out var error);
            return Sent(sent, error, out status);
        }
        finally
        {
            _segments.Clear();
        }
    }

    public SocketStatus SetOption(int socket, SocketOption option, int value) => option switch
    {
        SocketOption.NoDelay => Set(socket, SocketOptionLevel.Tcp, SocketOptionName.NoDelay, value),
        SocketOption.KeepAlive => Set(socket, SocketOptionLevel.Socket, SocketOptionName.KeepAlive, value),
        SocketOption.KeepAliveTimeSeconds => Set(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, value),
        SocketOption.KeepAliveIntervalSeconds => Set(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, value),
        SocketOption.KeepAliveProbes => Set(socket, SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, value),
        SocketOption.ReuseAddress => SetReuseAddress(socket, value),
        SocketOption.ReusePort => OperatingSystem.IsLinux() ? SetRaw(socket, Libc.SolSocket, Libc.SoReusePort, value) : SocketStatus.NotSupported,
        SocketOption.IPv6Only => Set(socket, SocketOptionLevel.IPv6, SocketOptionName.IPv6Only, value),
        SocketOption.SendBufferBytes => Set(socket, SocketOptionLevel.Socket, SocketOptionName.SendBuffer, value),
        SocketOption.ReceiveBufferBytes => Set(socket, SocketOptionLevel.Socket, SocketOptionName.ReceiveBuffer, value),
        SocketOption.ResetOnClose => Attempt(socket, value != 0, static (s, on) => s.LingerState = new LingerOption(on, 0)),
        _ => SocketStatus.NotSupported,
    };

    public SocketStatus ShutdownSend(int socket) => Attempt(socket, 0, static (s, _) => s.Shutdown(SocketShutdown.Send));

    public void Close(int socket) => PortableSocketTable.Remove(socket).Dispose();

    /// <summary>A full socket after a part of the bytes is a success: the part counts.</summary>
    private static int Sent(int sent, SocketError error, out SocketStatus status)
    {
        status = sent > 0 ? SocketStatus.Ok : PortableSocketStatus.From(error);
        return status == SocketStatus.Ok ? sent : -1;
    }

    private static SocketStatus Attempt<T>(int socket, T argument, Action<Socket, T> action)
    {
        try
        {
            action(PortableSocketTable.Get(socket), argument);
            return SocketStatus.Ok;
        }
        catch (SocketException exception)
        {
            return PortableSocketStatus.From(exception.SocketErrorCode);
        }
    }

    private static SocketStatus Set(int socket, SocketOptionLevel level, SocketOptionName name, int value) =>
        Attempt(socket, (level, name, value), static (s, o) => s.SetSocketOption(o.level, o.name, o.value));

    private static SocketStatus SetRaw(int socket, int level, int name, int value) =>
        Attempt(socket, (level, name, value), static (s, o) => s.SetRawSocketOption(o.level, o.name, BitConverter.GetBytes(o.value)));

    // Not by SocketOptionName.ReuseAddress: Socket lets that mean "share the port" on every platform. Windows needs nothing to
    // bind a port whose old connections are still in TIME_WAIT; the BSDs number the option differently.
    private static SocketStatus SetReuseAddress(int socket, int value) =>
        OperatingSystem.IsWindows() ? SocketStatus.Ok
        : OperatingSystem.IsLinux() ? SetRaw(socket, Libc.SolSocket, Libc.SoReuseAddress, value)
        : SetRaw(socket, 0xffff, 0x4, value);

    private static EndPoint? ToEndPoint(NetworkAddress address) => address switch
    {
        SocketAddress ip => new IPEndPoint(ip.Address, ip.Port),
        UnixSocketAddress { IsAbstract: true } unix => new UnixDomainSocketEndPoint("\0" + unix.Path[1..]),
        UnixSocketAddress unix => new UnixDomainSocketEndPoint(unix.Path),
        _ => null,
    };

    private static NetworkAddress? ToAddress(EndPoint? endpoint) => endpoint switch
    {
        IPEndPoint ip => new SocketAddress(ip.Address, ip.Port),
        UnixDomainSocketEndPoint unix when unix.ToString() is { Length: > 0 } path => new UnixSocketAddress(path),
        _ => null,
    };
}
