using MeshProxy.Http.Codecs.Http1;

namespace MeshProxy.Http.Tests.Codecs.Http1;

/// <summary>
/// Messages on which two parsers have been known to disagree. Each must be refused for the reason given, or be read
/// in the one way that is shown.
/// </summary>
public sealed class Http1SmugglingTests
{
    private const string CodecError = Http1ResponseCodeDetails.CodecError;
    private const string InvalidCharacters = Http1ResponseCodeDetails.InvalidCharacters;
    private const string InvalidTransferEncoding = Http1ResponseCodeDetails.InvalidTransferEncoding;
    private const string InvalidUrl = Http1ResponseCodeDetails.InvalidUrl;
    private const string InvalidAuthority = Http1ResponseCodeDetails.InvalidAuthority;
    private const string LengthAndChunked = Http1ResponseCodeDetails.ContentLengthAndChunked;

    [Theory]
    // CL.TE and TE.CL, in every order and spelling.
    [InlineData("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n", 400, LengthAndChunked)]
    [InlineData("Transfer-Encoding: chunked\r\nContent-Length: 6\r\n", 400, LengthAndChunked)]
    [InlineData("content-length: 0\r\nTRANSFER-ENCODING: CHUNKED\r\n", 400, LengthAndChunked)]
    // Content-Length that is not one number.
    [InlineData("Content-Length: 5\r\nContent-Length: 6\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5\r\nContent-Length: 5\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5, 5\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5,6\r\n", 400, CodecError)]
    [InlineData("Content-Length: +5\r\n", 400, CodecError)]
    [InlineData("Content-Length: -5\r\n", 400, CodecError)]
    [InlineData("Content-Length: 0x5\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5_0\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5 0\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5.0\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5e1\r\n", 400, CodecError)]
    [InlineData("Content-Length: \r\n", 400, CodecError)]
    [InlineData("Content-Length:\r\n", 400, CodecError)]
    [InlineData("Content-Length: five\r\n", 400, CodecError)]
    [InlineData("Content-Length: \u00b2\r\n", 400, CodecError)]
    [InlineData("Content-Length: 9223372036854775808\r\n", 400, CodecError)]
    [InlineData("Content-Length: 18446744073709551621\r\n", 400, CodecError)]
    [InlineData("Content-Length: 5\u000b\r\n", 400, InvalidCharacters)]
    [InlineData("Content-Length\u000b: 5\r\n", 400, InvalidCharacters)]
    // TE.TE: a transfer coding that one of two might overlook.
    [InlineData("Transfer-Encoding: xchunked\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chunkedx\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: identity\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: gzip\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: gzip, chunked\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: x;a=b, chunked\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked, gzip\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked, chunked\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n", 501, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chunked;q=1\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: \"chunked\"\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: chun ked\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding:\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: ,\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding: \u000bchunked\r\n", 400, InvalidCharacters)]
    [InlineData("Transfer-Encoding: chunked\u000c\r\n", 400, InvalidCharacters)]
    [InlineData("Transfer-Encoding: chunked\0\r\n", 400, InvalidCharacters)]
    [InlineData("Transfer-Encoding:\u00a0chunked\r\n", 400, InvalidTransferEncoding)]
    [InlineData("Transfer-Encoding : chunked\r\n", 400, CodecError)]
    [InlineData("Transfer-Encoding\t: chunked\r\n", 400, CodecError)]
    [InlineData("Transfer-Encoding\r\n: chunked\r\n", 400, CodecError)]
    [InlineData("Transfer-Encoding: \r\n chunked\r\n", 400, InvalidTransferEncoding)]
    [InlineData("X: y\r\n Transfer-Encoding: chunked\r\n", 400, CodecError)]
    [InlineData("X: y\r\n\tTransfer-Encoding: chunked\r\n", 400, CodecError)]
    [InlineData("X: y\nTransfer-Encoding: chunked\r\n", 400, CodecError)]
    [InlineData("X: y\rTransfer-Encoding: chunked\r\n", 400, CodecError)]
    [InlineData("X: y\r\r\nTransfer-Encoding: chunked\r\n", 400, CodecError)]
    [InlineData("\0Transfer-Encoding: chunked\r\n", 400, InvalidCharacters)]
    // Names and values.
    [InlineData(": x\r\n", 400, InvalidCharacters)]
    [InlineData("X\r\n", 400, CodecError)]
    [InlineData("X y\r\n", 400, CodecError)]
    [InlineData("X(: y\r\n", 400, InvalidCharacters)]
    [InlineData("X\u00e9: y\r\n", 400, InvalidCharacters)]
    [InlineData("X\u007f: y\r\n", 400, InvalidCharacters)]
    [InlineData("X: \u0001\r\n", 400, InvalidCharacters)]
    [InlineData("X: a\u007fb\r\n", 400, InvalidCharacters)]
    [InlineData("X: a\u001b[0m\r\n", 400, InvalidCharacters)]
    [InlineData("X: a\r\n\n", 400, CodecError)]
    [InlineData("\n", 400, CodecError)]
    // A second host.
    [InlineData("Host: b\r\n", 400, InvalidAuthority)]
    [InlineData("host:\r\n", 400, InvalidAuthority)]
    public void Header_Ambiguous_IsRefused(string fields, int status, string details)
    {
        var r = Http1Harness.Request($"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n0\r\n\r\nG");
        r.Status.ShouldBe(DecodeStatus.Error);
        (r.Error.StatusCode, r.Error.Details).ShouldBe((status, details));
    }

