using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Tests.Codecs.Http2.Hpack;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>What RFC 9113 section 8 calls malformed: the connection ends, or only the stream where the options say so.</summary>
public sealed class Http2MalformedMessageTests
{
    private static readonly Http2CodecOptions s_streamErrors = new() { StreamErrorOnInvalidHttpMessage = true };

    // 8.1: framing of messages

    [Fact]
    public void Section8_1_TrailersWithoutEndStream_AreMalformed() => MalformedRequest([.. Head(1, Post, endStream: false), .. Head(1, [("x", "y")], endStream: false)]);

    [Fact]
    public void Section8_1_DataBeforeTheResponsesHead_IsMalformed()
    {
        MalformedResponse(Data(1, "x"));
        MalformedResponse([.. Head(1, [(":status", "100")], endStream: false), .. Data(1, "x")]);
    }

    [Fact]
    public void Section8_1_InformationalThatEndsTheStream_IsMalformed() => MalformedResponse(Head(1, [(":status", "103")]));

    [Fact]
    public void Section8_1_1_ContentLengthWithoutBody_IsMalformed()
    {
        MalformedRequest(Head(1, [.. Post, ("content-length", "5")]));
        MalformedResponse(Head(1, [.. Ok, ("content-length", "5")]));
    }

    [Theory]
    [InlineData("4")]
    [InlineData("6")]
    public void Section8_1_1_ContentLengthOtherThanTheBodys_IsMalformed(string length)
    {
        MalformedRequest([.. Head(1, [.. Post, ("content-length", length)], endStream: false), .. Data(1, "hello", endStream: true)]);
        MalformedResponse([.. Head(1, [.. Ok, ("content-length", length)], endStream: false), .. Data(1, "hello", endStream: true)]);
        MalformedRequest([.. Head(1, [.. Post, ("content-length", length)], endStream: false), .. Data(1, "hello"), .. Head(1, [("x", "y")])]);
    }

    [Fact]
    public void Section8_1_1_MoreDataThanContentLength_IsMalformedAtOnce() =>
        MalformedRequest([.. Head(1, [.. Post, ("content-length", "3")], endStream: false), .. Data(1, "hello")]);

    [Theory]
    [InlineData("")]
    [InlineData("5x")]
    [InlineData("+5")]
    [InlineData("-1")]
    [InlineData("5, 5")]
    [InlineData("9999999999999999999")]
    public void Section8_1_1_ContentLengthThatIsNoNumber_IsMalformed(string length)
    {
        MalformedRequest(Head(1, [.. Post, ("content-length", length)], endStream: false));
        MalformedResponse(Head(1, [.. Ok, ("content-length", length)], endStream: false));
    }

    [Fact]
    public void Section8_1_1_TwoContentLengths_AreMalformed() => MalformedRequest(Head(1, [.. Post, ("content-length", "5"), ("content-length", "6")], endStream: false));

