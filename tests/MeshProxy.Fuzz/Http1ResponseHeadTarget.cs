using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Fuzz;

/// <summary>A response, however split, comes to the same; and one that was accepted has, written again, the same status and headers.</summary>
internal sealed class Http1ResponseHeadTarget : IFuzzTarget
{
    public static IReadOnlyList<string> Seeds { get; } =
    [
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nServer: x\r\n\r\nhelloHTTP/1.1",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nGrpc-Status: 0\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nDate: x\r\n\r\nuntil close",
        "HTTP/1.1 204\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nraw",
    ];

    public static IReadOnlyList<string> Tokens { get; } =
    [
        "\r\n", "\n", "\r", "\r\n\r\n", "\r\n ", ": ", " :", "\t", "\0", " 100 ", " 204 ", " 304 ", " 999 ", "HTTP/1.0", "HTTP/2.0", "Content-Length: 5\r\n", "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: x\r\n", "Connection: close\r\n", "Connection: date\r\n", "Set-Cookie: a=b\r\n", "Keep-Alive: 5\r\n", "\u00e9",
    ];

    public static void Fuzz(ReadOnlySpan<byte> data)
    {
        for (var to = Http1ResponseTo.None; to <= Http1ResponseTo.Upgrade; to = to == Http1ResponseTo.None ? Http1ResponseTo.Head : (Http1ResponseTo)((int)to * 2))
        {
            byte[]? again = null;
            var whole = Http1Run.Response([data.ToArray()], to, (headers, decoder) => again = decoder.IsInformational ? null : Encode(headers, decoder, to));
            Http1Run.Response(Http1Run.Split(data), to).ShouldBe(whole);
            if (again is null)
            {
                continue;
            }

            var second = Http1Run.Response([again], to);
            second.Head.ShouldNotBe("", $"written again, the head was refused: {second.End}\n{Http1Run.Text(again)}");
            Comparable(second.Head).ShouldBe(Comparable(whole.Head));
        }
    }

    private static byte[] Encode(ResponseHeaders headers, Http1ResponseDecoder decoder, Http1ResponseTo to)
    {
        var flags = (to == Http1ResponseTo.Head ? Http1EncodeFlags.ToHead : 0)
            | (headers.Status == 101 ? Http1EncodeFlags.Upgrade : 0)
            | (decoder.KeepAlive ? 0 : Http1EncodeFlags.ConnectionClose);
        var output = new IoBuffer(headers.Pool!);
        Http1Encoder.EncodeResponseHead(output, headers, decoder.Framing, decoder.ContentLength, flags);
        var bytes = output.ToArray();
        output.Clear();
        return bytes;
    }

    private static string Comparable(string head)
    {
        var lines = head.Split('\n').ToList();
        var start = lines[0].Split(' ');
        lines[0] = $"{start[0]} {start[^3]} {start[^1]}";
        lines.RemoveAll(l => l.StartsWith("content-length: ", StringComparison.Ordinal));
        return string.Join('\n', lines);
    }
}
