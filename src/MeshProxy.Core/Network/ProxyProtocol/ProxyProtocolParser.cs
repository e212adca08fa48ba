using System.Buffers.Binary;
using System.Net;
using System.Text;
using MeshProxy.Core.Addresses;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Core.Network.ProxyProtocol;

/// <summary>Reads PROXY protocol headers (haproxy.org, proxy-protocol.txt, versions 1 and 2). Sans-I/O; bad input is a status, never an exception.</summary>
/// <remarks>
/// Strict where a peer that is not quite a proxy could be taken for one: one space between the fields of version 1, CR LF at its end, addresses and
/// ports in their plain forms; in version 2 no unknown command or family, nothing but TCP, TLVs that fill the header to its last byte,
/// and a CRC32c that is right where there is one.
/// </remarks>
internal static class ProxyProtocolParser
{
    /// <summary>The most that a version 1 line has, with its CR LF.</summary>
    public const int MaxV1Bytes = 107;

    /// <summary>What a version 2 header has before its addresses.</summary>
    public const int V2PrefixBytes = 16;

    /// <summary>The most that a version 2 header may have in all; the field could say 15 more.</summary>
    public const int MaxV2Bytes = 64 * 1024;

    internal const int UnixPathBytes = 108;
    internal const int TlvHeaderBytes = 3;
    internal const byte Crc32CType = 0x03;

    /// <summary>The twelve bytes that no other protocol begins with.</summary>
    public static ReadOnlySpan<byte> V2Signature => "\r\n\r\n\0\r\nQUIT\n"u8;

    private static ReadOnlySpan<byte> V1Signature => "PROXY "u8;

    /// <summary>Which header the connection begins with, as far as its first bytes tell.</summary>
    public static ProxyProtocolStart Detect(ReadOnlySpan<byte> bytes)
    {
        if (bytes.StartsWith(V1Signature))
        {
            return ProxyProtocolStart.V1;
        }

        if (bytes.StartsWith(V2Signature))
        {
            return ProxyProtocolStart.V2;
        }

        return V1Signature.StartsWith(bytes) || V2Signature.StartsWith(bytes) ? ProxyProtocolStart.NeedMore : ProxyProtocolStart.None;
    }

    /// <summary>Reads a line of version 1 whose signature is there.</summary>
    public static ProxyProtocolStatus ParseV1(ReadOnlySpan<byte> bytes, out ProxyProtocolHeader header)
    {
        header = default;
        bytes = bytes[..Math.Min(bytes.Length, MaxV1Bytes)];
        var end = bytes.IndexOf((byte)'\n');
        if (end < 0)
        {
            return bytes.Length == MaxV1Bytes ? ProxyProtocolStatus.Malformed : ProxyProtocolStatus.NeedMore;
        }

        if (bytes[end - 1] != '\r')
        {
            return ProxyProtocolStatus.Malformed;
        }

        header.Length = header.TlvStart = end + 1;
        var line = bytes[V1Signature.Length..(end - 1)];
        var good = TakeWord(ref line) switch
        {
            var word when word.SequenceEqual("UNKNOWN"u8) => true, // what follows is to be ignored
            var word when word.SequenceEqual("TCP4"u8) => TryParseAddresses(line, isIpv6: false, ref header),
            var word when word.SequenceEqual("TCP6"u8) => TryParseAddresses(line, isIpv6: true, ref header),
            _ => false,
        };
        return good ? ProxyProtocolStatus.Complete : ProxyProtocolStatus.Malformed;
    }

    /// <summary>How long a version 2 header is in all, from its first <see cref="V2PrefixBytes"/>.</summary>
    /// <returns><see cref="ProxyProtocolStatus.Malformed"/> as soon as a byte that is there is wrong.</returns>
    public static ProxyProtocolStatus TryGetV2Length(ReadOnlySpan<byte> bytes, out int length)
    {
        length = 0;
        if ((bytes.Length > 12 && bytes[12] is not (0x20 or 0x21)) // version 2; LOCAL or PROXY
            || (bytes.Length > 13 && !IsKnownFamily(bytes[12], bytes[13])))
        {
            return ProxyProtocolStatus.Malformed;
        }

        if (bytes.Length < V2PrefixBytes)
        {
            return ProxyProtocolStatus.NeedMore;
        }

        length = V2PrefixBytes + BinaryPrimitives.ReadUInt16BigEndian(bytes[14..]);
        return length <= MaxV2Bytes ? ProxyProtocolStatus.Complete : ProxyProtocolStatus.Malformed;
    }

    /// <summary>Reads a header of version 2 whose signature is there.</summary>
    public static ProxyProtocolStatus ParseV2(ReadOnlySpan<byte> bytes, out ProxyProtocolHeader header)
    {
        header = default;
        var status = TryGetV2Length(bytes, out var length);
        if (status != ProxyProtocolStatus.Complete || bytes.Length < length)
        {
            return status == ProxyProtocolStatus.Malformed ? status : ProxyProtocolStatus.NeedMore;
        }

        header.Length = header.TlvStart = length;
        if (bytes[12] == 0x20 || bytes[13] >> 4 == 0)
        {
            return ProxyProtocolStatus.Complete; // LOCAL, or a client that the proxy knows nothing of: skip whatever is said
        }

        bytes = bytes[..length];
        var addresses = bytes[V2PrefixBytes..];
        var addressBytes = (bytes[13] >> 4) switch { 1 => 12, 2 => 36, _ => 2 * UnixPathBytes };
        if (addresses.Length < addressBytes)
        {
            return ProxyProtocolStatus.Malformed;
        }

        header.TlvStart = V2PrefixBytes + addressBytes;
        if (!AreGoodTlvs(bytes, header.TlvStart))
        {
            return ProxyProtocolStatus.Malformed;
        }

        (header.Source, header.Destination) = addressBytes switch
        {
            12 => (Ip(addresses[..4], addresses[8..]), Ip(addresses[4..8], addresses[10..])),
            36 => (Ip(addresses[..16], addresses[32..]), Ip(addresses[16..32], addresses[34..])),
            _ => (Unix(addresses[..UnixPathBytes]), Unix(addresses[UnixPathBytes..(2 * UnixPathBytes)])),
        };
        return ProxyProtocolStatus.Complete;
    }

