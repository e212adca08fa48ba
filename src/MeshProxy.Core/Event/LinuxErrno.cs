namespace MeshProxy.Core.Event;

/// <summary>Linux's errno (the numbers of x64 and arm64) as a <see cref="SocketStatus"/>.</summary>
internal static class LinuxErrno
{
    public const int EAgain = 11;
    public const int EProtocol = 71;

    public static SocketStatus ToStatus(int errno) => errno switch
    {
        0 => SocketStatus.Ok,
        EAgain => SocketStatus.WouldBlock,
        114 or 115 => SocketStatus.InProgress, // EALREADY, EINPROGRESS
        104 or 107 => SocketStatus.ConnectionReset, // ECONNRESET, ENOTCONN
        111 => SocketStatus.ConnectionRefused,
        103 => SocketStatus.ConnectionAborted,
        32 => SocketStatus.BrokenPipe,
        110 => SocketStatus.TimedOut,
        112 or 113 => SocketStatus.HostUnreachable, // EHOSTDOWN, EHOSTUNREACH
        100 or 101 => SocketStatus.NetworkUnreachable, // ENETDOWN, ENETUNREACH
        98 => SocketStatus.AddressInUse,
        99 => SocketStatus.AddressNotAvailable,
        1 or 13 => SocketStatus.AccessDenied, // EPERM, EACCES
        12 or 23 or 24 or 105 => SocketStatus.TooManyFiles, // ENOMEM, ENFILE, EMFILE, ENOBUFS
        2 => SocketStatus.NotFound,
        92 or 93 or 95 or 97 => SocketStatus.NotSupported, // ENOPROTOOPT, EPROTONOSUPPORT, EOPNOTSUPP, EAFNOSUPPORT
        _ => SocketStatus.Other,
    };
}
