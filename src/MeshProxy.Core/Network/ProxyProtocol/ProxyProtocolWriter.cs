using System.Buffers;
using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Numerics;
using System.Text;
using MeshProxy.Core.Addresses;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Network.ProxyProtocol;

/// <summary>Writes PROXY protocol headers of version 1 and 2.</summary>
internal static class ProxyProtocolWriter
{
    private const byte Proxy = 0x21;
    private const byte Local = 0x20;
    private const byte StreamOverIpv4 = 0x11;
    private const byte StreamOverIpv6 = 0x21;
    private const byte StreamOverUnix = 0x31;

    /// <summary>Version 1. Addresses that it cannot say (Unix sockets, none) come out as <c>UNKNOWN</c>; of two families, IPv4 is written as IPv6.</summary>
    public static void WriteV1(IBufferWriter<byte> output, NetworkAddress? source, NetworkAddress? destination)
    {
        if (!TryGetIps(source, destination, out var from, out var to))
        {
            output.Write("PROXY UNKNOWN\r\n"u8);
            return;
        }

        var text = output.GetSpan(ProxyProtocolParser.MaxV1Bytes);
        var family = from.AddressFamily == AddressFamily.InterNetwork ? "TCP4"u8 : "TCP6"u8;
        System.Text.Unicode.Utf8.TryWrite(
            text,
            System.Globalization.CultureInfo.InvariantCulture,
            $"PROXY {Encoding.ASCII.GetString(family)} {from} {to} {((SocketAddress)source!).Port} {((SocketAddress)destination!).Port}\r\n",
            out var written);
        output.Advance(written);
    }

    /// <summary>Version 2. Without two addresses it is LOCAL, which has no TLVs; of two IP families, IPv4 is written as IPv6.</summary>
    /// <returns>False: the TLVs do not fit, and nothing was written.</returns>
    public static bool TryWriteV2(IBufferWriter<byte> output, NetworkAddress? source, NetworkAddress? destination, ReadOnlySpan<ProxyProtocolTlv> tlvs)
    {
        var isUnix = source is UnixSocketAddress && destination is UnixSocketAddress;
        IPAddress from = IPAddress.None, to = IPAddress.None;
        if (!isUnix && !TryGetIps(source, destination, out from, out to))
        {
            WritePrefix(output, Local, 0, 0);
            return true;
        }

        var isIpv6 = from.AddressFamily == AddressFamily.InterNetworkV6;
        var addressBytes = isUnix ? 2 * ProxyProtocolParser.UnixPathBytes : isIpv6 ? 36 : 12;
        var length = addressBytes;
        foreach (var tlv in tlvs)
        {
            length += ProxyProtocolParser.TlvHeaderBytes + tlv.Value.Length;
        }

        if (length > ProxyProtocolParser.MaxV2Bytes - ProxyProtocolParser.V2PrefixBytes)
        {
            return false;
        }

        WritePrefix(output, Proxy, isUnix ? StreamOverUnix : isIpv6 ? StreamOverIpv6 : StreamOverIpv4, length);
        var block = output.GetSpan(addressBytes)[..addressBytes];
        block.Clear();
        if (isUnix)
        {
            WritePath((UnixSocketAddress)source!, block[..ProxyProtocolParser.UnixPathBytes]);
            WritePath((UnixSocketAddress)destination!, block[ProxyProtocolParser.UnixPathBytes..]);
        }
        else
        {
            from.TryWriteBytes(block, out var ipBytes);
            to.TryWriteBytes(block[ipBytes..], out _);
            BinaryPrimitives.WriteUInt16BigEndian(block[(2 * ipBytes)..], (ushort)((SocketAddress)source!).Port);
            BinaryPrimitives.WriteUInt16BigEndian(block[((2 * ipBytes) + 2)..], (ushort)((SocketAddress)destination!).Port);
        }

        output.Advance(addressBytes);
        foreach (var tlv in tlvs)
        {
            var head = output.GetSpan(ProxyProtocolParser.TlvHeaderBytes);
            head[0] = tlv.Type;
            BinaryPrimitives.WriteUInt16BigEndian(head[1..], (ushort)tlv.Value.Length);
            output.Advance(ProxyProtocolParser.TlvHeaderBytes);
            output.Write(tlv.Value);
        }

        return true;
    }

    /// <summary>The CRC32c of a whole header with its own four bytes, at <paramref name="at"/>, taken for zero.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> header, int at)
    {
        var crc = uint.MaxValue;
        for (var i = 0; i < header.Length; i++)
        {
            crc = BitOperations.Crc32C(crc, i >= at && i < at + sizeof(uint) ? (byte)0 : header[i]);
        }

        return ~crc;
    }

    private static void WritePrefix(IBufferWriter<byte> output, byte command, byte family, int length)
    {
        var prefix = output.GetSpan(ProxyProtocolParser.V2PrefixBytes);
        ProxyProtocolParser.V2Signature.CopyTo(prefix);
        prefix[12] = command;
        prefix[13] = family;
        BinaryPrimitives.WriteUInt16BigEndian(prefix[14..], (ushort)length);
        output.Advance(ProxyProtocolParser.V2PrefixBytes);
    }

    private static void WritePath(UnixSocketAddress address, Span<byte> into)
    {
        // Configured and real paths fit; an abstract name has a zero in front.
        if (Encoding.UTF8.TryGetBytes(address.Path, into, out _) && address.IsAbstract)
        {
            into[0] = 0;
        }
    }

    /// <summary>Two addresses of one family; false if one of them is no IP address.</summary>
    private static bool TryGetIps(NetworkAddress? source, NetworkAddress? destination, out IPAddress from, out IPAddress to)
    {
        if (source is not SocketAddress { Address: var first } || destination is not SocketAddress { Address: var second })
        {
            from = to = IPAddress.None;
            return false;
        }

        var areAlike = first.AddressFamily == second.AddressFamily;
        from = areAlike ? WithoutScope(first) : first.MapToIPv6();
        to = areAlike ? WithoutScope(second) : second.MapToIPv6();
        return true;
    }

    /// <summary>A scope means something on this machine only.</summary>
    private static IPAddress WithoutScope(IPAddress address) =>
        address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes()) : address;
}
