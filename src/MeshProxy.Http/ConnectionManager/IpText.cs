using System.Net;
using System.Net.Sockets;
using System.Text;
using MeshProxy.Core.Addresses;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>IP addresses as text in headers, without allocation.</summary>
internal static class IpText
{
    private const int MaxV6TextLength = 45;

    /// <summary>Room for any address.</summary>
    public const int MaxLength = 64;

    /// <summary>Writes the text of an address, an IPv4-mapped one as IPv4, without zone (RFC 5952). Returns its length.</summary>
    public static int Format(IPAddress address, Span<byte> into)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4()
            : address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes())
            : address;
        plain.TryFormat(into, out var length);
        return length;
    }

    /// <summary>Reads what <c>inet_pton</c> reads: four decimal numbers, or RFC 4291 section 2.2; no port, brackets or zone.</summary>
    public static bool TryParse(ReadOnlySpan<byte> text, out IpBits address) =>
        text.Contains((byte)':') ? TryParseV6(text, out address) : TryParseV4(text, out address);

    private static bool TryParseV4(ReadOnlySpan<byte> text, out IpBits address)
    {
        address = default;
        if (!TryReadV4(text, out var value))
        {
            return false;
        }

        address = new IpBits((UInt128)value << 96, IsV4: true);
        return true;
    }

    private static bool TryReadV4(ReadOnlySpan<byte> text, out uint value)
    {
        value = 0;
        var part = -1;
        var parts = 0;
        var digits = 0;
        foreach (var b in text)
        {
            if (b == '.')
            {
                if (part < 0 || parts == 3)
                {
                    return false;
                }

                value = (value << 8) | (uint)part;
                parts++;
                part = -1;
                digits = 0;
                continue;
            }

            // No leading zeros: some read those as octal.
            if (!char.IsAsciiDigit((char)b) || (digits > 0 && part == 0))
            {
                return false;
            }

            part = (Math.Max(part, 0) * 10) + b - '0';
            digits++;
            if (part > 255)
            {
                return false;
            }
        }

        value = (value << 8) | (uint)Math.Max(part, 0);
        return parts == 3 && part >= 0;
    }

    private static bool TryParseV6(ReadOnlySpan<byte> text, out IpBits address)
    {
        address = default;
        if (text.Length > MaxV6TextLength)
        {
            return false;
        }

        // The groups before "::" come from the left, those after it from the right.
        UInt128 left = 0, right = 0;
        int leftGroups = 0, rightGroups = 0;
        var gap = false;
        var afterGroup = false;
        while (!text.IsEmpty)
        {
            if (text.StartsWith("::"u8) && !gap)
            {
                gap = true;
                afterGroup = false;
                text = text[2..];
                continue;
            }

            if (afterGroup)
            {
                if (text[0] != ':')
                {
                    return false;
                }

                text = text[1..];
            }

            var end = text.IndexOf((byte)':');
            var group = end < 0 ? text : text[..end];
            uint value;
            var groups = 1;
            if (end < 0 && group.Contains((byte)'.'))
            {
                groups = 2;
                if (!TryReadV4(group, out value))
                {
                    return false;
                }
            }
            else if (!TryReadHex(group, out value))
            {
                return false;
            }

            ref var side = ref gap ? ref right : ref left;
            side = (side << (16 * groups)) | value;
            leftGroups += gap ? 0 : groups;
            rightGroups += gap ? groups : 0;
            if (leftGroups + rightGroups > 8)
            {
                return false;
            }

            text = text[group.Length..];
            afterGroup = true;
        }

        if (gap ? leftGroups + rightGroups > 7 : leftGroups != 8)
        {
            return false;
        }

        var all = leftGroups == 0 ? right : (left << (16 * (8 - leftGroups))) | right;
        var isMapped = all >> 32 == 0xFFFF;
        address = isMapped ? new IpBits(all << 96, IsV4: true) : new IpBits(all, IsV4: false);
        return true;
    }

    private static bool TryReadHex(ReadOnlySpan<byte> text, out uint value)
    {
        value = 0;
        foreach (var b in text)
        {
            if (!char.IsAsciiHexDigit((char)b))
            {
                return false;
            }

            value = (value << 4) | (uint)(b <= '9' ? b - '0' : (b | 0x20) - 'a' + 10);
        }

        return text.Length is > 0 and <= 4;
    }
}
