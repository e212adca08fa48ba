using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Fuzz;

/// <summary>What decoding some bytes came to, in text that can be compared.</summary>
internal sealed record Http1Outcome(string Head, string Body, string End);

/// <summary>Decodes one message, fed in pieces.</summary>
internal static class Http1Run
{
    public static readonly Http1CodecOptions Options = new() { Protocol = new() { EnableTrailers = true, AcceptHttp10 = true, DefaultHostForHttp10 = "old" } };

    /// <summary>Cuts the data at pseudo-random places that follow from the data itself.</summary>
    public static List<byte[]> Split(ReadOnlySpan<byte> data)
    {
        var random = new Random(data.Length * 31 + (data.IsEmpty ? 0 : data[data.Length / 2]));
        var largest = random.Next(1, 40);
        var pieces = new List<byte[]>();
        while (!data.IsEmpty)
        {
            var n = Math.Min(random.Next(1, largest + 1), data.Length);
            pieces.Add(data[..n].ToArray());
            data = data[n..];
        }

        return pieces;
    }

    public static Http1Outcome Request(IEnumerable<byte[]> pieces, Action<RequestHeaders, Http1RequestDecoder>? onHead = null)
    {
        var pool = new SlabPool();
        var headers = new RequestHeaders(pool);
        var decoder = new Http1RequestDecoder(Options);
        return Run(pool, headers, decoder, pieces, input => decoder.DecodeHead(input, headers), () =>
        {
            onHead?.Invoke(headers, decoder);
            return $"{Text(headers.Method)} {Text(headers.Path)} {headers.HttpVersion} {decoder.ExpectContinue} {decoder.IsUpgrade}";
        });
    }

    public static Http1Outcome Response(IEnumerable<byte[]> pieces, Http1ResponseTo to, Action<ResponseHeaders, Http1ResponseDecoder>? onHead = null)
    {
        var pool = new SlabPool();
        var headers = new ResponseHeaders(pool);
        var decoder = new Http1ResponseDecoder(Options);
        return Run(pool, headers, decoder, pieces, input => decoder.DecodeHead(input, headers, to), () =>
        {
            onHead?.Invoke(headers, decoder);
            return $"{headers.Status} {headers.HttpVersion} {decoder.IsInformational}";
        });
    }

    /// <summary>"name: value" in lines; names in lower case.</summary>
    public static string Dump(HeaderMap map)
    {
        var text = new StringBuilder();
        var bytes = 0;
        foreach (var header in map)
        {
            text.Append(Text(header.Name).ToLowerInvariant()).Append(": ").Append(Text(header.Value)).Append('\n');
            bytes += header.Name.Length + header.Value.Length + 4;
            header.Value.ContainsAny((byte)'\r', (byte)'\n', (byte)0).ShouldBeFalse();
        }

        map.ByteSize.ShouldBe(bytes);
        return text.ToString();
    }

    public static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private static Http1Outcome Run(
        SlabPool pool, HeaderMap headers, Http1MessageDecoder decoder, IEnumerable<byte[]> pieces, Func<IoBuffer, DecodeStatus> decodeHead, Func<string> describe)
    {
        var input = new IoBuffer(pool);
        var body = new IoBuffer(pool);
        var trailers = new HeaderTrailers(pool);
        var head = "";
        var inBody = false;
        var status = DecodeStatus.NeedMore;
        foreach (var piece in pieces)
        {
            input.Append(piece);
            if (status == DecodeStatus.NeedMore && !inBody)
            {
                status = decodeHead(input);
                inBody = status == DecodeStatus.Complete;
                if (inBody)
                {
                    head = $"{describe()} {decoder.Framing} {decoder.ContentLength} {decoder.KeepAlive}\n{Dump(headers)}";
                    status = DecodeStatus.NeedMore;
                }
            }

            if (status == DecodeStatus.NeedMore && inBody)
            {
                status = decoder.DecodeBody(input, body, trailers);
            }
        }

        // How much of the input an error leaves behind does not matter: the connection is closed.
        var end = status == DecodeStatus.Error
            ? decoder.Error.Reason
            : $"{status} {Text(input.ToArray()).Length}\n{(status == DecodeStatus.Complete ? Dump(trailers) : "")}";
        var outcome = new Http1Outcome(head, Text(body.ToArray()), end);
        input.Clear();
        body.Clear();
        headers.Clear();
        trailers.Clear();
        pool.SlabsInUse.ShouldBe(0);
        return outcome;
    }
}
