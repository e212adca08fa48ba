using MeshProxy.Http.Codecs.Http1;

namespace MeshProxy.Http.Tests.Codecs.Http1;

public sealed class Http1ResponseDecoderTests
{
    [Fact]
    public void Response_WithContentLength_IsRead()
    {
        var r = Http1Harness.Response("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nServer: x\r\n\r\nokHTTP");
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.StartLine.ShouldBe("200 11");
        r.Headers.ShouldBe("Content-Length: 2|Server: x|");
        r.Body.ShouldBe("ok");
        r.Rest.ShouldBe("HTTP");
        r.Facts.ShouldBe("ContentLength 2 keepalive=True informational=False");
    }

    [Fact]
    public void Response_Chunked_IsRead()
    {
        var r = Http1Harness.Response("HTTP/1.1 200 Fine by me\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n", options: new() { Protocol = new() { EnableTrailers = true } });
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Body.ShouldBe("ok");
        r.Trailers.ShouldBe("A: b|");
    }

    [Theory]
    [InlineData("HTTP/1.1 200 \r\n\r\n")]
    [InlineData("HTTP/1.1 200\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\n\r\n")]
    public void Response_WithoutLength_EndsWithTheConnection(string head)
    {
        Http1Harness.Response(head + "body").Status.ShouldBe(DecodeStatus.NeedMore);
        var r = Http1Harness.Response(head + "body", eof: true);
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Body.ShouldBe("body");
        r.Facts.ShouldStartWith("UntilClose -1 keepalive=False");
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nConte")]
    [InlineData("H")]
    public void Response_CutShort_IsAnError(string bytes)
    {
        Http1Harness.Response(bytes, eof: true).Error.ShouldBe(Http1Errors.PrematureEnd);
    }

    [Fact]
    public void Eof_BeforeAnything_IsNoError()
    {
        new Http1ResponseDecoder(new()).DecodeEof().ShouldBe(DecodeStatus.NeedMore);
    }

    [Theory]
    [InlineData("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nrest", "")]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\nrest", "")]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nrest", "Content-Length: 5|")]
    public void Bodyless_Statuses_HaveNoBody(string bytes, string headers)
    {
        var r = Http1Harness.Response(bytes);
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Rest.ShouldBe("rest");
        r.Headers.ShouldBe(headers);
        r.Facts.ShouldStartWith("None");
    }

    [Fact]
    public void Head_HasNoBody_KeepsItsLength()
    {
        var r = Http1Harness.Response("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nrest", Http1ResponseTo.Head);
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Headers.ShouldBe("Content-Length: 5|");
        r.Rest.ShouldBe("rest");
    }

    [Theory]
    [InlineData(100)]
    [InlineData(103)]
    public void Informational_IsReportedAsSuch(int status)
    {
        var r = Http1Harness.Response($"HTTP/1.1 {status} X\r\nLink: y\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK");
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Headers.ShouldBe("Link: y|");
        r.Rest.ShouldBe("HTTP/1.1 200 OK");
        r.Facts.ShouldEndWith("informational=True");
    }

    [Fact]
    public void Switch_OnlyWhenAsked_IsATunnel()
    {
        const string Switch = "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\nraw";
        Http1Harness.Response(Switch).Error.ShouldBe(Http1Errors.UnexpectedSwitch);
        var r = Http1Harness.Response(Switch, Http1ResponseTo.Upgrade);
        r.Facts.ShouldStartWith("Tunnel");
        r.Headers.ShouldBe("Upgrade: websocket|");
        r.Body.ShouldBe("raw");
    }

    [Fact]
    public void Connect_2xx_IsATunnel_OthersAreNot()
    {
        var r = Http1Harness.Response("HTTP/1.1 200 X\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nraw!", Http1ResponseTo.Connect);
        r.Facts.ShouldStartWith("Tunnel");
        r.Body.ShouldBe("raw!");
        Http1Harness.Response("HTTP/1.1 403 X\r\nContent-Length: 3\r\n\r\nnono", Http1ResponseTo.Connect).Rest.ShouldBe("o");
    }

    [Theory]
    [InlineData("HTTP/1.1 99 X\r\n\r\n")]
    [InlineData("HTTP/1.1 099 X\r\n\r\n")]
    [InlineData("HTTP/1.1 2000 X\r\n\r\n")]
    [InlineData("HTTP/1.1 20 X\r\n\r\n")]
    [InlineData("HTTP/1.1  200 X\r\n\r\n")]
    [InlineData("HTTP/1.1\t200 X\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\u0001\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\n\r\n")]
    [InlineData("HTTP/1.1 200 X\rY\r\n\r\n")]
    [InlineData("HTTP/2.0 200 X\r\n\r\n")]
    [InlineData("http/1.1 200 X\r\n\r\n")]
    [InlineData("\r\nHTTP/1.1 200 X\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\r\nTransfer-Encoding: gzip\r\n\r\n")]
    [InlineData("HTTP/1.0 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\r\nA: b\r\n c\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\r\nA : b\r\n\r\n")]
    [InlineData("HTTP/1.1 200 X\r\nConnection: content-length\r\nContent-Length: 1\r\n\r\n")]
    public void Malformed_IsRefused(string bytes)
    {
        Http1Harness.Response(bytes).Status.ShouldBe(DecodeStatus.Error);
    }

    [Fact]
    public void Connection_DecidesReuse()
    {
        Http1Harness.Response("HTTP/1.1 200 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").Facts.ShouldContain("keepalive=False");
        Http1Harness.Response("HTTP/1.0 200 X\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").Facts.ShouldContain("keepalive=True");
        Http1Harness.Response("HTTP/1.0 200 X\r\nContent-Length: 0\r\n\r\n").Facts.ShouldContain("keepalive=False");
    }
}
