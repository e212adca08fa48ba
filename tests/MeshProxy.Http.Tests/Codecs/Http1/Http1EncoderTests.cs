using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http1;

public sealed class Http1EncoderTests
{
    private readonly SlabPool _pool = new();

    [Fact]
    public void Request_Forwarded_KeepsLinesAndCase_WritesItsOwnFraming()
    {
        var headers = DecodeRequest(
            "POST /x HTTP/1.1\r\nHost: a\r\nX-ODD:   v  \r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nAccept:*/*\r\n\r\n");
        headers.AppendValue(HeaderNames.XForwardedFor, "1.2.3.4"u8);
        headers.Set(HeaderNames.XForwardedProto, "http");

        Encode(headers, BodyFraming.Chunked).ShouldBe(
            "POST /x HTTP/1.1\r\nHost: a\r\nX-ODD: v\r\nAccept:*/*\r\nx-forwarded-for: 1.2.3.4\r\nx-forwarded-proto: http\r\ntransfer-encoding: chunked\r\n\r\n");
    }

    [Theory]
    [InlineData(5, "Content-Length: 5\r\nX: y\r\n")]
    [InlineData(6, "X: y\r\ncontent-length: 6\r\n")]
    public void ContentLength_OfTheMap_IsUsedOnlyIfItIsTrue(long length, string fields)
    {
        var headers = DecodeRequest("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nX: y\r\n\r\n");
        Encode(headers, BodyFraming.ContentLength, length).ShouldBe($"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
    }

    [Fact]
    public void HopByHop_SetByAFilter_IsNotWritten()
    {
        var headers = DecodeRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        headers.Set("Transfer-Encoding", "chunked");
        headers.Set("Connection", "x");
        headers.Set("Keep-Alive", "x");
        headers.Set("Upgrade", "x");
        headers.Set("Content-Length", "7");
        headers.Add("Content-Length", "8");
        Encode(headers, BodyFraming.None).ShouldBe("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("POST", "content-length: 0\r\n")]
    [InlineData("FANCY", "content-length: 0\r\n")]
    public void Request_WithoutBody_SaysSoIfItsMethodMightHaveOne(string method, string expected)
    {
        var headers = DecodeRequest($"{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        Encode(headers, BodyFraming.None).ShouldBe($"{method} / HTTP/1.1\r\nHost: a\r\n{expected}\r\n");
    }

    [Fact]
    public void Request_UpgradeAndTe_AreNamedInConnection()
    {
        var headers = DecodeRequest("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: websocket\r\nConnection: upgrade, te\r\n\r\n");
        Encode(headers, BodyFraming.None, 0, Http1EncodeFlags.Upgrade)
            .ShouldBe("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nUpgrade: websocket\r\nconnection: upgrade, te\r\n\r\n");
    }

    [Fact]
    public void Request_Connect_TargetsTheAuthority()
    {
        var headers = DecodeRequest("CONNECT a:1 HTTP/1.1\r\nHost: b\r\n\r\n");
        Encode(headers, BodyFraming.Tunnel).ShouldBe("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n");
    }

    [Fact]
    public void Names_Lowercase_AreWrittenSo()
    {
        var headers = DecodeRequest("GET / HTTP/1.1\r\nHost: A\r\nX-Odd: V\r\n\r\n");
        Encode(headers, BodyFraming.None, 0, Http1EncodeFlags.LowercaseNames).ShouldBe("GET / HTTP/1.1\r\nhost: A\r\nx-odd: V\r\n\r\n");
    }

    [Theory]
    [InlineData(200, BodyFraming.None, 0, Http1EncodeFlags.None, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")]
    [InlineData(204, BodyFraming.None, 0, Http1EncodeFlags.None, "HTTP/1.1 204 No Content\r\n\r\n")]
    [InlineData(200, BodyFraming.ContentLength, 12, Http1EncodeFlags.None, "HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n")]
    [InlineData(200, BodyFraming.Chunked, 0, Http1EncodeFlags.None, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")]
    [InlineData(200, BodyFraming.UntilClose, 0, Http1EncodeFlags.ConnectionClose, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")]
    [InlineData(200, BodyFraming.None, 0, Http1EncodeFlags.Http10Peer, "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: keep-alive\r\n\r\n")]
    [InlineData(200, BodyFraming.None, 0, Http1EncodeFlags.Http10Peer | Http1EncodeFlags.ConnectionClose, "HTTP/1.0 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")]
    [InlineData(200, BodyFraming.Tunnel, 0, Http1EncodeFlags.None, "HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData(200, BodyFraming.None, 0, Http1EncodeFlags.ToHead, "HTTP/1.1 200 OK\r\n\r\n")]
    [InlineData(299, BodyFraming.None, 0, Http1EncodeFlags.None, "HTTP/1.1 299 \r\ncontent-length: 0\r\n\r\n")]
    public void Response_Framing_IsWritten(int status, object framing, long length, object flags, string expected)
    {
        var headers = new ResponseHeaders(_pool) { Status = status };
        var output = new IoBuffer(_pool);
        Http1Encoder.EncodeResponseHead(output, headers, (BodyFraming)framing, length, (Http1EncodeFlags)flags);
        Encoding.Latin1.GetString(output.ToArray()).ShouldBe(expected);
    }

    [Theory]
    [InlineData(200, Http1EncodeFlags.ToHead)]
    [InlineData(304, Http1EncodeFlags.None)]
    public void Response_WithoutBody_KeepsTheLengthItWouldHave(int status, object flags)
    {
        var headers = new ResponseHeaders(_pool) { Status = status };
        headers.Set(HeaderNames.ContentLength, "99");
        var output = new IoBuffer(_pool);
        Http1Encoder.EncodeResponseHead(output, headers, BodyFraming.None, 0, (Http1EncodeFlags)flags);
        Encoding.Latin1.GetString(output.ToArray()).ShouldEndWith("content-length: 99\r\n\r\n");
    }

    [Fact]
    public void Informational_IsWritten()
    {
        var output = new IoBuffer(_pool);
        Http1Encoder.EncodeInformational(output, 100);
        var hints = new ResponseHeaders(_pool);
        hints.Add("Link", "</x>");
        Http1Encoder.EncodeInformational(output, 103, hints);
        Encoding.Latin1.GetString(output.ToArray()).ShouldBe("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n");
    }

    [Fact]
    public void Chunks_AreMovedNotCopied()
    {
        var output = new IoBuffer(_pool);
        var data = new IoBuffer(_pool);
        data.Append(new byte[20_000]);
        var slab = data.FirstSlab;
        Http1Encoder.EncodeChunk(output, data);
        Http1Encoder.EncodeChunk(output, data);
        var trailers = new HeaderTrailers(_pool);
        trailers.Add("Grpc-Status", "0");
        Http1Encoder.EncodeLastChunk(output, trailers);

        output.SliceAt(1).Slab.ShouldBeSameAs(slab);
        var text = Encoding.Latin1.GetString(output.ToArray());
        text.ShouldStartWith("4e20\r\n\0");
        text.ShouldEndWith("\0\r\n0\r\ngrpc-status: 0\r\n\r\n");
        text.Length.ShouldBe(6 + 20_000 + 2 + 3 + 16 + 2);
    }

    [Fact]
    public void Head_LargerThanASlab_IsWrittenWhole()
    {
        var headers = new ResponseHeaders(_pool) { Status = 200 };
        for (var i = 0; i < 6; i++)
        {
            headers.Add("x-big", new string((char)('a' + i), 30_000));
        }

        var output = new IoBuffer(_pool);
        Http1Encoder.EncodeResponseHead(output, headers, BodyFraming.ContentLength, 1);
        var text = Encoding.Latin1.GetString(output.ToArray());
        text.Length.ShouldBe("HTTP/1.1 200 OK\r\n".Length + (6 * (30_000 + 9)) + "content-length: 1\r\n\r\n".Length);
        text.ShouldContain("\r\nx-big: " + new string('f', 30_000) + "\r\ncontent-length: 1\r\n\r\n");
    }

    [Fact]
    public void Heads_ReleaseAllSlabs()
    {
        var headers = DecodeRequest("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        headers.Set("x", "y");
        var output = new IoBuffer(_pool);
        Http1Encoder.EncodeRequestHead(output, headers, BodyFraming.None);
        output.Clear();
        headers.Clear();
        _pool.SlabsInUse.ShouldBe(0);
    }

    private RequestHeaders DecodeRequest(string head)
    {
        var input = new IoBuffer(_pool);
        input.Append(Encoding.Latin1.GetBytes(head));
        var headers = new RequestHeaders(_pool);
        new Http1RequestDecoder(new()).DecodeHead(input, headers).ShouldBe(DecodeStatus.Complete);
        return headers;
    }

    private string Encode(RequestHeaders headers, BodyFraming framing, long length = 0, Http1EncodeFlags flags = Http1EncodeFlags.None)
    {
        var output = new IoBuffer(_pool);
        Http1Encoder.EncodeRequestHead(output, headers, framing, length, flags);
        return Encoding.Latin1.GetString(output.ToArray());
    }
}
