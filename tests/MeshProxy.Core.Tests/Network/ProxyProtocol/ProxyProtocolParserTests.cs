using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Network.ProxyProtocol;

public sealed class ProxyProtocolParserTests
{
    private const ProxyProtocolStatus Malformed = ProxyProtocolStatus.Malformed;

    [Theory]
    [InlineData("PROXY TCP4 1.2.3.4 10.0.0.255 1 65535\r\n", "1.2.3.4:1", "10.0.0.255:65535")]
    [InlineData("PROXY TCP4 0.0.0.0 255.255.255.255 0 80\r\n", "0.0.0.0:0", "255.255.255.255:80")]
    [InlineData("PROXY TCP6 2001:db8::1 ::1 40000 443\r\n", "[2001:db8::1]:40000", "[::1]:443")]
    [InlineData("PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ::ffff:1.2.3.4 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535", "[::ffff:1.2.3.4]:65535")]
    [InlineData("PROXY UNKNOWN\r\n", null, null)]
    [InlineData("PROXY UNKNOWN what ever\r\n", null, null)]
    public void V1_OfGoodForm_IsRead(string text, string? source, string? destination)
    {
        var bytes = Encoding.Latin1.GetBytes(text);
        for (var length = 0; length < bytes.Length; length++)
        {
            ProxyProtocolParser.Detect(bytes.AsSpan(0, length)).ShouldBe(length < 6 ? ProxyProtocolStart.NeedMore : ProxyProtocolStart.V1);
            if (length >= 6)
            {
                ProxyProtocolParser.ParseV1(bytes.AsSpan(0, length), out _).ShouldBe(ProxyProtocolStatus.NeedMore, $"at {length}");
            }
        }

        ProxyProtocolParser.ParseV1([.. bytes, .. "GET /\r\n"u8], out var header).ShouldBe(ProxyProtocolStatus.Complete);
        header.Length.ShouldBe(bytes.Length);
        header.TlvStart.ShouldBe(bytes.Length);
        header.Source?.ToString().ShouldBe(source);
        header.Destination?.ToString().ShouldBe(destination);
        (header.Source is null).ShouldBe(source is null);
    }

    [Theory]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n")] // no CR
    [InlineData("PROXY \r\n")]
    [InlineData("PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n")] // two spaces
    [InlineData("PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4 1.2.3.4 65536 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.04 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.4.5 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP4 0x1.2.3.4 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP4 ::1 ::1 1 2\r\n")]
    [InlineData("PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY TCP6 ::1%1 ::1 1 2\r\n")]
    [InlineData("PROXY TCP6 [::1] ::1 1 2\r\n")]
    [InlineData("PROXY TCP6 ::1::2 ::1 1 2\r\n")]
    [InlineData("PROXY TCP6 12345::2 ::1 1 2\r\n")]
    [InlineData("PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY tcp4 1.2.3.4 1.2.3.4 1 2\r\n")]
    [InlineData("PROXY UNKNOWNX\r\n")]
    [InlineData("PROXY TCP4 \0.2.3.4 1.2.3.4 1 2\r\n")]
    public void V1_OfAnotherForm_IsMalformed(string text) =>
        ProxyProtocolParser.ParseV1(Encoding.Latin1.GetBytes(text), out _).ShouldBe(Malformed);

