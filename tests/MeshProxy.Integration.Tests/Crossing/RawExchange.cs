using System.Text;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Integration.Tests.Crossing;

/// <summary>A request with trailers, which HttpClient cannot send, byte for byte.</summary>
internal static class RawExchange
{
    /// <summary>Posts "some body" in two parts to /trailers. The response's body and trailers.</summary>
    public static async Task<(string Body, string[] Trailers)> TrailersAsync(CrossingPair pair, (string Name, string Value) trailer)
    {
        await using var stream = await pair.ConnectAsync();
        return await (pair.Version.Major == 2 ? Http2Async(stream, trailer) : Http1Async(stream, trailer)).WaitAsync(Settings.Patience);
    }

    /// <summary>Begins an upload of HTTP/1.1 to /refuse and does not go on with it. All that comes until the proxy closes.</summary>
    public static async Task<string> RefusedUploadAsync(CrossingPair pair)
    {
        await using var stream = await pair.ConnectAsync();
        await stream.WriteAsync("POST /refuse HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n"u8.ToArray());
        using var reader = new StreamReader(stream, Encoding.Latin1);
        return await reader.ReadToEndAsync().WaitAsync(Settings.Patience);
    }

    private static async Task<(string Body, string[] Trailers)> Http1Async(Stream stream, (string Name, string Value) trailer)
    {
        await stream.WriteAsync(Encoding.ASCII.GetBytes(
            "POST /trailers HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n"
            + $"5\r\nsome \r\n4\r\nbody\r\n0\r\n{trailer.Name}: {trailer.Value}\r\n\r\n"));
        using var reader = new StreamReader(stream, Encoding.Latin1);
        var response = await reader.ReadToEndAsync();
        response.ShouldStartWith("HTTP/1.1 200");

        // The body is one short chunk or several: their sizes go, what they hold stays.
        var lines = response[(response.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..].Split("\r\n");
        var last = Array.IndexOf(lines, "0");
        last.ShouldBeGreaterThan(0, response);
        return (string.Concat(lines[..last].Where((_, i) => i % 2 == 1)), [.. lines[(last + 1)..].TakeWhile(line => line.Length > 0)]);
    }

    private static async Task<(string Body, string[] Trailers)> Http2Async(Stream stream, (string Name, string Value) trailer)
    {
        await stream.WriteAsync((byte[])
        [
            .. Http2Bytes.Preface, .. Http2Bytes.Settings(),
            .. Http2Bytes.Request(1, "POST", "/trailers", endStream: false),
            .. Http2Bytes.Data(1, "some "), .. Http2Bytes.Data(1, "body"),
            .. Http2Bytes.Head(1, true, trailer),
        ]);
        var reader = new Http2WireReader(client: false);
        var chunk = new byte[16 * 1024];
        while (!reader.Frames.Any(frame => frame.EndStream || frame.Type is Http2FrameType.RstStream or Http2FrameType.GoAway))
        {
            var count = await stream.ReadAsync(chunk);
            count.ShouldBeGreaterThan(0, string.Join('\n', reader.Frames));
            reader.Feed(chunk.AsSpan(0, count));
        }

        var frames = reader.Frames.Where(frame => frame.StreamId == 1).ToList();
        frames[0][":status"].ShouldBe("200");
        frames[^1].EndStream.ShouldBeTrue(frames[^1].ToString());
        return (string.Concat(frames.Where(frame => frame.Type == Http2FrameType.Data).Select(frame => frame.Text)), frames[^1].Type == Http2FrameType.Headers ? [.. frames[^1].Lines] : []);
    }
}
