using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.Event;

/// <summary>Socket calls straight to Linux; a handle is the file descriptor. Has no state, so that all loops may share it.</summary>
internal sealed unsafe class LinuxSocketOps : ISocketOps
{
    private const int MaxVectors = 16;
    private const int NewSocketFlags = Libc.SockNonBlock | Libc.SockCloseOnExec;

    public LinuxSocketOps()
    {
        // The first call binds the import, which must not happen between a failed call and the reading of its errno.
        _ = Libc.Errno;
    }

    public bool ShortReadMeansDrained => true;

    public SocketStatus Create(NetworkAddress family, out int socket)
    {
        socket = -1;
        var addressFamily = LinuxSocketAddress.FamilyOf(family);
        if (addressFamily < 0)
        {
            return SocketStatus.NotSupported;
        }

        var fd = Libc.Socket(addressFamily, Libc.SockStream | NewSocketFlags, 0);
        if (fd < 0)
        {
            return LinuxErrno.ToStatus(Libc.Errno);
        }

        socket = fd;
        return SocketStatus.Ok;
    }

    public SocketStatus Bind(int socket, NetworkAddress address)
    {
        var raw = stackalloc byte[LinuxSocketAddress.MaxBytes];
        var length = LinuxSocketAddress.Write(address, new Span<byte>(raw, LinuxSocketAddress.MaxBytes));
        if (length < 0)
        {
            return SocketStatus.NotSupported;
        }

        if (Libc.Bind(socket, raw, length) < 0)
        {
            return LinuxErrno.ToStatus(Libc.Errno);
        }

        // Nobody can connect before Listen, so the mode holds from the first connection on.
        return address is UnixSocketAddress { IsAbstract: false, Mode: { } mode } unix ? ChangeMode(unix.Path, mode) : SocketStatus.Ok;
    }

    public SocketStatus Listen(int socket, int backlog) => ToStatus(Libc.Listen(socket, backlog));

    [SkipLocalsInit]
    public SocketStatus Accept(int listenSocket, out int socket, out NetworkAddress? peer)
    {
        var raw = stackalloc byte[LinuxSocketAddress.MaxBytes];
        int fd, length, errno;
        do
        {
            length = LinuxSocketAddress.MaxBytes;
            fd = Libc.AcceptFast(listenSocket, raw, &length, NewSocketFlags);
            errno = fd < 0 ? Libc.Errno : 0;
        }
        while (errno == Libc.EIntr);

        if (fd < 0)
        {
            socket = -1;
            peer = null;

            // accept also reports what the network has already done to the new connection: the next one may be fine.
            var status = LinuxErrno.ToStatus(errno);
            return errno == LinuxErrno.EProtocol || status is SocketStatus.HostUnreachable or SocketStatus.NetworkUnreachable
                ? SocketStatus.ConnectionAborted
                : status;
        }

        socket = fd;
        peer = LinuxSocketAddress.Read(new ReadOnlySpan<byte>(raw, Math.Min(length, LinuxSocketAddress.MaxBytes)));
        return SocketStatus.Ok;
    }

    public SocketStatus Connect(int socket, NetworkAddress address)
    {
        var raw = stackalloc byte[LinuxSocketAddress.MaxBytes];
        var length = LinuxSocketAddress.Write(address, new Span<byte>(raw, LinuxSocketAddress.MaxBytes));
        if (length < 0)
        {
            return SocketStatus.NotSupported;
        }

        if (Libc.Connect(socket, raw, length) == 0)
        {
            return SocketStatus.Ok;
        }

        // An interrupted connect goes on in the background. EAGAIN is a full backlog (Unix) or no free port (IP).
        return Libc.Errno switch
        {
            Libc.EIntr => SocketStatus.InProgress,
            LinuxErrno.EAgain => address is UnixSocketAddress ? SocketStatus.ConnectionRefused : SocketStatus.AddressNotAvailable,
            var errno => LinuxErrno.ToStatus(errno),
        };
    }

    public SocketStatus GetError(int socket)
    {
        int error;
        var length = sizeof(int);
        return Libc.GetSocketOption(socket, Libc.SolSocket, Libc.SoError, &error, &length) < 0
            ? LinuxErrno.ToStatus(Libc.Errno)
            : LinuxErrno.ToStatus(error);
    }

    public NetworkAddress? GetLocalAddress(int socket)
    {
        var raw = stackalloc byte[LinuxSocketAddress.MaxBytes];
        var length = LinuxSocketAddress.MaxBytes;
        return Libc.GetSocketName(socket, raw, &length) < 0
            ? null
            : LinuxSocketAddress.Read(new ReadOnlySpan<byte>(raw, Math.Min(length, LinuxSocketAddress.MaxBytes)));
    }

    public NetworkAddress? GetOriginalDestination(int socket)
    {
        var level = LinuxSocketAddress.OriginalDestinationLevel(GetLocalAddress(socket));
        if (level < 0)
        {
            return null;
        }

        var raw = stackalloc byte[LinuxSocketAddress.MaxBytes];
        var length = LinuxSocketAddress.MaxBytes;
        return Libc.GetSocketOption(socket, level, Libc.OriginalDestination, raw, &length) < 0
            ? null
            : LinuxSocketAddress.Read(new ReadOnlySpan<byte>(raw, Math.Min(length, LinuxSocketAddress.MaxBytes)));
    }

