using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Benchmarks;

/// <summary>The codec without sockets: what one request through the proxy costs in parsing and writing.</summary>
[MemoryDiagnoser]
public class Http1CodecBenchmarks
{
    private static readonly byte[] s_request =
        """
        GET /assets/app/main.8f3a2c.js?v=20240131 HTTP/1.1
        Host: www.example.com
        User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8
        Accept-Language: en-US,en;q=0.9,de;q=0.8
        Accept-Encoding: gzip, deflate, br
        Connection: keep-alive
        Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=yes
        Referer: https://www.example.com/assets/index.html
        Cache-Control: no-cache


        """u8.ToArray().Crlf();

    private static readonly byte[] s_response =
        """
        HTTP/1.1 200 OK
        Server: nginx
        Date: Mon, 01 Jan 2024 00:00:00 GMT
        Content-Type: text/html; charset=utf-8
        Content-Length: 1024
        Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT
        Connection: keep-alive
        ETag: "0123456789abcdef"
        Accept-Ranges: bytes


        """u8.ToArray().Crlf();

    private readonly SlabPool _pool = new();
    private readonly Http1RequestDecoder _requestDecoder = new(new());
    private readonly Http1ResponseDecoder _responseDecoder = new(new());
    private IoBuffer _requestBytes = null!;
    private IoBuffer _input = null!;
    private IoBuffer _output = null!;
    private IoBuffer _body = null!;
    private RequestHeaders _request = null!;
    private RequestHeaders _parsed = null!;
    private ResponseHeaders _response = null!;

    [GlobalSetup]
    public void Setup()
    {
        _requestBytes = new IoBuffer(_pool);
        _input = new IoBuffer(_pool);
        _output = new IoBuffer(_pool);
        _body = new IoBuffer(_pool);
        _request = new RequestHeaders(_pool);
        _parsed = new RequestHeaders(_pool);
        _response = new ResponseHeaders(_pool);
        _input.Append(s_request);
        Require(_requestDecoder.DecodeHead(_input, _parsed));
        _requestDecoder.Reset();
        AddProxyHeaders(_parsed);
    }

    /// <summary>What the feed itself costs: the bytes' copy into a slab, which recv does in real life.</summary>
    [Benchmark]
    public void CopyRequestIn()
    {
        _input.Append(s_request);
        _input.Clear();
    }

    [Benchmark]
    public int ParseRequest()
    {
        _input.Append(s_request);
        Require(_requestDecoder.DecodeHead(_input, _request));
        var count = _request.Count;
        _request.Clear();
        _requestDecoder.Reset();
        return count;
    }

    [Benchmark]
    public void WriteRequest()
    {
        Http1Encoder.EncodeRequestHead(_output, _parsed, BodyFraming.None);
        _output.Clear();
    }

    [Benchmark(Baseline = true)]
    public void ParseRequest_AddFour_Write()
    {
        _input.Append(s_request);
        Require(_requestDecoder.DecodeHead(_input, _request));
        AddProxyHeaders(_request);
        Http1Encoder.EncodeRequestHead(_output, _request, BodyFraming.None);
        _output.Clear();
        _request.Clear();
        _requestDecoder.Reset();
    }

    [Benchmark]
    public void ParseResponse_AddTwo_Write()
    {
        _input.Append(s_response);
        Require(_responseDecoder.DecodeHead(_input, _response, Http1ResponseTo.None));
        _response.SetTrusted(HeaderNames.Server, "envoy"u8);
        _response.SetTrusted(HeaderNames.XEnvoyUpstreamServiceTime, "12"u8);
        Http1Encoder.EncodeResponseHead(_output, _response, BodyFraming.ContentLength, 1024);
        _output.Clear();
        _response.Clear();
        _responseDecoder.Reset();
    }

    /// <summary>Eight chunks of 1 KiB, taken apart and put together again.</summary>
    [Benchmark]
    public void ChunkedBody_8x1KiB()
    {
        _input.Append("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"u8);
        Require(_responseDecoder.DecodeHead(_input, _response, Http1ResponseTo.None));
        for (var i = 0; i < 8; i++)
        {
            _input.Append("400\r\n"u8);
            _input.Append(s_chunk);
            _input.Append("\r\n"u8);
            _responseDecoder.DecodeBody(_input, _body, null);
            Http1Encoder.EncodeChunk(_output, _body);
        }

        _input.Append("0\r\n\r\n"u8);
        Require(_responseDecoder.DecodeBody(_input, _body, null));
        Http1Encoder.EncodeLastChunk(_output);
        _output.Clear();
        _response.Clear();
        _responseDecoder.Reset();
    }

    private static readonly byte[] s_chunk = new byte[1024];

    private static void AddProxyHeaders(RequestHeaders headers)
    {
        headers.AppendTrusted(HeaderNames.XForwardedFor, "203.0.113.195"u8);
        headers.SetTrusted(HeaderNames.XForwardedProto, "http"u8);
        headers.SetTrusted(HeaderNames.XRequestId, "4b9f8c9e-93a5-4a55-9f0b-1d2f3c4b5a69"u8);
        headers.SetTrusted(HeaderNames.XEnvoyExpectedRqTimeoutMs, "15000"u8);
    }

    private static void Require(DecodeStatus status)
    {
        if (status != DecodeStatus.Complete)
        {
            throw new InvalidOperationException($"decoded to {status}");
        }
    }
}

internal static class Http1BenchmarkText
{
    /// <summary>Line feeds become CR LF.</summary>
    public static byte[] Crlf(this byte[] text) =>
        System.Text.Encoding.Latin1.GetBytes(System.Text.Encoding.Latin1.GetString(text).Replace("\r", "").Replace("\n", "\r\n"));
}
