using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http1;

namespace MeshProxy.Http.Tests.Codecs.Http1;

public sealed class Http1RequestDecoderTests
{
    private const string Host = "Host: example.com\r\n";

    [Fact]
    public void Get_Plain_IsRead()
    {
        var r = Http1Harness.Request("GET /a?b=c HTTP/1.1\r\nHost: example.com\r\nX-Thing:  two words \t\r\nAccept: */*\r\n\r\n");

        r.Status.ShouldBe(DecodeStatus.Complete);
        r.StartLine.ShouldBe("GET /a?b=c 11 ");
        r.Headers.ShouldBe("Host: example.com|X-Thing: two words|Accept: */*|");
        r.Facts.ShouldBe("None -1 keepalive=True expect=False upgrade=False");
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("POST")]
    [InlineData("PUT")]
    [InlineData("DELETE")]
    [InlineData("PATCH")]
    [InlineData("TRACE")]
    [InlineData("OPTIONS")]
    [InlineData("PROPFIND")]
    [InlineData("G")]
    [InlineData("M-SEARCH")]
    public void Method_Token_IsRead(string method)
    {
        Http1Harness.Request($"{method} / HTTP/1.1\r\n{Host}\r\n").StartLine.ShouldBe($"{method} / 11 ");
    }

    [Fact]
    public void Body_WithContentLength_EndsWhereItShould()
    {
        var r = Http1Harness.Request($"POST / HTTP/1.1\r\n{Host}Content-Length: 5\r\n\r\nhelloGET /next");

        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Body.ShouldBe("hello");
        r.Rest.ShouldBe("GET /next");
        r.Facts.ShouldStartWith("ContentLength 5 keepalive=True");
    }

    [Fact]
    public void Body_Chunked_IsUnwrapped()
    {
        var r = Http1Harness.Request($"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n00A;x=\"y\\\"z\";q\r\n0123456789\r\n0\r\n\r\nrest");

        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Body.ShouldBe("hello0123456789");
        r.Rest.ShouldBe("rest");
        r.Headers.ShouldBe("Host: example.com|");
        r.Facts.ShouldStartWith("Chunked -1");
    }

    [Fact]
    public void Trailers_Enabled_AreKeptButForForbiddenOnes()
    {
        var r = Http1Harness.Request(
            $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\nContent-Length: 3\r\nHost: evil\r\nAuthorization: no\r\nContent-MD5: x\r\nX-Forwarded-Fun: x\r\nGrpc-Status: 0\r\n\r\nrest",
            new() { Protocol = new() { EnableTrailers = true } });

        r.Trailers.ShouldBe("X-Sum: 1|Grpc-Status: 0|");
        r.Rest.ShouldBe("rest");
    }

    [Fact]
    public void Trailers_NotEnabled_AreCheckedAndDropped()
    {
        var message = $"POST / HTTP/1.1\r\n{Host}Transfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\nrest";
        var r = Http1Harness.Request(message);
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Trailers.ShouldBe("");

        Http1Harness.Request(message.Replace("X-Sum:", "X Sum:")).Error.ShouldBe(Http1Errors.SpaceBeforeColon);
    }

    [Fact]
    public void EmptyLines_BeforeRequest_AreSkippedUpToFour()
    {
        var request = $"GET / HTTP/1.1\r\n{Host}\r\n";
        Http1Harness.Request("\r\n\r\n\r\n\r\n" + request).Status.ShouldBe(DecodeStatus.Complete);
        Http1Harness.Request("\r\n\r\n\r\n\r\n\r\n" + request).Error.ShouldBe(Http1Errors.TooManyEmptyLines);
        Http1Harness.Request("\n" + request).Error.ShouldBe(Http1Errors.BadLineEnd);
    }

    [Fact]
    public void HopByHopHeaders_AreLeftOut()
    {
        var r = Http1Harness.Request(
            $"GET / HTTP/1.1\r\n{Host}Connection: keep-alive, X-Mine, te\r\nX-Mine: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip, trailers\r\nX-Mine: 2\r\nX-Kept: 3\r\n\r\n");

        r.Headers.ShouldBe("Host: example.com|TE: trailers|X-Kept: 3|");
    }