    public int Receive(int socket, Span<byte> into, out SocketStatus status)
    {
        Debug.Assert(!into.IsEmpty, "an empty read looks like the end");
        fixed (byte* buffer = into)
        {
            nint received;
            do
            {
                received = into.Length <= Libc.FastTransferBytes
                    ? Libc.ReceiveFast(socket, buffer, (nuint)into.Length, 0)
                    : Libc.Receive(socket, buffer, (nuint)into.Length, 0);
            }
            while (Interrupted(received, out status));

            return (int)received;
        }
    }

    public int Send(int socket, ReadOnlySpan<byte> bytes, out SocketStatus status)
    {
        fixed (byte* buffer = bytes)
        {
            return SendBytes(socket, buffer, bytes.Length, out status);
        }
    }

    [SkipLocalsInit]
    public int SendVector(int socket, IoBuffer data, out SocketStatus status)
    {
        Debug.Assert(!data.IsEmpty, "nothing to send");
        var count = Math.Min(data.SliceCount, MaxVectors);
        if (count == 1)
        {
            ref var only = ref data.SliceAt(0);
            return SendBytes(socket, only.Slab.Pointer + only.Start, only.Length, out status);
        }

        var vectors = stackalloc Libc.IoVector[MaxVectors];
        var total = 0;
        for (var i = 0; i < count; i++)
        {
            ref var slice = ref data.SliceAt(i);
            vectors[i].Base = slice.Slab.Pointer + slice.Start;
            vectors[i].Length = (nuint)slice.Length;
            total += slice.Length;
        }

        var message = new Libc.MessageHeader { Vectors = vectors, VectorCount = (nuint)count };
        nint sent;
        do
        {
            sent = total <= Libc.FastTransferBytes
                ? Libc.SendMessageFast(socket, &message, Libc.MsgNoSignal)
                : Libc.SendMessage(socket, &message, Libc.MsgNoSignal);
        }
        while (Interrupted(sent, out status));

        return (int)sent;
    }

    public SocketStatus SetOption(int socket, SocketOption option, int value) => option switch
    {
        SocketOption.NoDelay => Set(socket, Libc.IpProtoTcp, Libc.TcpNoDelay, value),
        SocketOption.KeepAlive => Set(socket, Libc.SolSocket, Libc.SoKeepAlive, value),
        SocketOption.KeepAliveTimeSeconds => Set(socket, Libc.IpProtoTcp, Libc.TcpKeepIdle, value),
        SocketOption.KeepAliveIntervalSeconds => Set(socket, Libc.IpProtoTcp, Libc.TcpKeepInterval, value),
        SocketOption.KeepAliveProbes => Set(socket, Libc.IpProtoTcp, Libc.TcpKeepCount, value),
        SocketOption.ReuseAddress => Set(socket, Libc.SolSocket, Libc.SoReuseAddress, value),
        SocketOption.ReusePort => Set(socket, Libc.SolSocket, Libc.SoReusePort, value),
        SocketOption.IPv6Only => Set(socket, Libc.IpProtoIPv6, Libc.IPv6Only, value),
        SocketOption.SendBufferBytes => Set(socket, Libc.SolSocket, Libc.SoSendBuffer, value),
        SocketOption.ReceiveBufferBytes => Set(socket, Libc.SolSocket, Libc.SoReceiveBuffer, value),
        SocketOption.ResetOnClose => SetResetOnClose(socket, value),
        _ => SocketStatus.NotSupported,
    };

    public SocketStatus ShutdownSend(int socket) => ToStatus(Libc.Shutdown(socket, Libc.ShutWrite));

    // Not repeated after EINTR: Linux has released the descriptor by then.
    public void Close(int socket) => Libc.Close(socket);

    private static int SendBytes(int socket, byte* bytes, int count, out SocketStatus status)
    {
        nint sent;
        do
        {
            sent = count <= Libc.FastTransferBytes
                ? Libc.SendFast(socket, bytes, (nuint)count, Libc.MsgNoSignal)
                : Libc.Send(socket, bytes, (nuint)count, Libc.MsgNoSignal);
        }
        while (Interrupted(sent, out status));

        return (int)sent;
    }

    /// <summary>Reads a call's result into a status. True if the call was interrupted and is to be made again.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Interrupted(nint result, out SocketStatus status)
    {
        if (result >= 0)
        {
            status = SocketStatus.Ok;
            return false;
        }

        return ReadErrno(out status);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool ReadErrno(out SocketStatus status)
    {
        var errno = Libc.Errno;
        status = LinuxErrno.ToStatus(errno);
        return errno == Libc.EIntr;
    }

    private static SocketStatus ToStatus(int result) => result < 0 ? LinuxErrno.ToStatus(Libc.Errno) : SocketStatus.Ok;

    private static SocketStatus Set(int socket, int level, int name, int value) =>
        ToStatus(Libc.SetSocketOption(socket, level, name, &value, sizeof(int)));

    private static SocketStatus SetResetOnClose(int socket, int value)
    {
        // struct linger { l_onoff, l_linger }
        var linger = stackalloc int[2];
        linger[0] = value;
        linger[1] = 0;
        return ToStatus(Libc.SetSocketOption(socket, Libc.SolSocket, Libc.SoLinger, linger, 2 * sizeof(int)));
    }

    private static SocketStatus ChangeMode(string path, UnixFileMode mode)
    {
        fixed (byte* terminated = Encoding.UTF8.GetBytes(path + '\0'))
        {
            return ToStatus(Libc.ChangeMode(terminated, (uint)mode));
        }
    }
}