    [Fact]
    public void Section8_1_1_TheSameContentLengthTwice_IsKeptOnce() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Post, ("content-length", "5"), ("content-length", "5")], endStream: false), Data(1, "hello", endStream: true)).ShouldBeTrue();
        h.Head(1).Count.ShouldBe(2);
    });

    [Theory]
    [InlineData("HEAD", "200")]
    [InlineData("GET", "204")]
    [InlineData("GET", "304")]
    public void Section8_1_1_BodyWhereThereIsNone_IsMalformed(string method, string status) => Http2Harness.Client(h =>
    {
        h.Request(with: r => r.SetMethod(method));
        h.Receive(Head(1, [(":status", status)], endStream: false), Data(1, "x", endStream: true));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    // 8.2.1: names and values

    [Theory]
    [InlineData("X-Upper")]
    [InlineData("Content-Length")]
    [InlineData("Host")]
    [InlineData("x upper")]
    [InlineData("x:y")]
    [InlineData("x\r\ny")]
    [InlineData("x\0")]
    [InlineData("x\u007f")]
    [InlineData("x\u00e9")]
    [InlineData("x(y)")]
    [InlineData("")]
    public void Section8_2_1_NameThatIsNotLowerCaseToken_IsMalformed(string name)
    {
        MalformedRequest(Head(1, [.. Get, (name, "1")]), Http2ResponseCodeDetails.InvalidHeader);
        MalformedResponse(Head(1, [.. Ok, (name, "1")]));
        MalformedRequest([.. Head(1, Post, endStream: false), .. Head(1, [(name, "1")])]);
    }

    [Theory]
    [InlineData("a\rb")]
    [InlineData("a\nb")]
    [InlineData("a\r\nTransfer-Encoding: chunked")]
    [InlineData("a\0b")]
    [InlineData("a\u0001b")]
    [InlineData("a\u007f")]
    [InlineData(" a")]
    [InlineData("a ")]
    [InlineData("\ta")]
    [InlineData("a\t")]
    [InlineData(" ")]
    public void Section8_2_1_ValueWithForbiddenBytes_IsMalformed(string value)
    {
        MalformedRequest(Head(1, [.. Get, ("x-a", value)]), Http2ResponseCodeDetails.InvalidHeader);
        MalformedRequest(Head(1, [.. Get, ("cookie", value)]));
        MalformedResponse(Head(1, [.. Ok, ("x-a", value)]));
        MalformedRequest([.. Head(1, Post, endStream: false), .. Head(1, [("x-a", value)])]);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a b\tc")]
    [InlineData("\u00e9\u00ff")]
    public void Section8_2_1_OtherValues_AreInOrder(string value) => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, ("x-a", value)])).ShouldBeTrue();
        h.Head(1).Get("x-a").ToArray().ShouldBe(System.Text.Encoding.Latin1.GetBytes(value));
    });

    // 8.2.2: fields of HTTP/1 connections

    [Theory]
    [InlineData("connection", "close")]
    [InlineData("keep-alive", "1")]
    [InlineData("proxy-connection", "x")]
    [InlineData("transfer-encoding", "chunked")]
    [InlineData("upgrade", "h2c")]
    [InlineData("te", "gzip")]
    [InlineData("te", "trailers, deflate")]
    public void Section8_2_2_ConnectionSpecificField_IsMalformed(string name, string value)
    {
        MalformedRequest(Head(1, [.. Get, (name, value)]));
        MalformedResponse(Head(1, [.. Ok, (name, value)]));
        MalformedRequest([.. Head(1, Post, endStream: false), .. Head(1, [(name, value)])]);
    }

    // 8.3: pseudo-headers

    [Fact]
    public void Section8_3_PseudoHeaderBehindAHeader_IsMalformed()
    {
        MalformedRequest(Head(1, [(":method", "GET"), (":scheme", "http"), ("x", "y"), (":path", "/"), (":authority", "a")]));
        MalformedResponse(Head(1, [("x", "y"), (":status", "200")]));
    }

    [Theory]
    [InlineData(":method", "GET")]
    [InlineData(":scheme", "http")]
    [InlineData(":path", "/")]
    [InlineData(":authority", "a.example")]
    public void Section8_3_1_PseudoHeaderTwice_IsMalformed(string name, string value) => MalformedRequest(Head(1, [.. Get, (name, value)]));

    [Fact]
    public void Section8_3_2_StatusTwice_IsMalformed() => MalformedResponse(Head(1, [.. Ok, .. Ok]));

    [Theory]
    [InlineData(":unknown")]
    [InlineData(":")]
    [InlineData(":Method")]
    [InlineData(":status")]
    public void Section8_3_UnknownPseudoHeader_IsMalformed(string name) => MalformedRequest(Head(1, [.. Get, (name, "200")]));

    [Theory]
    [InlineData(":method", "GET")]
    [InlineData(":path", "/")]
    [InlineData(":protocol", "websocket")]
    [InlineData(":unknown", "x")]
    public void Section8_3_RequestsPseudoHeaderInAResponse_IsMalformed(string name, string value) => MalformedResponse(Head(1, [.. Ok, (name, value)]));

    [Theory]
    [InlineData(":status", "200")]
    [InlineData(":path", "/")]
    [InlineData(":unknown", "/")]
    public void Section8_3_PseudoHeaderInTrailers_IsMalformed(string name, string value)
    {
        MalformedRequest([.. Head(1, Post, endStream: false), .. Head(1, [(name, value)])]);
        MalformedResponse([.. Head(1, Ok, endStream: false), .. Head(1, [(name, value)])]);
    }

    [Theory]
    [InlineData(":method")]
    [InlineData(":scheme")]
    [InlineData(":path")]
    public void Section8_3_1_PseudoHeaderMissing_IsMalformed(string name) => MalformedRequest(Head(1, [.. Get.Where(f => f.Name != name)]));

    [Theory]
    [InlineData(":method", "")]
    [InlineData(":method", "GE T")]
    [InlineData(":path", "")]
    [InlineData(":path", "x")]
    [InlineData(":path", "http://a/")]
    [InlineData(":path", "/a b")]
    [InlineData(":path", "/a#b")]
    [InlineData(":path", "/\u00e9")]
    [InlineData(":path", "*")]
    [InlineData(":scheme", "")]
    [InlineData(":scheme", "ht tp")]
    [InlineData(":scheme", "1x")]
    [InlineData(":scheme", "http\r\nx: y")]
    [InlineData(":authority", "")]
    [InlineData(":authority", "u@a")]
    [InlineData(":authority", "a b")]
    [InlineData(":authority", "a/b")]
    [InlineData(":authority", "a:99999")]
    public void Section8_3_1_PseudoHeaderMalformed_IsMalformed(string name, string value) =>
        MalformedRequest(Head(1, [.. Get.Select(f => f.Name == name ? (name, value) : f)]));

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("u@a")]
    public void Section8_3_1_HostMalformed_IsMalformed(string host)
    {
        MalformedRequest(Head(1, [.. Get, ("host", host)]));
        MalformedRequest(Head(1, [.. Get.Where(f => f.Name != ":authority"), ("host", host)]));
    }

    [Fact]
    public void Section8_3_1_HostTwice_IsMalformed()
    {
        MalformedRequest(Head(1, [.. Get, ("host", "a"), ("host", "a")]));
        MalformedRequest(Head(1, [.. Get.Where(f => f.Name != ":authority"), ("host", "a"), ("host", "b")]));
    }

    [Theory]
    [InlineData("")]
    [InlineData("20")]
    [InlineData("2000")]
    [InlineData("2x0")]
    [InlineData("+20")]
    [InlineData("099")]
    public void Section8_3_2_StatusThatIsNotThreeDigits_IsMalformed(string status) => MalformedResponse(Head(1, [(":status", status)]));

    [Fact]
    public void Section8_3_2_NoStatus_IsMalformed() => MalformedResponse(Head(1, [("x", "y")]));

    // 8.5, 8.6 and RFC 8441

    [Fact]
    public void Section8_5_ConnectWithSchemeOrPath_IsMalformed()
    {
        MalformedRequest(Head(1, [(":method", "CONNECT"), (":authority", "a:443"), (":scheme", "https")]));
        MalformedRequest(Head(1, [(":method", "CONNECT"), (":authority", "a:443"), (":path", "/")]));
    }

    [Fact]
    public void Section8_5_ConnectWithoutHostAndPort_IsMalformed()
    {
        MalformedRequest(Head(1, [(":method", "CONNECT")]));
        MalformedRequest(Head(1, [(":method", "CONNECT"), ("host", "a:443")]));
        MalformedRequest(Head(1, [(":method", "CONNECT"), (":authority", "a")]));
    }

    [Fact]
    public void Section8_5_ConnectWithContentLength_IsMalformed() =>
        MalformedRequest(Head(1, [(":method", "CONNECT"), (":authority", "a:443"), ("content-length", "5")], endStream: false));

    [Fact]
    public void Section8_5_ConnectWithAContentLengthOfZero_CarriesATunnelAllTheSame() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [(":method", "CONNECT"), (":authority", "a:443"), ("content-length", "0")], endStream: false), Data(1, "hello")).ShouldBeTrue();
        h.Bodies[1].ShouldBe("hello");
        h.ShouldBeWell();
    });

    [Fact]
    public void Section8_5_ConnectThatIsSent_HasNoContentLength() => Http2Harness.Client(h =>
    {
        h.Request(endStream: false, KnownMethod.Connect, r => r.Set(HeaderNames.ContentLength, "0"));
        h.Flush().ShouldHaveSingleItem().ToString().ShouldNotContain("content-length");
        h.Request(endStream: true, KnownMethod.Get, r => r.Set(HeaderNames.ContentLength, "0"));
        h.Flush().ShouldHaveSingleItem().ToString().ShouldContain("content-length");
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Section8_5_HeadersOnATunnel_ResetTheStream(bool endStream)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, [(":method", "CONNECT"), (":authority", "a:443")], endStream: false), Data(1, "x"), Head(1, [("x", "y")], endStream)).ShouldBeTrue();
            h.ShouldReset(1, Http2ErrorCode.ProtocolError);
        });
        Http2Harness.Client(h =>
        {
            h.Request(endStream: false, KnownMethod.Connect);
            h.Receive(Head(1, Ok, endStream: false), Head(1, [("x", "y")], endStream)).ShouldBeTrue();
            h.ShouldReset(1, Http2ErrorCode.ProtocolError);
        });
    }

    [Fact]
    public void Section8_5_TrailersOfATunnelThatWasDeclined_AreInOrder() => Http2Harness.Client(h =>
    {
        h.Request(endStream: false, KnownMethod.Connect);
        h.Receive(Head(1, [(":status", "403")], endStream: false), Data(1, "no"), Head(1, [("x", "y")])).ShouldBeTrue();
        h.Log[^1].ShouldBe("trailers 1 x=y");
        h.ShouldBeWell();
    });

    [Fact]
    public void Section8_6_SwitchingProtocols_IsMalformed() => MalformedResponse(Head(1, [(":status", "101")], endStream: false));

    [Fact]
    public void Rfc8441Section4_ProtocolThatWasNotOffered_IsMalformed() =>
        MalformedRequest(Head(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "a")], endStream: false));

    [Theory]
    [InlineData(":scheme")]
    [InlineData(":path")]
    [InlineData(":authority")]
    public void Rfc8441Section4_ExtendedConnectWithout_IsMalformed(string missing)
    {
        (string Name, string Value)[] fields = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "a")];
        MalformedRequest(Head(1, [.. fields.Where(f => f.Name != missing)], endStream: false), options: new() { Protocol = new() { AllowConnect = true } });
    }

    [Fact]
    public void Rfc8441Section4_ProtocolWithAnotherMethod_IsMalformed() =>
        MalformedRequest(Head(1, [.. Get, (":protocol", "websocket")]), options: new() { Protocol = new() { AllowConnect = true } });

    // The options

    [Fact]
    public void Malformed_EarlierStreams_GoOnWhereOnlyTheStreamEnds() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, Get), Head(3, [.. Get, ("X", "y")]), Head(5, Get)).ShouldBeTrue();
            h.Respond(h.Stream(1));
            h.Respond(h.Stream(5));
            h.Flush().Count(f => f.Type == Http2FrameType.Headers).ShouldBe(2);
            h.Counter("rx_messaging_error").ShouldBe(1);
        },
        s_streamErrors);

    [Fact]
    public void Underscores_Reject_ResetsTheStream() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, [.. Get, ("x_y", "1")])).ShouldBeTrue();
            h.ShouldReset(1, Http2ErrorCode.ProtocolError);
            h.Log.ShouldBe(["reset 1 ProtocolError us http2.unexpected_underscore"]);
            h.Counter("requests_rejected_with_underscores_in_headers").ShouldBe(1);
        },
        new() { HeadersWithUnderscoresAction = HeadersWithUnderscoresAction.RejectRequest });

    [Fact]
    public void Underscores_Drop_DropsTheHeader() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, [.. Get, ("x_y", "1"), ("x-z", "2")])).ShouldBeTrue();
            h.Log.ShouldBe(["headers 1 GET http a.example / x-z=2 end"]);
            h.Counter("dropped_headers_with_underscores").ShouldBe(1);
        },
        new() { HeadersWithUnderscoresAction = HeadersWithUnderscoresAction.DropHeader });

    [Fact]
    public void Underscores_InAResponse_ArePassedOn() => Http2Harness.Client(
        h =>
        {
            h.Request();
            h.Receive(Head(1, [.. Ok, ("x_y", "1")])).ShouldBeTrue();
            h.Log.ShouldBe(["headers 1 200 x_y=1 end"]);
        },
        new() { HeadersWithUnderscoresAction = HeadersWithUnderscoresAction.RejectRequest });

    [Fact]
    public void NeverIndexed_Field_LeavesAsItCame() => Http2Harness.Server(h =>
    {
        byte[] secret = [0x10, 3, (byte)'x', (byte)'-', (byte)'s', 1, (byte)'1'];
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Get), .. secret])).ShouldBeTrue();
        foreach (ref readonly var slot in h.Head(1).Slots)
        {
            ((slot.Flags & HeaderSlotFlags.NeverIndexed) != 0).ShouldBe(slot.Id == HeaderId.None);
        }
    });

    // RFC 7541 section 6.2.3, all the way through the header map, also where a filter has changed what came
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NeverIndexed_PartsOfARequest_LeaveAsTheyCame(bool changed) => Http2Harness.Server(
        h =>
        {
            byte[] block =
            [
                .. Secret(":method", "CONNECT"), .. Secret(":scheme", "https"), .. Secret(":authority", "token.example"), .. Secret(":path", "/token"),
                .. Secret(":protocol", "websocket"), .. Secret("x-s", "1"), .. Secret("x-forwarded-for", "1"), .. Block(("x-plain", "1")),
            ];
            h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, block)).ShouldBeTrue();
            var request = (RequestHeaders)h.Head(1);
            if (changed)
            {
                request.SetPath("/token?more");
                request.SetAuthority("token.example:443");
                request.Set(HeaderName.Parse("x-s"), "2");
                request.AppendValue(HeaderNames.XForwardedFor, "2"u8);
                request.Set(HeaderName.Parse("x-plain"), "2");
            }

            var copy = new RequestHeaders(h.Pool);
            copy.CopyFrom(request);
            var output = new IoBuffer(h.Pool);
            Http2HeadWriter.Write(output, new HpackEncoder(), 1, copy, endStream: false, 1024, out _);
            var hpack = new HpackHarness();
            hpack.Decode(output.FirstSpan[Http2FrameHeader.Bytes..]).ShouldBe(HpackError.None);
            copy.Clear();
            output.Clear();

            hpack.Headers.Count.ShouldBe(8);
            hpack.Headers.ShouldAllBe(header => header.NeverIndexed == (header.Name != "x-plain"));
            hpack.Table.Length.ShouldBe(1);
        },
        new() { Protocol = new() { AllowConnect = true } });

    // It is written anew, without what HTTP/1 may have put beside it.
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void NeverIndexed_Te_LeavesAsItCame(bool secret) => Http2Harness.Server(h =>
    {
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Get), .. secret ? Secret("te", "trailers") : Block(("te", "trailers"))])).ShouldBeTrue();
        var output = new IoBuffer(h.Pool);
        Http2HeadWriter.Write(output, new HpackEncoder(), 1, h.Head(1), endStream: true, 1024, out _);
        var hpack = new HpackHarness();
        hpack.Decode(output.FirstSpan[Http2FrameHeader.Bytes..]).ShouldBe(HpackError.None);
        output.Clear();

        hpack.Headers[^1].ShouldBe(new HpackHeader("te", "trailers", secret));
    });

    [Theory]
    [InlineData("200", 200)]
    [InlineData("299", 299)]
    [InlineData("200", 404)]
    public void NeverIndexed_StatusOfAResponse_LeavesAsItCame(string came, int left) => Http2Harness.Client(h =>
    {
        h.Request();
        h.Request();
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Secret(":status", came), .. Block(("x-plain", "1"))])).ShouldBeTrue();
        h.Receive(Head(3, [(":status", came)])).ShouldBeTrue();
        foreach (var (id, secret) in (ReadOnlySpan<(uint, bool)>)[(1, true), (3, false)])
        {
            var response = (ResponseHeaders)h.Head(id);
            response.Status = left;
            var copy = new ResponseHeaders(h.Pool);
            copy.CopyFrom(response);
            var output = new IoBuffer(h.Pool);
            Http2HeadWriter.Write(output, new HpackEncoder(), 1, copy, endStream: true, 1024, out _);
            var hpack = new HpackHarness();
            hpack.Decode(output.FirstSpan[Http2FrameHeader.Bytes..]).ShouldBe(HpackError.None);
            output.Clear();
            copy.Clear();
            copy.StatusNeverIndexed.ShouldBeFalse("a map that is used again has forgotten it");

            hpack.Headers[0].ShouldBe(new HpackHeader(":status", $"{left}", secret));
            hpack.Headers.Skip(1).ShouldAllBe(header => !header.NeverIndexed);
        }
    });

    private static byte[] Secret(string name, string value) =>
        [0x10, (byte)name.Length, .. HpackHarness.Bytes(name), (byte)value.Length, .. HpackHarness.Bytes(value)];

    private static void MalformedRequest(byte[] bytes, string? details = null, Http2CodecOptions? options = null)
    {
        options ??= new();
        Http2Harness.Server(
            h =>
            {
                h.Receive(bytes);
                h.ShouldFail(Http2ErrorCode.ProtocolError);
                h.Counter("rx_messaging_error").ShouldBe(1);
                h.Codec.Error.Details.ShouldBe(details ?? h.Codec.Error.Details);
            },
            options);
        Http2Harness.Server(
            h =>
            {
                h.Receive(bytes).ShouldBeTrue();
                h.ShouldReset(1, Http2ErrorCode.ProtocolError);
                h.Log[^1].ShouldStartWith("reset 1 ProtocolError us http2.");
            },
            options with { StreamErrorOnInvalidHttpMessage = true });
    }

    private static void MalformedResponse(byte[] bytes)
    {
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(bytes);
            h.ShouldFail(Http2ErrorCode.ProtocolError);
        });
        Http2Harness.Client(
            h =>
            {
                h.Request();
                h.Receive(bytes).ShouldBeTrue();
                h.ShouldReset(1, Http2ErrorCode.ProtocolError);
                h.Log[^1].ShouldStartWith("reset 1 ProtocolError us http2.");
            },
            s_streamErrors);
    }
}