    [Theory]
    [InlineData("")]
    [InlineData("Host:\r\n")]
    [InlineData("Host: \r\n")]
    [InlineData("Host: a b\r\n")]
    [InlineData("Host: a,b\r\n")]
    [InlineData("Host: a@b\r\n")]
    [InlineData("Host: a/b\r\n")]
    [InlineData("Host: a?b\r\n")]
    [InlineData("Host: a#b\r\n")]
    [InlineData("Host: a\\b\r\n")]
    [InlineData("Host: a:b\r\n")]
    [InlineData("Host: a:1:2\r\n")]
    [InlineData("Host: a:65536\r\n")]
    [InlineData("Host: :80\r\n")]
    [InlineData("Host: ::1\r\n")]
    [InlineData("Host: [::1\r\n")]
    [InlineData("Host: [::1]x\r\n")]
    [InlineData("Host: []\r\n")]
    [InlineData("Host: [g::1]\r\n")]
    [InlineData("Host: a[::1]\r\n")]
    [InlineData("Host: \u00e9\r\n")]
    public void Host_MissingOrMalformed_IsRefused(string field)
    {
        var r = Http1Harness.Request($"GET / HTTP/1.1\r\n{field}\r\n");
        r.Error.StatusCode.ShouldBe(400);
        r.Error.Details.ShouldBeOneOf(InvalidAuthority, Http1ResponseCodeDetails.MissingHost);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("a.b.c:80")]
    [InlineData("a:")]
    [InlineData("1.2.3.4:65535")]
    [InlineData("[::1]")]
    [InlineData("[2001:db8::1]:8080")]
    [InlineData("under_score~x%41")]
    public void Host_WellFormed_IsAccepted(string host)
    {
        Http1Harness.Request($"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").Status.ShouldBe(DecodeStatus.Complete);
    }

