using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http1;

/// <summary>What came of one message: everything that a test may compare.</summary>
internal sealed record Decoded
{
    public required DecodeStatus Status { get; init; }
    public Http1Error Error { get; init; }
    public string StartLine { get; init; } = "";
    public string Headers { get; init; } = "";
    public string Body { get; init; } = "";
    public string Trailers { get; init; } = "";
    public string Rest { get; init; } = "";
    public string Facts { get; init; } = "";
}

/// <summary>
/// Feeds a message to a decoder in one piece, byte by byte, and, if it is short, split at every place, and requires that all
/// come to the same. After each run no slab may be left in use.
/// </summary>
internal static class Http1Harness
{
    private const int MaxLengthForSplits = 400;

    public static Decoded Request(string bytes, Http1CodecOptions? options = null) => All(bytes, feed => RequestOnce(feed, options ?? new()));

    public static Decoded Response(string bytes, Http1ResponseTo to = Http1ResponseTo.None, bool eof = false, Http1CodecOptions? options = null) =>
        All(bytes, feed => ResponseOnce(feed, to, eof, options ?? new()));

    /// <summary>The message in pieces of every kind; the outcome of the first, which is the whole.</summary>
    public static Decoded All(string bytes, Func<IEnumerable<byte[]>, Decoded> run)
    {
        var message = Encoding.Latin1.GetBytes(bytes);
        var whole = run([message]);
        run(message.Select(b => new[] { b })).ShouldBe(whole, "byte by byte");
        if (message.Length <= MaxLengthForSplits)
        {
            for (var i = 1; i < message.Length; i++)
            {
                run([message[..i], message[i..]]).ShouldBe(whole, $"split at {i}");
            }
        }

        return whole;
    }

    public static Decoded RequestOnce(IEnumerable<byte[]> feed, Http1CodecOptions options)
    {
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var body = new IoBuffer(pool);
        var headers = new RequestHeaders(pool);
        var trailers = new HeaderTrailers(pool);
        var decoder = new Http1RequestDecoder(options);
        var headDone = false;
        var status = DecodeStatus.NeedMore;
        foreach (var piece in feed)
        {
            FeedSlice(input, piece);
            if (status != DecodeStatus.NeedMore)
            {
                continue;
            }

            if (!headDone)
            {
                status = decoder.DecodeHead(input, headers);
                headDone = status == DecodeStatus.Complete;
            }

            if (headDone)
            {
                status = decoder.DecodeBody(input, body, trailers);
            }
        }

        var isError = status == DecodeStatus.Error;
        var result = new Decoded
        {
            Status = status,
            Error = decoder.Error,
            StartLine = headDone ? $"{Latin(headers.Method)} {Latin(headers.Path)} {headers.HttpVersion} {Latin(headers.Scheme)}" : "",
            Headers = headDone ? Dump(headers) : "",
            Body = Latin(body.ToArray()),
            Trailers = isError ? "" : Dump(trailers),
            Rest = isError ? "" : Latin(input.ToArray()),
            Facts = headDone ? $"{decoder.Framing} {decoder.ContentLength} keepalive={decoder.KeepAlive} expect={decoder.ExpectContinue} upgrade={decoder.IsUpgrade}" : "",
        };
        Finish(pool, input, body, headers, trailers);
        return result;
    }

    public static Decoded ResponseOnce(IEnumerable<byte[]> feed, Http1ResponseTo to, bool eof, Http1CodecOptions options)
    {
        var pool = new SlabPool();
        var input = new IoBuffer(pool);
        var body = new IoBuffer(pool);
        var headers = new ResponseHeaders(pool);
        var trailers = new HeaderTrailers(pool);
        var decoder = new Http1ResponseDecoder(options);
        var headDone = false;
        var status = DecodeStatus.NeedMore;
        foreach (var piece in feed)
        {
            FeedSlice(input, piece);
            if (status != DecodeStatus.NeedMore)
            {
                continue;
            }

            if (!headDone)
            {
                status = decoder.DecodeHead(input, headers, to);
                headDone = status == DecodeStatus.Complete;
            }

            if (headDone && !decoder.IsInformational)
            {
                status = decoder.DecodeBody(input, body, trailers);
            }
        }

        if (eof && status == DecodeStatus.NeedMore)
        {
            status = decoder.DecodeEof();
        }

        var isError = status == DecodeStatus.Error;
        var result = new Decoded
        {
            Status = status,
            Error = decoder.Error,
            StartLine = headDone ? $"{headers.Status} {headers.HttpVersion}" : "",
            Headers = headDone ? Dump(headers) : "",
            Body = Latin(body.ToArray()),
            Trailers = isError ? "" : Dump(trailers),
            Rest = isError ? "" : Latin(input.ToArray()),
            Facts = headDone ? $"{decoder.Framing} {decoder.ContentLength} keepalive={decoder.KeepAlive} informational={decoder.IsInformational}" : "",
        };
        Finish(pool, input, body, headers, trailers);
        return result;
    }

    /// <summary>"Name: value|" for each header.</summary>
    public static string Dump(HeaderMap map)
    {
        var text = new StringBuilder();
        var count = 0;
        foreach (var header in map)
        {
            text.Append(Latin(header.Name)).Append(": ").Append(Latin(header.Value)).Append('|');
            count++;
        }

        map.Count.ShouldBe(count);
        return text.ToString();
    }

    public static string Latin(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    /// <summary>As a read does it: one piece, in a slab of its own if the last has no room.</summary>
    private static void FeedSlice(IoBuffer input, byte[] piece) => input.Append(piece);

    private static void Finish(SlabPool pool, IoBuffer input, IoBuffer body, HeaderMap headers, HeaderMap trailers)
    {
        input.Clear();
        body.Clear();
        headers.Clear();
        trailers.Clear();
        pool.SlabsInUse.ShouldBe(0);
    }
}
