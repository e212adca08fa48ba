using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http1;

public sealed class Http1LimitTests
{
    private const string Start = "GET / HTTP/1.1\r\nHost: a\r\n";

    [Theory]
    [InlineData(0, DecodeStatus.Complete)]
    [InlineData(1, DecodeStatus.Error)]
    public void Head_AtTheSizeLimit_PassesAndFailsOnePast(int over, object expected)
    {
        var fixedBytes = Start.Length + "X: \r\n\r\n".Length;
        var message = $"{Start}X: {new string('v', (60 * 1024) - fixedBytes + over)}\r\n\r\n";
        var r = Http1Harness.Request(message);
        r.Status.ShouldBe((DecodeStatus)expected);
        if (over > 0)
        {
            r.Error.ShouldBe(Http1Errors.TooLarge);
            r.Error.StatusCode.ShouldBe(431);
        }
    }

    [Fact]
    public void Head_WithoutEnd_IsRefusedAtTheLimit()
    {
        Http1Harness.Request("GET /" + new string('a', 2000), new() { HeadKb = 1 }).Error.ShouldBe(Http1Errors.TooLarge);
        Http1Harness.Request("GET / HTTP/1.1\r\n" + new string('a', 2000), new() { HeadKb = 1 }).Error.ShouldBe(Http1Errors.TooLarge);
    }

    [Fact]
    public void Body_BehindASmallHead_IsNotCountedToIt()
    {
        var r = Http1Harness.Request($"{Start}Content-Length: 3000\r\n\r\n{new string('b', 3000)}", new() { HeadKb = 1 });
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Body.Length.ShouldBe(3000);
    }

    [Theory]
    [InlineData(99, DecodeStatus.Complete)]
    [InlineData(100, DecodeStatus.Error)]
    public void Headers_AtTheCountLimit_PassAndFailOnePast(int more, object expected)
    {
        var r = Http1Harness.Request($"{Start}{string.Concat(Enumerable.Range(0, more).Select(i => $"X-{i}: {i}\r\n"))}\r\n");
        r.Status.ShouldBe((DecodeStatus)expected);
        if (r.Status == DecodeStatus.Error)
        {
            r.Error.ShouldBe(Http1Errors.TooMany);
        }
    }

    [Fact]
    public void HeadersThatAreLeftOut_AreCountedAll()
    {
        var fields = string.Concat(Enumerable.Repeat("Keep-Alive: x\r\n", 100));
        Http1Harness.Request($"{Start}{fields}\r\n").Error.ShouldBe(Http1Errors.TooMany);
    }

    [Fact]
    public void Trailers_AreLimitedLikeHeaders()
    {
        const string Body = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
        Http1Harness.Request(Body + string.Concat(Enumerable.Repeat("A: b\r\n", 101)) + "\r\n").Error.ShouldBe(Http1Errors.TooMany);
        Http1Harness.Request(Body + "A: " + new string('x', 2000) + "\r\n\r\n", new() { HeadKb = 1 }).Error.ShouldBe(Http1Errors.TooLarge);
    }

    [Fact]
    public void ChunkExtensions_AreLimitedForTheMessage()
    {
        const string Head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        Http1Harness.Request($"{Head}1;{new string('a', 20_000)}\r\n").Error.ShouldBe(Http1Errors.ChunkExtensionsTooLong);
        var chunk = $"1;{new string('a', 1000)}\r\nx\r\n";
        Http1Harness.Request(Head + string.Concat(Enumerable.Repeat(chunk, 17))).Error.ShouldBe(Http1Errors.ChunkExtensionsTooLong);
        Http1Harness.Request(Head + string.Concat(Enumerable.Repeat(chunk, 16)) + "0\r\n\r\n").Status.ShouldBe(DecodeStatus.Complete);
    }