    [Theory]
    [InlineData("host")]
    [InlineData("content-length")]
    [InlineData("X-Forwarded-For")]
    [InlineData("x-envoy-internal")]
    [InlineData("bad name")]
    [InlineData("a,b,c,d,e,f,g,h,i,j,k")]
    public void Connection_NamesWhatItMayNot_IsRefused(string option)
    {
        Http1Harness.Request($"GET / HTTP/1.1\r\n{Host}Connection: {option}\r\n\r\n").Error.ShouldBe(Http1Errors.BadConnection);
    }

    [Theory]
    [InlineData("close", false)]
    [InlineData("Keep-Alive", true)]
    [InlineData("keep-alive, close", false)]
    public void Connection_Http11_Persists(string value, bool keepAlive)
    {
        Http1Harness.Request($"GET / HTTP/1.1\r\n{Host}Connection: {value}\r\n\r\n").Facts.ShouldContain($"keepalive={keepAlive}");
    }

    [Fact]
    public void AbsoluteForm_HostIsReplaced()
    {
        var r = Http1Harness.Request("GET HTTP://a.com:81/x?y HTTP/1.1\r\nAccept: 1\r\nHost: b.com\r\n\r\n");
        r.StartLine.ShouldBe("GET /x?y 11 http");
        r.Headers.ShouldBe("Accept: 1|Host: a.com:81|");

        Http1Harness.Request("GET https://a.com HTTP/1.1\r\nHost: a.com\r\n\r\n").StartLine.ShouldBe("GET / 11 https");
        Http1Harness.Request("GET http://a.com?q HTTP/1.1\r\nHost: a.com\r\n\r\n").StartLine.ShouldBe("GET /?q 11 http");
        Http1Harness.Request("OPTIONS http://a.com HTTP/1.1\r\nHost: a.com\r\n\r\n").StartLine.ShouldBe("OPTIONS * 11 http");
        Http1Harness.Request("GET http://a.com/ HTTP/1.1\r\nHost: a.com\r\n\r\n", new() { Protocol = new() { AllowAbsoluteUrl = false } }).Error.ShouldBe(Http1Errors.BadTarget);
        Http1Harness.Request("GET ftp://a.com/ HTTP/1.1\r\nHost: a.com\r\n\r\n").Error.ShouldBe(Http1Errors.BadScheme);
    }

    [Fact]
    public void Connect_AuthorityForm_IsATunnel()
    {
        var r = Http1Harness.Request("CONNECT a.com:443 HTTP/1.1\r\nHost: b.com\r\n\r\nbytes");
        r.StartLine.ShouldBe("CONNECT  11 ");
        r.Headers.ShouldBe("Host: a.com:443|");
        r.Facts.ShouldStartWith("Tunnel -1 keepalive=False");
        r.Body.ShouldBe("bytes");
        r.Status.ShouldBe(DecodeStatus.NeedMore);

        Http1Harness.Request("CONNECT a.com:443 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n").Error.ShouldBe(Http1Errors.BodyOnConnect);
        Http1Harness.Request("CONNECT a.com:443 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").Error.ShouldBe(Http1Errors.TransferEncodingOnConnect);
    }

    [Fact]
    public void Upgrade_WithConnectionOption_IsSeen()
    {
        var r = Http1Harness.Request($"GET / HTTP/1.1\r\n{Host}Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\r\n");
        r.Facts.ShouldContain("upgrade=True");
        r.Headers.ShouldBe("Host: example.com|Upgrade: websocket|");
    }

    [Theory]
    [InlineData("Upgrade: websocket\r\n")]
    [InlineData("Upgrade: h2c\r\nHTTP2-Settings: AAA\r\nConnection: Upgrade, HTTP2-Settings\r\n")]
    public void Upgrade_NotAsked_IsLeftOut(string fields)
    {
        var r = Http1Harness.Request($"GET / HTTP/1.1\r\n{Host}{fields}\r\n");
        r.Facts.ShouldContain("upgrade=False");
        r.Headers.ShouldBe("Host: example.com|");
    }

    [Theory]
    [InlineData("Upgrade: websocket\r\nUpgrade: h2c\r\n")]
    [InlineData("Upgrade: websocket\r\nUpgrade: websocket\r\n")]
    [InlineData("Upgrade: h2c\r\nUpgrade: websocket\r\n")]
    public void Upgrade_InSeveralLines_IsLeftOut(string fields)
    {
        var r = Http1Harness.Request($"GET / HTTP/1.1\r\n{Host}{fields}Connection: upgrade\r\n\r\n");
        r.Facts.ShouldContain("upgrade=False");
        r.Headers.ShouldBe("Host: example.com|");
    }