    [Fact]
    public void V1_LongerThanAnyMayBe_IsMalformed()
    {
        ProxyProtocolParser.ParseV1(Encoding.Latin1.GetBytes("PROXY UNKNOWN " + new string('x', 91) + "\r\n"), out _).ShouldBe(ProxyProtocolStatus.Complete);
        ProxyProtocolParser.ParseV1(Encoding.Latin1.GetBytes("PROXY UNKNOWN " + new string('x', 92) + "\r\n"), out _).ShouldBe(Malformed);
        ProxyProtocolParser.ParseV1(Encoding.Latin1.GetBytes("PROXY UNKNOWN " + new string('x', 92)), out _).ShouldBe(ProxyProtocolStatus.NeedMore);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1")]
    [InlineData("PROXI")]
    [InlineData("PROXYTCP")]
    [InlineData("\r\n\r\nX")]
    [InlineData("\r\n\r\n\0\r\nQUIT\r")]
    public void OtherBeginnings_AreNoHeader(string text) =>
        ProxyProtocolParser.Detect(Encoding.Latin1.GetBytes(text)).ShouldBe(ProxyProtocolStart.None);

    [Theory]
    [InlineData("1.2.3.4:5", "10.0.0.1:80")]
    [InlineData("[2001:db8::1]:5", "[::1]:80")]
    [InlineData("unix:/run/a.sock", "unix:@name")]
    public void V2_WithTlvs_IsReadAsItWasWritten(string source, string destination)
    {
        ProxyProtocolTlv[] tlvs = [new(0x02, "example.com"u8.ToArray()), new(0x04, []), new(0xE0, [1, 2, 3])];
        var bytes = V2(source, destination, tlvs);
        for (var length = 0; length < bytes.Length; length++)
        {
            ProxyProtocolParser.Detect(bytes.AsSpan(0, length)).ShouldBe(length < 12 ? ProxyProtocolStart.NeedMore : ProxyProtocolStart.V2);
            if (length >= 12)
            {
                ProxyProtocolParser.ParseV2(bytes.AsSpan(0, length), out _).ShouldBe(ProxyProtocolStatus.NeedMore, $"at {length}");
            }
        }

        ProxyProtocolParser.ParseV2([.. bytes, 1, 2, 3], out var header).ShouldBe(ProxyProtocolStatus.Complete);
        header.Length.ShouldBe(bytes.Length);
        header.Source.ShouldBe(NetworkAddress.Parse(source));
        header.Destination.ShouldBe(NetworkAddress.Parse(destination));
        ReadOnlySpan<byte> rest = bytes.AsSpan(header.TlvStart);
        foreach (var expected in tlvs)
        {
            ProxyProtocolParser.TryTakeTlv(ref rest, out var type, out var value).ShouldBeTrue();
            type.ShouldBe(expected.Type);
            value.ToArray().ShouldBe(expected.Value);
        }

        rest.Length.ShouldBe(0);
    }

    [Fact]
    public void V2_Local_AndUnspecified_NameNobody()
    {
        byte[] garbage = [.. Prefix(0x20, 0x45, 4), 1, 2, 3, 4]; // LOCAL: all the rest is ignored
        ProxyProtocolParser.ParseV2(garbage, out var header).ShouldBe(ProxyProtocolStatus.Complete);
        header.Source.ShouldBeNull();
        header.Length.ShouldBe(20);
        header.TlvStart.ShouldBe(20);

        byte[] unspecified = [.. Prefix(0x21, 0x00, 2), 1, 2];
        ProxyProtocolParser.ParseV2(unspecified, out header).ShouldBe(ProxyProtocolStatus.Complete);
        header.Source.ShouldBeNull();
        header.Length.ShouldBe(18);
    }

    [Fact]
    public void V2_OfAnotherForm_IsMalformed()
    {
        Status([.. Prefix(0x22, 0x11, 12), .. new byte[12]]).ShouldBe(Malformed); // no such command
        Status([.. Prefix(0x11, 0x11, 12), .. new byte[12]]).ShouldBe(Malformed); // version 1
        Status([.. Prefix(0x31, 0x11, 12), .. new byte[12]]).ShouldBe(Malformed); // version 3
        Status([.. Prefix(0x21, 0x12, 12), .. new byte[12]]).ShouldBe(Malformed); // UDP
        Status([.. Prefix(0x21, 0x41, 12), .. new byte[12]]).ShouldBe(Malformed); // no such family
        Status([.. Prefix(0x21, 0x11, 11), .. new byte[11]]).ShouldBe(Malformed); // too short for its family
        Status([.. Prefix(0x21, 0x21, 35), .. new byte[35]]).ShouldBe(Malformed);
        Status([.. Prefix(0x21, 0x31, 215), .. new byte[215]]).ShouldBe(Malformed);
        Status([.. Prefix(0x21, 0x11, 14), .. new byte[12], 4, 0]).ShouldBe(Malformed); // a TLV that is cut
        Status([.. Prefix(0x21, 0x11, 16), .. new byte[12], 4, 0, 2, 0]).ShouldBe(Malformed);
        Status(Prefix(0x21, 0x11, 0xFFFF)).ShouldBe(Malformed); // past the limit: known from the length
        Status(Prefix(0x22, 0x11, 12)[..13]).ShouldBe(Malformed); // known from the first wrong byte
        Status(Prefix(0x21, 0x12, 12)[..14]).ShouldBe(Malformed);
    }

    [Fact]
    public void V2_Checksum_MustBeRight()
    {
        var bytes = V2("1.2.3.4:5", "6.7.8.9:10", [new(0x04, [7]), new(0x03, new byte[4]), new(0x05, [8])]);
        var at = bytes.AsSpan().IndexOf<byte>([3, 0, 4]) + 3;
        Status(bytes).ShouldBe(Malformed);
        BinaryPrimitives.WriteUInt32BigEndian(bytes.AsSpan(at), ReferenceCrc32C(bytes));
        Status(bytes).ShouldBe(ProxyProtocolStatus.Complete);
        bytes[17]++;
        Status(bytes).ShouldBe(Malformed);
        Status(V2("1.2.3.4:5", "6.7.8.9:10", [new(0x03, new byte[3])])).ShouldBe(Malformed);
    }

    [Fact]
    public void MalformedHeaders_AllocateNothing()
    {
        byte[] v1 = [.. "PROXY TCP6 1.2.3.4 ::1 1 2\r\n"u8];
        byte[] v2 = [.. Prefix(0x21, 0x11, 14), .. new byte[12], 4, 0];
        Pass(v1, v2);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 2000; i++)
        {
            Pass(v1, v2);
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise);

        static void Pass(byte[] v1, byte[] v2)
        {
            ProxyProtocolParser.ParseV1(v1, out _);
            ProxyProtocolParser.ParseV2(v2, out _);
        }
    }

