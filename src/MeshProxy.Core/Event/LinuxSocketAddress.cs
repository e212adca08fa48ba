using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using MeshProxy.Core.Addresses;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Event;

/// <summary>Linux's <c>sockaddr</c> for IPv4, IPv6 and Unix domain sockets.</summary>
internal static class LinuxSocketAddress
{
    /// <summary>More than any of the three takes (sockaddr_un: 110).</summary>
    public const int MaxBytes = 128;

    private const int UnixPathOffset = 2;
    private const int UnixPathBytes = 108;

    /// <summary>The address family, or -1 if sockets do not have this kind of address.</summary>
    public static int FamilyOf(NetworkAddress address) => address switch
    {
        SocketAddress { Address.AddressFamily: System.Net.Sockets.AddressFamily.InterNetwork } => Libc.AfInet,
        SocketAddress => Libc.AfInet6,
        UnixSocketAddress => Libc.AfUnix,
        _ => -1,
    };

    /// <summary>Writes the sockaddr and returns its length, or -1 if the address is no socket's or the path is too long.</summary>
    public static int Write(NetworkAddress address, Span<byte> into)
    {
        into.Clear();
        var family = FamilyOf(address);
        MemoryMarshal.Write(into, (ushort)Math.Max(family, 0));
        switch (address)
        {
            case SocketAddress ip when family == Libc.AfInet:
                BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)ip.Port);
                ip.Address.TryWriteBytes(into[4..], out _);
                return 16;
            case SocketAddress ip:
                BinaryPrimitives.WriteUInt16BigEndian(into[2..], (ushort)ip.Port);
                ip.Address.TryWriteBytes(into[8..], out _);
                MemoryMarshal.Write(into[24..], (uint)ip.Address.ScopeId);
                return 28;
            case UnixSocketAddress unix:
                return WriteUnix(unix, into);
            default:
                return -1;
        }
    }

    /// <summary>Reads a sockaddr; null if it names nothing (a Unix socket that is not bound).</summary>
    public static NetworkAddress? Read(ReadOnlySpan<byte> from)
    {
        if (from.Length < UnixPathOffset)
        {
            return null;
        }

        switch (MemoryMarshal.Read<ushort>(from))
        {
            case Libc.AfInet when from.Length >= 16:
                return new SocketAddress(new IPAddress(from.Slice(4, 4)), BinaryPrimitives.ReadUInt16BigEndian(from[2..]));
            case Libc.AfInet6 when from.Length >= 28:
                var scope = MemoryMarshal.Read<uint>(from[24..]);
                return new SocketAddress(new IPAddress(from.Slice(8, 16), scope), BinaryPrimitives.ReadUInt16BigEndian(from[2..]));
            case Libc.AfUnix when from.Length > UnixPathOffset:
                var path = from[UnixPathOffset..];
                return path[0] == 0
                    ? new UnixSocketAddress("@" + Encoding.UTF8.GetString(path[1..]))
                    : new UnixSocketAddress(Encoding.UTF8.GetString(path.IndexOf((byte)0) is >= 0 and var end ? path[..end] : path));
            default:
                return null;
        }
    }

    /// <summary>The protocol whose firewall knows where a connection with this local address was to go; -1 if none does.</summary>
    /// <remarks>An IPv4 client of a socket that is bound to both families is one of IPv4 to the firewall.</remarks>
    public static int OriginalDestinationLevel(NetworkAddress? local) => local switch
    {
        SocketAddress { Address: { AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false } } => Libc.IpProtoIPv6,
        SocketAddress => Libc.IpProtoIp,
        _ => -1,
    };

    private static int WriteUnix(UnixSocketAddress unix, Span<byte> into)
    {
        // An abstract name is not terminated: its length is part of it. A path is, and so has one byte less.
        var length = Encoding.UTF8.GetByteCount(unix.Path);
        if (length == 0 || length > (unix.IsAbstract ? UnixPathBytes : UnixPathBytes - 1))
        {
            return -1;
        }

        Encoding.UTF8.GetBytes(unix.Path, into[UnixPathOffset..]);
        if (!unix.IsAbstract)
        {
            return UnixPathOffset + length + 1;
        }

        into[UnixPathOffset] = 0;
        return UnixPathOffset + length;
    }
}
