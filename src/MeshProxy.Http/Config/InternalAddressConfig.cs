using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Which clients count as internal (Envoy: <c>HttpConnectionManager.InternalAddressConfig</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record InternalAddressConfig
{
    /// <summary>No client is internal.</summary>
    public static InternalAddressConfig None { get; } = new();

    /// <summary>The private networks of RFC 1918 and RFC 4193 and loopback: what Envoy took before 1.33.</summary>
    public static InternalAddressConfig PrivateNetworks { get; } = new()
    {
        CidrRanges =
        [
            CidrRange.Parse("10.0.0.0/8"),
            CidrRange.Parse("172.16.0.0/12"),
            CidrRange.Parse("192.168.0.0/16"),
            CidrRange.Parse("127.0.0.0/8"),
            CidrRange.Parse("fd00::/8"),
            CidrRange.Parse("::1/128"),
        ],
    };

    /// <summary>Whether clients on Unix sockets do (Envoy: <c>unix_sockets</c>).</summary>
    /// <value>False.</value>
    public bool UnixSockets { get; init; }

    /// <summary>Envoy: <c>cidr_ranges</c>.</summary>
    public EquatableArray<CidrRange> CidrRanges { get; init; }
}