    [Theory]
    [InlineData(1, false)]
    [InlineData(1, true)]
    [InlineData(7, false)]
    [InlineData(1000, true)]
    public void LargeHead_InSmallPieces_TakesLinearWork(int pieceBytes, bool oneLine)
    {
        var head = oneLine
            ? $"{Start}X: {new string('v', 50_000)}\r\n\r\n"
            : $"{Start}{string.Concat(Enumerable.Range(0, 90).Select(i => $"X-{i}: {new string('v', 540)}\r\n"))}\r\n";
        var bytes = Encoding.Latin1.GetBytes(head);
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var headers = new RequestHeaders(pool);
        var decoder = new Http1RequestDecoder(new());
        var status = DecodeStatus.NeedMore;
        for (var i = 0; i < bytes.Length; i += pieceBytes)
        {
            input.Append(bytes.AsSpan(i, Math.Min(pieceBytes, bytes.Length - i)));
            status = decoder.DecodeHead(input, headers);
        }

        status.ShouldBe(DecodeStatus.Complete);
        decoder.BytesExamined.ShouldBeLessThan(4 * bytes.Length);
        headers.Clear();
        pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Head_InASlabForEachByte_IsRead()
    {
        // The worst that reads can do: a slab a byte.
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var headers = new RequestHeaders(pool);
        var decoder = new Http1RequestDecoder(new());
        var status = DecodeStatus.NeedMore;
        foreach (var b in Encoding.Latin1.GetBytes($"{Start}X: {new string('v', 9000)}\r\n\r\n"))
        {
            var piece = new IoBuffer(pool);
            piece.Append([b]);
            input.MoveFrom(piece);
            status = decoder.DecodeHead(input, headers);
        }

        status.ShouldBe(DecodeStatus.Complete);
        headers.Get("x").Length.ShouldBe(9000);
        headers.Clear();
        input.Clear();
        pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void PartialHead_CanBeRead()
    {
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var headers = new RequestHeaders(pool);
        var decoder = new Http1RequestDecoder(new());
        input.Append("GET /path HTTP/1.1\r\nX: y\r\nHos"u8);
        decoder.DecodeHead(input, headers).ShouldBe(DecodeStatus.NeedMore);
        Http1Harness.Latin(headers.Path).ShouldBe("/path");
        headers.GetString("x").ShouldBe("y");
        input.Append("t : z\r\n"u8);
        decoder.DecodeHead(input, headers).ShouldBe(DecodeStatus.Error);
        Http1Harness.Latin(headers.Path).ShouldBe("/path");
        headers.Clear();
        input.Clear();
        pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Pipelined_Requests_AreReadOneAfterTheOther()
    {
        const string Requests =
            "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\r\nPOST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nGET /4 HTTP/1.1\r\nHost: a\r\n\r\n";
        foreach (var pieceBytes in new[] { 1, 3, 1000 })
        {
            ReadAll(Encoding.Latin1.GetBytes(Requests), pieceBytes).ShouldBe(["/1 ", "/2 abc", "/3 x", "/4 "]);
        }
    }

    private static List<string> ReadAll(byte[] bytes, int pieceBytes)
    {
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var body = new IoBuffer(pool);
        var headers = new RequestHeaders(pool);
        var decoder = new Http1RequestDecoder(new());
        var inBody = false;
        var seen = new List<string>();
        for (var i = 0; i < bytes.Length; i += pieceBytes)
        {
            input.Append(bytes.AsSpan(i, Math.Min(pieceBytes, bytes.Length - i)));
            while (!input.IsEmpty || inBody)
            {
                inBody = inBody || decoder.DecodeHead(input, headers) == DecodeStatus.Complete;
                if (!inBody || decoder.DecodeBody(input, body, null) != DecodeStatus.Complete)
                {
                    break;
                }

                seen.Add($"{Http1Harness.Latin(headers.Path)} {Http1Harness.Latin(body.ToArray())}");
                body.Clear();
                headers.Clear();
                decoder.Reset();
                inBody = false;
            }
        }

        decoder.Error.IsSet.ShouldBeFalse();
        pool.SlabsInUse.ShouldBe(0);
        return seen;
    }
}