    [Theory]
    [InlineData("1.2.3.4:5", "6.7.8.9:10", "PROXY TCP4 1.2.3.4 6.7.8.9 5 10\r\n")]
    [InlineData("[::1]:5", "[::2]:10", "PROXY TCP6 ::1 ::2 5 10\r\n")]
    [InlineData("1.2.3.4:5", "[::2]:10", "PROXY TCP6 ::ffff:1.2.3.4 ::2 5 10\r\n")]
    [InlineData("[fe80::1%3]:5", "[::2]:10", "PROXY TCP6 fe80::1 ::2 5 10\r\n")]
    [InlineData("unix:/a", "unix:/b", "PROXY UNKNOWN\r\n")]
    [InlineData(null, "6.7.8.9:10", "PROXY UNKNOWN\r\n")]
    public void V1_IsWritten(string? source, string? destination, string expected)
    {
        var output = new ArrayBufferWriter<byte>();
        ProxyProtocolWriter.WriteV1(output, Address(source), Address(destination));
        Encoding.Latin1.GetString(output.WrittenSpan).ShouldBe(expected);
    }

    [Fact]
    public void V2_WithoutAddresses_IsWrittenAsLocal() => V2(null, "1.2.3.4:5", [new(4, [1])]).ShouldBe(Prefix(0x20, 0, 0));

    [Fact]
    public void V2_OfTwoFamilies_IsWrittenAsIpv6()
    {
        ProxyProtocolParser.ParseV2(V2("1.2.3.4:5", "[::2]:10", []), out var header).ShouldBe(ProxyProtocolStatus.Complete);
        header.Source.ShouldBe(NetworkAddress.Parse("[::ffff:1.2.3.4]:5"));
        header.Destination.ShouldBe(NetworkAddress.Parse("[::2]:10"));
    }

    [Fact]
    public void V2_WithTooMuchInIt_IsNotWritten()
    {
        var output = new ArrayBufferWriter<byte>();
        ProxyProtocolTlv[] tlvs = [new(4, new byte[40_000]), new(5, new byte[40_000])];
        ProxyProtocolWriter.TryWriteV2(output, Address("1.2.3.4:5"), Address("1.2.3.4:5"), tlvs).ShouldBeFalse();
        output.WrittenCount.ShouldBe(0);
    }

    private static NetworkAddress? Address(string? text) => text is null ? null : NetworkAddress.Parse(text);

    private static byte[] Prefix(byte command, byte family, int length) =>
        [.. ProxyProtocolParser.V2Signature, command, family, (byte)(length >> 8), (byte)length];

    private static ProxyProtocolStatus Status(byte[] bytes) => ProxyProtocolParser.ParseV2(bytes, out _);

    private static byte[] V2(string? source, string? destination, ProxyProtocolTlv[] tlvs)
    {
        var output = new ArrayBufferWriter<byte>();
        ProxyProtocolWriter.TryWriteV2(output, Address(source), Address(destination), tlvs).ShouldBeTrue();
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Bit by bit, from the polynomial (RFC 4960, appendix B).</summary>
    private static uint ReferenceCrc32C(byte[] bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
            {
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78 : crc >> 1;
            }
        }

        return ~crc;
    }
}