    [Theory]
    [InlineData("GET /\r\n", CodecError)]
    [InlineData("GET  / HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET /  HTTP/1.1\r\n", CodecError)]
    [InlineData("GET\t/ HTTP/1.1\r\n", CodecError)]
    [InlineData("GET / HTTP/1.1 \r\n", CodecError)]
    [InlineData("GET / HTTP/1.1\n", CodecError)]
    [InlineData("GET / HTTP/1.1\r\r\n", CodecError)]
    [InlineData("GET / HTTP/1.2\r\n", CodecError)]
    [InlineData("GET / HTTP/2.0\r\n", CodecError)]
    [InlineData("GET / HTTP/0.9\r\n", CodecError)]
    [InlineData("GET / HTTP/01.1\r\n", CodecError)]
    [InlineData("GET / HTTP/1.10\r\n", CodecError)]
    [InlineData("GET / http/1.1\r\n", CodecError)]
    [InlineData("GET / HTTPS/1.1\r\n", CodecError)]
    [InlineData("GET / \r\n", CodecError)]
    [InlineData(" GET / HTTP/1.1\r\n", CodecError)]
    [InlineData("G\u00e4T / HTTP/1.1\r\n", CodecError)]
    [InlineData("G(T / HTTP/1.1\r\n", CodecError)]
    [InlineData("GET:/ HTTP/1.1\r\n", CodecError)]
    [InlineData("\u0016\u0003\u0001\u0002\0\u0001\n", CodecError)]
    [InlineData("GET a HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET a.com:80 HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET * HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("OPTIONS *x HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET /a#b HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET /\u00e9 HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET /\0 HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET /\u007f HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET /a\tb HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET http:// HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET http:///x HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET http://u@h/ HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET http://h:x/ HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET http:/h/ HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("GET http://h:1000000 HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("CONNECT / HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("CONNECT a HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("CONNECT a: HTTP/1.1\r\n", InvalidUrl)]
    [InlineData("CONNECT http://a:80 HTTP/1.1\r\n", InvalidUrl)]
    public void RequestLine_Malformed_IsRefused(string line, string details)
    {
        var r = Http1Harness.Request($"{line}Host: a\r\n\r\n");
        r.Status.ShouldBe(DecodeStatus.Error);
        (r.Error.StatusCode, r.Error.Details).ShouldBe((400, details));
    }

    [Theory]
    [InlineData("5 \r\nhello\r\n0\r\n\r\n")]
    [InlineData(" 5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("\t5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("+5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("-5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("0x5\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5_0\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5h\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5.\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5\nhello\r\n0\r\n\r\n")]
    [InlineData("5\rhello\r\n0\r\n\r\n")]
    [InlineData("5\r\r\nhello\r\n0\r\n\r\n")]
    [InlineData("\r\nhello\r\n0\r\n\r\n")]
    [InlineData(";a\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5\r\nhelloX\r\n0\r\n\r\n")]
    [InlineData("5\r\nhello\n0\r\n\r\n")]
    [InlineData("5\r\nhello0\r\n\r\n")]
    [InlineData("5\r\nhello\rX0\r\n\r\n")]
    [InlineData("1000000000000005\r\nhello\r\n0\r\n\r\n")]
    [InlineData("10000000000000005\r\nhello\r\n0\r\n\r\n")]
    [InlineData("0000000000000000005\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;\nx\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a\n\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a\rb\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;=b\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\"b\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\"b\"c\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=\"\\\r\"\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a b\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;a=b \r\nhello\r\n0\r\n\r\n")]
    [InlineData("5;\0\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5\r\nhello\r\n0\r\n\n")]
    [InlineData("5\r\nhello\r\n0\r\nA: b\n\r\n")]
    [InlineData("5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n")]
    [InlineData("5\r\nhello\r\n0\r\nA : b\r\n\r\n")]
    [InlineData("5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n")]
    public void Chunks_Malformed_AreRefused(string body)
    {
        var r = Http1Harness.Request($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}");
        r.Status.ShouldBe(DecodeStatus.Error);
        r.Error.StatusCode.ShouldBe(400);
    }

    [Theory]
    [InlineData("5;a\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5 ; a\r\nhello\r\n0\r\n\r\n")]
    [InlineData("5\t;a = b ; c=\"\\\"d\"\r\nhello\r\n0;z\r\n\r\n")]
    [InlineData("000005\r\nhello\r\n00\r\n\r\n")]
    public void Chunks_Unusual_AreReadInOneWay(string body)
    {
        var r = Http1Harness.Request($"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}NEXT");
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Body.ShouldBe("hello");
        r.Rest.ShouldBe("NEXT");
    }

    [Fact]
    public void ChunkedAndLength_Allowed_IsChunkedAndLast()
    {
        var r = Http1Harness.Request(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
            new() { Protocol = new() { AllowChunkedLength = true } });
        r.Body.ShouldBe("x");
        r.Headers.ShouldBe("Host: a|");
        r.Facts.ShouldStartWith("Chunked -1 keepalive=False");
    }

    [Fact]
    public void Get_WithLength_HasABody()
    {
        // 0.CL: a server that ignores the length of a GET would take the body for the next request.
        var r = Http1Harness.Request("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nGET /x");
        r.Body.ShouldBe("GET ");
        r.Rest.ShouldBe("/x");
    }
}
