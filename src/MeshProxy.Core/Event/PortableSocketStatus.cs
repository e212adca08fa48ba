using System.Net.Sockets;

namespace MeshProxy.Core.Event;

internal static class PortableSocketStatus
{
    public static SocketStatus From(SocketError error) => error switch
    {
        SocketError.Success => SocketStatus.Ok,
        SocketError.WouldBlock or SocketError.IOPending => SocketStatus.WouldBlock,
        SocketError.InProgress or SocketError.AlreadyInProgress => SocketStatus.InProgress,
        SocketError.ConnectionReset or SocketError.NetworkReset or SocketError.NotConnected => SocketStatus.ConnectionReset,
        SocketError.ConnectionRefused => SocketStatus.ConnectionRefused,
        SocketError.ConnectionAborted => SocketStatus.ConnectionAborted,
        SocketError.Shutdown or SocketError.Disconnecting => SocketStatus.BrokenPipe,
        SocketError.TimedOut => SocketStatus.TimedOut,
        SocketError.HostUnreachable or SocketError.HostDown => SocketStatus.HostUnreachable,
        SocketError.NetworkUnreachable or SocketError.NetworkDown => SocketStatus.NetworkUnreachable,
        SocketError.AddressAlreadyInUse => SocketStatus.AddressInUse,
        SocketError.AddressNotAvailable => SocketStatus.AddressNotAvailable,
        SocketError.AccessDenied => SocketStatus.AccessDenied,
        SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable => SocketStatus.TooManyFiles,
        SocketError.AddressFamilyNotSupported or SocketError.OperationNotSupported or SocketError.ProtocolFamilyNotSupported
            or SocketError.ProtocolNotSupported or SocketError.ProtocolOption or SocketError.SocketNotSupported => SocketStatus.NotSupported,
        _ => SocketStatus.Other,
    };
}