    /// <summary>Takes the first TLV of <paramref name="tlvs"/>, which are known to be good.</summary>
    public static bool TryTakeTlv(ref ReadOnlySpan<byte> tlvs, out byte type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (tlvs.Length < TlvHeaderBytes)
        {
            return false;
        }

        type = tlvs[0];
        var length = BinaryPrimitives.ReadUInt16BigEndian(tlvs[1..]);
        if (tlvs.Length - TlvHeaderBytes < length)
        {
            return false;
        }

        value = tlvs.Slice(TlvHeaderBytes, length);
        tlvs = tlvs[(TlvHeaderBytes + length)..];
        return true;
    }

    /// <summary>The family is ignored with LOCAL; else UNSPEC, or IPv4, IPv6 or Unix as a stream: this is no UDP listener.</summary>
    private static bool IsKnownFamily(byte command, byte family) => command == 0x20 || family is 0x00 or 0x11 or 0x21 or 0x31;

    private static bool AreGoodTlvs(ReadOnlySpan<byte> header, int start)
    {
        var tlvs = header[start..];
        while (!tlvs.IsEmpty)
        {
            var at = header.Length - tlvs.Length;
            if (!TryTakeTlv(ref tlvs, out var type, out var value)
                || (type == Crc32CType && (value.Length != sizeof(uint)
                    || BinaryPrimitives.ReadUInt32BigEndian(value) != ProxyProtocolWriter.Crc32C(header, at + TlvHeaderBytes))))
            {
                return false;
            }
        }

        return true;
    }

    private static ReadOnlySpan<byte> TakeWord(ref ReadOnlySpan<byte> line)
    {
        var space = line.IndexOf((byte)' ');
        var word = space < 0 ? line : line[..space];
        line = space < 0 ? default : line[(space + 1)..];
        return word;
    }

    private static bool TryParseAddresses(ReadOnlySpan<byte> line, bool isIpv6, ref ProxyProtocolHeader header)
    {
        if (!TryParseIp(TakeWord(ref line), isIpv6, out var source) || !TryParseIp(TakeWord(ref line), isIpv6, out var destination)
            || !TryParsePort(TakeWord(ref line), out var sourcePort))
        {
            return false;
        }

        // The last word is the rest: a space behind it, or a further word, is no digit.
        if (!TryParsePort(line, out var destinationPort))
        {
            return false;
        }

        header.Source = new SocketAddress(source, sourcePort);
        header.Destination = new SocketAddress(destination, destinationPort);
        return true;
    }

    private static bool TryParseIp(ReadOnlySpan<byte> text, bool isIpv6, out IPAddress address)
    {
        address = IPAddress.None;
        if (!isIpv6)
        {
            Span<byte> octets = stackalloc byte[4];
            if (!TryParseIpv4(text, octets))
            {
                return false;
            }

            address = new IPAddress(octets);
            return true;
        }

        // Neither scopes nor brackets nor ports; the platform knows the rest.
        if (text.IsEmpty || text.Length > 45 || text.ContainsAnyExcept(":.0123456789abcdefABCDEF"u8) || !text.Contains((byte)':'))
        {
            return false;
        }

        Span<char> chars = stackalloc char[45];
        Encoding.ASCII.GetChars(text, chars);
        if (!IPAddress.TryParse(chars[..text.Length], out var parsed) || parsed.AddressFamily != System.Net.Sockets.AddressFamily.InterNetworkV6)
        {
            return false;
        }

        address = parsed;
        return true;
    }

    private static bool TryParseIpv4(ReadOnlySpan<byte> text, Span<byte> octets)
    {
        for (var i = 0; i < 4; i++)
        {
            var dot = i < 3 ? text.IndexOf((byte)'.') : text.Length;
            if (dot < 0 || !TryParseNumber(text[..dot], 255, out var octet))
            {
                return false;
            }

            octets[i] = (byte)octet;
            text = i < 3 ? text[(dot + 1)..] : default;
        }

        return true;
    }

    private static bool TryParsePort(ReadOnlySpan<byte> text, out int port) => TryParseNumber(text, 65535, out port);

    /// <summary>Plain decimal, without a zero in front.</summary>
    private static bool TryParseNumber(ReadOnlySpan<byte> text, int max, out int number)
    {
        number = 0;
        if (text.Length is 0 or > 5 || (text.Length > 1 && text[0] == '0'))
        {
            return false;
        }

        foreach (var c in text)
        {
            if (c is < (byte)'0' or > (byte)'9')
            {
                return false;
            }

            number = (number * 10) + (c - '0');
        }

        return number <= max;
    }

    private static NetworkAddress Ip(ReadOnlySpan<byte> address, ReadOnlySpan<byte> port) =>
        new SocketAddress(new IPAddress(address), BinaryPrimitives.ReadUInt16BigEndian(port));

    private static NetworkAddress Unix(ReadOnlySpan<byte> path)
    {
        var isAbstract = path[0] == 0 && path.ContainsAnyExcept((byte)0);
        var name = isAbstract ? path[1..] : path;
        var end = name.IndexOf((byte)0);
        return new UnixSocketAddress((isAbstract ? "@" : "") + Encoding.UTF8.GetString(end < 0 ? name : name[..end]));
    }
}
