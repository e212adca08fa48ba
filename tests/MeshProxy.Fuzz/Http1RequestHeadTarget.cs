using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Fuzz;

/// <summary>
/// A request, however split, comes to the same; and one that was accepted is, written again, the same request to us.
/// </summary>
internal sealed class Http1RequestHeadTarget : IFuzzTarget
{
    public static IReadOnlyList<string> Seeds { get; } =
    [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x?y HTTP/1.1\r\nHost: a.example:80\r\nUser-Agent: x y\r\nAccept: */*\r\nCookie: a=b; c=d\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\nConnection: te, x-y\r\nX-Y: z\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
        "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket, h2c\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\nraw",
        "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\nraw",
        "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n",
        "GET http://u.example:1/p?q HTTP/1.1\r\nHost: b\r\n\r\n",
        "\r\nGET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        "\r\n", "\n", "\r", "\r\n\r\n", "\r\n ", ": ", " :", "\t", "\0", ",", ";", "#", "http://", "https://h", "?", "HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "CONNECT ", "HEAD ",
        "Host: b\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length: 5, 5\r\n", "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Connection: close\r\n", "Connection: keep-alive, x-forwarded-for\r\n", "Connection: user-agent\r\n", "Expect: x\r\n", "TE: gzip\r\n", "Upgrade: x\r\n", "Trailer: x\r\n", "X_Y: 1\r\n", "A:\r\n", "\u00e9",
    ];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        byte[]? again = null;
        var whole = Http1Run.Request([data.ToArray()], (headers, decoder) => again = Encode(headers, decoder));
        Http1Run.Request(Http1Run.Split(data)).ShouldBe(whole);
        if (again is not null)
        {
            CheckAgain(whole, again);
        }
    }

    private static byte[] Encode(RequestHeaders headers, Http1RequestDecoder decoder)
    {
        var output = new IoBuffer(headers.Pool!);
        Http1Encoder.EncodeRequestHead(output, headers, decoder.Framing, decoder.ContentLength, decoder.IsUpgrade ? Http1EncodeFlags.Upgrade : 0);
        var bytes = output.ToArray();
        output.Clear();
        return bytes;
    }

    private static void CheckAgain(Http1Outcome first, byte[] again)
    {
        var second = Http1Run.Request([again]);
        second.Head.ShouldNotBe("", $"written again, the head was refused: {second.End}\n{Http1Run.Text(again)}");
        Comparable(second.Head).ShouldBe(Comparable(first.Head));
        second.End.ShouldNotStartWith("Complete 1");

        // Encoding is a fixed point: nothing changes the second time.
        byte[]? third = null;
        Http1Run.Request([again], (headers, decoder) => third = Encode(headers, decoder));
        Http1Run.Text(third).ShouldBe(Http1Run.Text(again));
    }

    /// <summary>Version and persistence belong to the hop; what may be said by either a number or nothing is left out.</summary>
    private static string Comparable(string head)
    {
        var lines = head.Split('\n').ToList();
        var start = lines[0].Split(' ');
        var framing = start[^3];
        lines[0] = string.Join(' ', start[0], start[1], start[^4], framing, framing == "ContentLength" ? start[^2] : "");
        lines.RemoveAll(l => l.StartsWith("content-length: ", StringComparison.Ordinal));
        return string.Join('\n', lines);
    }
}
