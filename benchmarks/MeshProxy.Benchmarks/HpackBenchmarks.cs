using BenchmarkDotNet.Attributes;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Benchmarks;

/// <summary>A browser's request and a server's response on a connection that has seen them before; the path, the length and the request id are new.</summary>
[MemoryDiagnoser]
public class HpackBenchmarks
{
    private readonly byte[] _room = new byte[4096];
    private readonly byte[] _requestBlock = new byte[4096];
    private readonly byte[] _responseBlock = new byte[4096];
    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _requestDecoder = new();
    private readonly HpackDecoder _responseDecoder = new();
    private int _requestLength;
    private int _responseLength;
    private Sink _sink = new() { Room = new byte[4096] };

    [GlobalSetup]
    public void Setup()
    {
        var requests = new HpackEncoder();
        var responses = new HpackEncoder();
        for (var i = 0; i < 3; i++)
        {
            _requestLength = EncodeRequest(requests, _requestBlock);
            Require(_requestDecoder.Decode(_requestBlock.AsSpan(0, _requestLength), ref _sink));
            _responseLength = EncodeResponse(responses, _responseBlock);
            Require(_responseDecoder.Decode(_responseBlock.AsSpan(0, _responseLength), ref _sink));
        }
    }

    /// <summary>Nine headers, of which the path is a literal; the sink copies them as a head does.</summary>
    [Benchmark(Baseline = true)]
    public int DecodeRequest()
    {
        _sink.At = 0;
        return (int)_requestDecoder.Decode(_requestBlock.AsSpan(0, _requestLength), ref _sink);
    }

    /// <summary>Nine headers, of which length, etag and request id are literals.</summary>
    [Benchmark]
    public int DecodeResponse()
    {
        _sink.At = 0;
        return (int)_responseDecoder.Decode(_responseBlock.AsSpan(0, _responseLength), ref _sink);
    }

    [Benchmark]
    public int EncodeRequest() => EncodeRequest(_encoder, _room);

    [Benchmark]
    public int EncodeResponse() => EncodeResponse(_encoder, _room);

    private static int EncodeRequest(HpackEncoder encoder, Span<byte> room)
    {
        var at = encoder.BeginBlock(room);
        at += encoder.WritePseudo(room[at..], HpackPseudo.Method, "GET"u8);
        at += encoder.WritePseudo(room[at..], HpackPseudo.Scheme, "https"u8);
        at += encoder.WritePseudo(room[at..], HpackPseudo.Authority, "www.example.com"u8);
        at += encoder.WritePseudo(room[at..], HpackPseudo.Path, "/assets/app/main.8f3a2c.js?v=20240131"u8);
        at += encoder.Write(room[at..], HeaderId.UserAgent, default, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"u8);
        at += encoder.Write(room[at..], HeaderId.Accept, default, "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"u8);
        at += encoder.Write(room[at..], HeaderId.AcceptLanguage, default, "en-US,en;q=0.9,de;q=0.8"u8);
        at += encoder.Write(room[at..], HeaderId.AcceptEncoding, default, "gzip, deflate, br"u8);
        at += encoder.Write(room[at..], HeaderId.None, "x-tenant"u8, "blue"u8);
        return at;
    }

    private static int EncodeResponse(HpackEncoder encoder, Span<byte> room)
    {
        var at = encoder.BeginBlock(room);
        at += encoder.WriteStatus(room[at..], 200);
        at += encoder.Write(room[at..], HeaderId.Server, default, "envoy"u8);
        at += encoder.Write(room[at..], HeaderId.Date, default, "Mon, 01 Jan 2024 00:00:00 GMT"u8);
        at += encoder.Write(room[at..], HeaderId.ContentType, default, "text/html; charset=utf-8"u8);
        at += encoder.Write(room[at..], HeaderId.ContentLength, default, "1024"u8);
        at += encoder.Write(room[at..], HeaderId.ETag, default, "\"0123456789abcdef\""u8);
        at += encoder.Write(room[at..], HeaderId.AcceptRanges, default, "bytes"u8);
        at += encoder.Write(room[at..], HeaderId.CacheControl, default, "max-age=3600"u8);
        at += encoder.Write(room[at..], HeaderId.XEnvoyUpstreamServiceTime, default, "12"u8);
        return at;
    }

    private static void Require(HpackError error)
    {
        if (error != HpackError.None)
        {
            throw new InvalidOperationException($"decoded to {error}");
        }
    }

    private struct Sink : IHpackSink
    {
        public byte[] Room;
        public int At;

        public bool OnHeader(in HpackField field)
        {
            field.Name.CopyTo(Room.AsSpan(At));
            field.Value.CopyTo(Room.AsSpan(At + field.Name.Length));
            At += field.Name.Length + field.Value.Length;
            return true;
        }
    }
}
