using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace MeshProxy.Core.Addresses;

/// <summary>An IP address as a number, IPv4 in the top 32 bits, so that a prefix of n bits is the top n bits in both families.</summary>
internal readonly record struct IpBits(UInt128 Value, bool IsV4)
{
    private const int FamilyShift = 96;

    public uint V4 => (uint)(Value >> FamilyShift);

    /// <summary>127.0.0.0/8 (RFC 1122 section 3.2.1.3) or ::1.</summary>
    public bool IsLoopback => IsV4 ? V4 >> 24 == 127 : Value == UInt128.One;

    /// <param name="address">The address; its zone is ignored.</param>
    /// <param name="unmap">Whether an IPv4-mapped IPv6 address becomes IPv4.</param>
    public static IpBits From(IPAddress address, bool unmap = true)
    {
        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return FromV4(BinaryPrimitives.ReadUInt32BigEndian(bytes));
        }

        return unmap && address.IsIPv4MappedToIPv6
            ? FromV4(BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]))
            : new IpBits(BinaryPrimitives.ReadUInt128BigEndian(bytes), IsV4: false);
    }

    /// <summary>Keeps the first bits and clears the rest.</summary>
    public IpBits Mask(int prefixLen) => this with { Value = Value & ~HostMask(prefixLen) };

    public IPAddress ToAddress()
    {
        Span<byte> bytes = stackalloc byte[16];
        BinaryPrimitives.WriteUInt128BigEndian(bytes, Value);
        return new IPAddress(IsV4 ? bytes[..4] : bytes);
    }

    private static IpBits FromV4(uint value) => new((UInt128)value << FamilyShift, IsV4: true);

    // A shift by the full width would be a shift by 0.
    private static UInt128 HostMask(int prefixLen) => prefixLen >= 128 ? UInt128.Zero : UInt128.MaxValue >> prefixLen;
}
