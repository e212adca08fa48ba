using System.Buffers.Binary;
using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Stats;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;

namespace MeshProxy.Benchmarks;

/// <summary>The codec without sockets: a GET with nine headers, answered with 1 KiB.</summary>
[MemoryDiagnoser]
public class Http2CodecBenchmarks
{
    private readonly SlabPool _pool = new();
    private readonly byte[] _body = new byte[1024];
    private byte[] _requestBytes = null!;
    private uint _nextId;
    private Endpoint _server = null!;
    private Endpoint _client = null!;
    private IoBuffer _wire = null!;
    private IoBuffer _data = null!;

    [GlobalSetup]
    public void Setup()
    {
        var streams = new Http2StreamPool(_pool);
        var stats = new Http2Stats(new StatsStore(0).Root);
        _wire = new IoBuffer(_pool);
        _data = new IoBuffer(_pool);
        _server = new Endpoint(Http2Role.Server, _pool, streams, stats) { OnRequest = Answer };
        _client = new Endpoint(Http2Role.Client, _pool, streams, stats);
        _client.Codec.Start();
        _server.Codec.Start();
        for (var i = 0; i < 100; i++)
        {
            Exchange();
        }

        // The answer's bytes come back as the connection's window.
        _nextId = Ask().Id;
        var bytes = new byte[_client.Codec.Output.Length + Http2FrameHeader.Bytes + sizeof(uint)];
        _client.Codec.Output.CopyTo(bytes.AsSpan(0, (int)_client.Codec.Output.Length));
        var update = bytes.AsSpan((int)_client.Codec.Output.Length);
        Http2FrameHeader.Write(update, sizeof(uint), Http2FrameType.WindowUpdate, Http2Flags.None, 0);
        BinaryPrimitives.WriteInt32BigEndian(update[Http2FrameHeader.Bytes..], _body.Length);
        _client.Codec.Output.Clear();
        _requestBytes = bytes;
    }

    /// <summary>The server's end: the request is read, as a client sends it the second time, and the answer is written.</summary>
    [Benchmark(Baseline = true)]
    public void ServerExchange()
    {
        _nextId += 2;
        BinaryPrimitives.WriteUInt32BigEndian(_requestBytes.AsSpan(5), _nextId);
        _wire.Append(_requestBytes);
        if (!_server.Codec.Receive(_wire))
        {
            throw new InvalidOperationException(_server.Codec.Error.Reason);
        }

        _server.Codec.FillData(64 * 1024);
        _server.Codec.Output.Clear();
    }

    /// <summary>Both ends: the request is written and read, and so is the answer.</summary>
    [Benchmark]
    public void Exchange()
    {
        Ask();
        Pass(_client, _server);
        Pass(_server, _client);
        Pass(_client, _server);
    }

    private Http2Stream Ask()
    {
        var request = _client.Request;
        request.SetMethod(KnownMethod.Get);
        request.SetScheme("https"u8);
        request.SetPath("/assets/app/main.8f3a2c.js?v=20240131"u8);
        request.SetAuthority("www.example.com"u8);
        request.SetTrusted(HeaderNames.UserAgent, "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"u8);
        request.SetTrusted(HeaderNames.Accept, "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"u8);
        request.SetTrusted(HeaderNames.AcceptLanguage, "en-US,en;q=0.9,de;q=0.8"u8);
        request.SetTrusted(HeaderNames.AcceptEncoding, "gzip, deflate, br"u8);
        request.SetTrusted(HeaderNames.Cookie, "session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes"u8);
        request.SetTrusted(HeaderNames.Referer, "https://www.example.com/assets/index.html"u8);
        request.SetTrusted(HeaderNames.CacheControl, "no-cache"u8);
        request.SetTrusted(HeaderNames.Origin, "https://www.example.com"u8);
        request.SetTrusted(HeaderNames.Pragma, "no-cache"u8);
        var stream = _client.Codec.OpenStream(_client)!;
        _client.Codec.SendHeaders(stream, request, endStream: true);
        request.Clear();
        return stream;
    }

    private void Pass(Endpoint from, Endpoint to)
    {
        from.Codec.FillData(64 * 1024);
        _wire.MoveFrom(from.Codec.Output);
        if (!to.Codec.Receive(_wire))
        {
            throw new InvalidOperationException(to.Codec.Error.Reason);
        }
    }

    private void Answer(Http2Stream stream)
    {
        var response = _server.Response;
        response.Status = 200;
        response.SetTrusted(HeaderNames.Server, "nginx"u8);
        response.SetTrusted(HeaderNames.Date, "Mon, 01 Jan 2024 00:00:00 GMT"u8);
        response.SetTrusted(HeaderNames.ContentType, "text/html; charset=utf-8"u8);
        response.SetTrusted(HeaderNames.ContentLength, "1024"u8);
        response.SetTrusted(HeaderNames.ETag, "\"0123456789abcdef\""u8);
        _server.Codec.SendHeaders(stream, response, endStream: false);
        response.Clear();
        _data.Append(_body);
        _server.Codec.SendData(stream, _data, endStream: true);
    }

    private sealed class Endpoint : IHttp2Events
    {
        public Endpoint(Http2Role role, SlabPool pool, Http2StreamPool streams, Http2Stats stats)
        {
            Request = new RequestHeaders(pool);
            Response = new ResponseHeaders(pool);
            Codec = new Http2Codec(new(), role, this, pool, streams, stats);
        }

        public Http2Codec Codec { get; }

        public RequestHeaders Request { get; }

        public ResponseHeaders Response { get; }

        public Action<Http2Stream>? OnRequest { get; init; }

        public RequestHeaders? BeginRequest(Http2Stream stream) => Request;

        public ResponseHeaders? BeginResponse(Http2Stream stream) => Response;

        public void OnHeaders(Http2Stream stream, bool endStream)
        {
            if (OnRequest is { } answer)
            {
                Request.Clear();
                answer(stream);
            }
        }

        public void OnData(Http2Stream stream, bool endStream)
        {
            var bytes = (int)stream.Received.Length;
            stream.Received.Clear();
            Codec.Consume(stream, bytes);
            if (endStream)
            {
                Response.Clear();
                Codec.Release(stream);
            }
        }

        public void OnSent(Http2Stream stream) => Codec.Release(stream);

        public void OnTrailers(Http2Stream stream)
        {
        }

        public void OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details)
        {
        }

        public void OnWritable(Http2Stream stream)
        {
        }

        public void OnGoAway(uint lastStreamId, Http2ErrorCode code)
        {
        }

        public void OnSettings()
        {
        }

        public void OnPingAck(ulong payload)
        {
        }

        public void OnOutput()
        {
        }
    }
}
