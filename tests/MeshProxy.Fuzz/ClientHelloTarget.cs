using System.Text;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Fuzz;

/// <summary>A ClientHello, however split, comes to the same; one that is accepted says the same in records of another size, and what it says is clean.</summary>
internal sealed class ClientHelloTarget : IFuzzTarget
{
    private const int MaxBytes = 2048;

    public static IReadOnlyList<string> Seeds { get; } =
    [
        Text(ClientHelloBytes.Typical().Records()),
        Text(ClientHelloBytes.Typical("a", "h2").Records(64)),
        Text(ClientHelloBytes.Typical().Records(5)),
        Text(new ClientHelloBytes().Records()),
        Text(new ClientHelloBytes { SessionId = [] }.WithServerName("a.example").Records()),
        Text(new ClientHelloBytes().WithVersions(0x0303).WithProtocols("x").Records()),
        Text(ClientHelloBytes.Records(new ClientHelloBytes().Message(extensions: false))),
        "GET / HTTP/1.1\r\n\r\n",
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        "\u0016\u0003\u0001", "\u0016\u0003\u0001\0\u0001", "\u0016\u0003\u0003\0\0", "\u0015\u0003\u0003\0\u0002\u0001\0", "\0\0", "\0\0\0\u0006\0\u0004\0\0\u0001a", "\0\u0010\0\u0005\0\u0003\u0002h2",
        "\0\u002b\0\u0003\u0002\u0003\u0004", "\u00ff\u00ff", "\0\u0001", "\u0001", "\u0020", "\0\u0033\0\0",
    ];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        var (status, whole, seen) = Parse(data, data.Length);
        foreach (var piece in (int[])[1, 2, 7, 100])
        {
            var (pieceStatus, said, pieceSeen) = Parse(data, piece);
            said.ShouldBe(whole);
            pieceStatus.ShouldBe(status);
            pieceSeen.ShouldBe(seen);
        }

        seen.ShouldBeLessThanOrEqualTo(Math.Min(data.Length, MaxBytes + 1));
        if (status == ClientHelloStatus.Complete)
        {
            var message = Unwrap(data[..(int)seen]);
            Parse(ClientHelloBytes.Records(message), 4096).Said.ShouldBe(whole);
            whole.ShouldNotContain('\0');
        }
        else
        {
            whole.ShouldBe("");
        }
    }

    private static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);

    private static (ClientHelloStatus Status, string Said, long Seen) Parse(ReadOnlySpan<byte> data, int pieceBytes)
    {
        using var parser = new ClientHelloParser(MaxBytes);
        while (!data.IsEmpty)
        {
            var piece = Math.Min(pieceBytes, data.Length);
            parser.Append(data[..piece]);
            data = data[piece..];
        }

        if (parser.Status != ClientHelloStatus.Complete)
        {
            return (parser.Status, "", parser.BytesSeen);
        }

        // Names of protocols are any bytes; they are compared as numbers.
        var protocols = string.Join(';', parser.GetApplicationProtocols().Select(p => string.Join('.', p.Select(c => (int)c))));
        var name = parser.ServerName;
        name?.ShouldBe(name.ToLowerInvariant());
        return (parser.Status, $"{name} [{protocols}] {parser.HighestVersion} {parser.Offers(0x0304)}", parser.BytesSeen);
    }

    /// <summary>The message without the headers of its records.</summary>
    private static byte[] Unwrap(ReadOnlySpan<byte> records)
    {
        var message = new List<byte>();
        while (!records.IsEmpty)
        {
            var length = Math.Min((records[3] << 8) | records[4], records.Length - 5); // bytes behind the hello were left out
            message.AddRange(records.Slice(5, length));
            records = records[(5 + length)..];
        }

        return [.. message];
    }
}