    [Fact]
    public void Upgrade_ListOfHundredsWithH2c_IsLeftOut()
    {
        var list = "h2c" + string.Concat(Enumerable.Range(0, 2000).Select(i => ", x/" + i));
        var r = Http1Harness.RequestOnce([System.Text.Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\n{Host}Upgrade: {list}\r\nConnection: upgrade\r\n\r\n")], new());
        r.Status.ShouldBe(DecodeStatus.Complete);
        r.Headers.ShouldBe("Host: example.com|");
    }

    [Theory]
    [InlineData("GET http://{0}/ HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: {0}\r\n\r\n")]
    [InlineData("CONNECT {0}:80 HTTP/1.1\r\nHost: a\r\n\r\n")]
    public void Host_ThatFillsTheHead_IsRefused(string request)
    {
        var bytes = System.Text.Encoding.ASCII.GetBytes(string.Format(System.Globalization.CultureInfo.InvariantCulture, request, new string('a', 40_000)));
        Http1Harness.RequestOnce([bytes], new()).Error.StatusCode.ShouldBe(400);
    }

    [Fact]
    public void Upgrade_H2cAmongOthers_IsTakenOut()
    {
        var r = Http1Harness.Request($"GET / HTTP/1.1\r\n{Host}Upgrade: h2c, websocket, x/1\r\nConnection: upgrade\r\n\r\n");
        r.Headers.ShouldBe("Host: example.com|Upgrade: websocket,x/1|");
    }

    [Fact]
    public void Expect_Continue_IsSeen_OthersFail()
    {
        Http1Harness.Request($"POST / HTTP/1.1\r\n{Host}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n").Facts.ShouldContain("expect=True");
        Http1Harness.Request($"POST / HTTP/1.1\r\n{Host}Expect: wonders\r\n\r\n").Error.StatusCode.ShouldBe(417);
    }

    [Fact]
    public void Http10_IsRefusedOrServed()
    {
        Http1Harness.Request("GET / HTTP/1.0\r\n\r\n").Error.ShouldBe(Http1Errors.OldVersion);
        var accept = new Http1CodecOptions { Protocol = new() { AcceptHttp10 = true } };
        Http1Harness.Request("GET / HTTP/1.0\r\n\r\n", accept).Error.ShouldBe(Http1Errors.MissingHost);
        var r = Http1Harness.Request("GET / HTTP/1.0\r\n\r\n", accept with { Protocol = accept.Protocol with { DefaultHostForHttp10 = "old.example" } });
        r.Headers.ShouldBe("Host: old.example|".Replace("Host", "host"));
        r.Facts.ShouldContain("keepalive=False");
        Http1Harness.Request("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", accept).Facts.ShouldContain("keepalive=True");
        Http1Harness.Request("GET / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", accept).Error.ShouldBe(Http1Errors.TransferEncodingInHttp10);
    }

    [Fact]
    public void Expect_InHttp10_IsLeftOut()
    {
        var r = Http1Harness.Request("POST / HTTP/1.0\r\nHost: a\r\nExpect: wonders\r\nExpect: 100-continue\r\n\r\n", new() { Protocol = new() { AcceptHttp10 = true } });
        r.Headers.ShouldBe("Host: a|");
        r.Facts.ShouldContain("expect=False");
    }

    [Theory]
    [InlineData(HeadersWithUnderscoresAction.Allow, "Host: a|X_Y: 1|X-Z: 2|")]
    [InlineData(HeadersWithUnderscoresAction.DropHeader, "Host: a|X-Z: 2|")]
    public void Underscores_ByPolicy_PassOrAreDropped(HeadersWithUnderscoresAction action, string expected)
    {
        Http1Harness.Request("GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\nX-Z: 2\r\n\r\n", new() { HeadersWithUnderscoresAction = action }).Headers.ShouldBe(expected);
    }

    [Fact]
    public void Underscores_Reject_IsRefused()
    {
        Http1Harness.Request("GET / HTTP/1.1\r\nHost: a\r\nX_Y: 1\r\n\r\n", new() { HeadersWithUnderscoresAction = HeadersWithUnderscoresAction.RejectRequest })
            .Error.ShouldBe(Http1Errors.Underscore);
    }
}
