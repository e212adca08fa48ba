using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace MeshProxy.Core.Addresses;

/// <summary>A range of IP addresses that share their first bits: <c>10.0.0.0/8</c> (Envoy: <c>config.core.v3.CidrRange</c>).</summary>
/// <remarks>
/// Immutable, compared by value, safe from any thread. Bits past the prefix are cleared. A range of IPv4-mapped IPv6 addresses
/// (<c>::ffff:10.0.0.0/104</c>) is the IPv4 range: a socket that takes both families shows IPv4 clients in mapped form, and they are
/// looked up as IPv4.
/// </remarks>
public sealed record CidrRange
{
    private const int MappedPrefixBits = 96;

    private readonly IpBits _bits;

    /// <param name="addressPrefix">IPv4 or IPv6 (Envoy: <c>address_prefix</c>).</param>
    /// <param name="prefixLen">0 to 32 for IPv4, 0 to 128 for IPv6 (Envoy: <c>prefix_len</c>).</param>
    /// <exception cref="ArgumentOutOfRangeException">The length does not suit the address.</exception>
    public CidrRange(IPAddress addressPrefix, int prefixLen)
    {
        ArgumentNullException.ThrowIfNull(addressPrefix);
        ArgumentOutOfRangeException.ThrowIfNegative(prefixLen);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(prefixLen, addressPrefix.AddressFamily == AddressFamily.InterNetwork ? 32 : 128);
        var mapped = addressPrefix.IsIPv4MappedToIPv6 && prefixLen >= MappedPrefixBits;
        PrefixLen = mapped ? prefixLen - MappedPrefixBits : prefixLen;
        _bits = IpBits.From(addressPrefix, unmap: mapped).Mask(PrefixLen);
        AddressPrefix = _bits.ToAddress();
    }

    /// <summary>The first address of the range.</summary>
    public IPAddress AddressPrefix { get; }

    /// <summary>How many bits the addresses of the range share.</summary>
    public int PrefixLen { get; }

    internal IpBits Bits => _bits;

    /// <summary>Reads <c>10.0.0.0/8</c> or <c>fd00::/8</c>; a lone address is the range of it alone.</summary>
    /// <exception cref="FormatException">The text is not a range.</exception>
    public static CidrRange Parse(string text) => TryParse(text, out var range)
        ? range
        : throw new FormatException($"'{text}' is not an address range: write 10.0.0.0/8 (prefix 0 to 32) or fd00::/8 (prefix 0 to 128)");

    /// <summary>As <see cref="Parse"/>, without an exception.</summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out CidrRange? range)
    {
        range = null;
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        var addressText = slash < 0 ? text : text![..slash];

        // IPAddress reads "10" and "0x7f.1" too, and zone ids: an address in a config is written out, and a range has no zone.
        if (!IPAddress.TryParse(addressText, out var address) || addressText!.Contains('%', StringComparison.Ordinal)
            || (address.AddressFamily == AddressFamily.InterNetwork && address.ToString() != addressText))
        {
            return false;
        }

        var maxLen = address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128;
        var prefixLen = maxLen;
        if (slash >= 0 && (!int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out prefixLen) || prefixLen > maxLen))
        {
            return false;
        }

        range = new CidrRange(address, prefixLen);
        return true;
    }

    /// <summary>Whether the address is in the range; an IPv4-mapped IPv6 address counts as IPv4. Allocates nothing.</summary>
    public bool Contains(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        var bits = IpBits.From(address);
        return bits.IsV4 == _bits.IsV4 && bits.Mask(PrefixLen) == _bits;
    }

    public bool Equals(CidrRange? other) => other is not null && PrefixLen == other.PrefixLen && _bits == other._bits;

    public override int GetHashCode() => HashCode.Combine(_bits, PrefixLen);

    /// <summary><c>10.0.0.0/8</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{AddressPrefix}/{PrefixLen}");
}
