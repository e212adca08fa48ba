using System.Buffers;
using System.Text;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Network.ProxyProtocol;

namespace MeshProxy.Fuzz;

/// <summary>
/// A PROXY header is read once it is whole and not before, and more bytes behind it change nothing; written again from what was read, it is read as the same.
/// </summary>
internal sealed class ProxyProtocolTarget : IFuzzTarget
{
    public static IReadOnlyList<string> Seeds { get; } =
    [
        "PROXY TCP4 1.2.3.4 10.0.0.255 1 65535\r\nGET /",
        "PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 40000 443\r\n",
        "PROXY UNKNOWN x y\r\n",
        V2("1.2.3.4:5", "6.7.8.9:10"),
        V2("[2001:db8::1]:5", "[::]:10", new(2, "a.example"u8.ToArray()), new(0xE0, [1, 2, 3]), new(4, [])),
        V2("unix:/run/a", "unix:@b"),
        Encoding.Latin1.GetString([.. ProxyProtocolParser.V2Signature, 0x20, 0, 0, 0]) + "rest",
        "GET / HTTP/1.1\r\n\r\n",
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        "PROXY ", "TCP4 ", "TCP6 ", "UNKNOWN", "\r\n", " ", "0", "65536", "::", "1.2.3.4", "\r\n\r\n\0\r\nQUIT\n", "\u0021\u0011\0\u000c", "\u0021\u0021\0\u0024", "\u0021\u0031\0\u00d8", "\u0003\0\u0004", "\u0004\0\0", "\u00ff\u00ff",
    ];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        var start = ProxyProtocolParser.Detect(data);
        if (start is not (ProxyProtocolStart.V1 or ProxyProtocolStart.V2))
        {
            return;
        }

        var status = Parse(start, data, out var header);
        var end = status == ProxyProtocolStatus.Complete ? header.Length : data.Length;
        for (var length = start == ProxyProtocolStart.V1 ? 6 : 12; length < end; length++)
        {
            var early = Parse(start, data[..length], out _);
            early.ShouldNotBe(ProxyProtocolStatus.Complete, $"at {length} of {end}");
            if (early == ProxyProtocolStatus.Malformed)
            {
                status.ShouldBe(ProxyProtocolStatus.Malformed, $"what was malformed at {length} was not at {data.Length}");
                break;
            }
        }

        if (status == ProxyProtocolStatus.Complete)
        {
            header.Length.ShouldBeInRange(1, data.Length);
            header.TlvStart.ShouldBeInRange(1, header.Length);
            (header.Source is null).ShouldBe(header.Destination is null);
            Parse(start, data[..header.Length], out _).ShouldBe(ProxyProtocolStatus.Complete);
            CheckAgain(data, header);
        }
    }

    private static void CheckAgain(ReadOnlySpan<byte> data, in ProxyProtocolHeader header)
    {
        // Mapped addresses are one thing in text and another in their family; all else comes back as it was.
        var tlvs = new List<ProxyProtocolTlv>();
        var rest = data[header.TlvStart..header.Length];
        while (ProxyProtocolParser.TryTakeTlv(ref rest, out var type, out var value))
        {
            if (type != ProxyProtocolParser.Crc32CType)
            {
                tlvs.Add(new ProxyProtocolTlv(type, value.ToArray()));
            }
        }

        rest.Length.ShouldBe(0);
        var output = new ArrayBufferWriter<byte>();
        ProxyProtocolWriter.TryWriteV2(output, header.Source, header.Destination, [.. tlvs]).ShouldBeTrue();
        ProxyProtocolParser.ParseV2(output.WrittenSpan, out var again).ShouldBe(ProxyProtocolStatus.Complete);
        if (header.Source is SocketAddress)
        {
            again.Source.ShouldBe(header.Source);
            again.Destination.ShouldBe(header.Destination);
            var line = new ArrayBufferWriter<byte>();
            ProxyProtocolWriter.WriteV1(line, header.Source, header.Destination);
            ProxyProtocolParser.ParseV1(line.WrittenSpan, out var text).ShouldBe(ProxyProtocolStatus.Complete);
            text.Source.ShouldBe(header.Source);
            text.Destination.ShouldBe(header.Destination);
        }
    }

    private static ProxyProtocolStatus Parse(ProxyProtocolStart start, ReadOnlySpan<byte> data, out ProxyProtocolHeader header) =>
        start == ProxyProtocolStart.V1 ? ProxyProtocolParser.ParseV1(data, out header) : ProxyProtocolParser.ParseV2(data, out header);

    private static string V2(string source, string destination, params ProxyProtocolTlv[] tlvs)
    {
        var output = new ArrayBufferWriter<byte>();
        ProxyProtocolWriter.TryWriteV2(output, NetworkAddress.Parse(source), NetworkAddress.Parse(destination), tlvs).ShouldBeTrue();
        return Encoding.Latin1.GetString(output.WrittenSpan);
    }
}
