using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>What a server does wrong: the errors that other tests show for our server hold for our client as well, and some are its own.</summary>
public sealed class Http2ClientErrorTests
{
    private const int Window = 65_535;

    private static readonly Http2CodecOptions s_small = new() { Protocol = new() { InitialStreamWindowSize = Window, InitialConnectionWindowSize = 2 * Window } };

    public static TheoryData<string, byte[], object> Frames => new()
    {
        { "6.1 DATA on stream 0", Data(0, "x"), Http2ErrorCode.ProtocolError },
        { "6.1 more padding than payload", Frame(Http2FrameType.Data, Http2Flags.Padded, 1, 1), Http2ErrorCode.ProtocolError },
        { "6.1 no room for padding", Frame(Http2FrameType.Data, Http2Flags.Padded, 1), Http2ErrorCode.FrameSizeError },
        { "6.2 HEADERS on stream 0", Head(0, Ok), Http2ErrorCode.ProtocolError },
        { "6.2 more padding than block", Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Padded, 1, 3, 0, 0), Http2ErrorCode.ProtocolError },
        { "6.2 no room for padding", Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Padded, 1), Http2ErrorCode.FrameSizeError },
        { "6.2 no room for priority", Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Priority, 1, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError },
        { "6.3 PRIORITY on stream 0", Priority(0), Http2ErrorCode.ProtocolError },
        { "6.4 RST_STREAM on stream 0", RstStream(0), Http2ErrorCode.ProtocolError },
        { "6.4 RST_STREAM of 3 bytes", Frame(Http2FrameType.RstStream, 0, 1, 0, 0, 0), Http2ErrorCode.FrameSizeError },
        { "6.4 RST_STREAM of 5 bytes", Frame(Http2FrameType.RstStream, 0, 1, 0, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError },
        { "6.5 SETTINGS on a stream", Frame(Http2FrameType.Settings, 0, 1), Http2ErrorCode.ProtocolError },
        { "6.5 SETTINGS of 7 bytes", Frame(Http2FrameType.Settings, 0, 0, 0, 1, 0, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError },
        { "6.5 acknowledgement with payload", Frame(Http2FrameType.Settings, Http2Flags.Ack, 0, 0, 1, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError },
        { "6.5.2 ENABLE_PUSH 1", Settings((2, 1)), Http2ErrorCode.ProtocolError },
        { "6.5.2 ENABLE_PUSH 2", Settings((2, 2)), Http2ErrorCode.ProtocolError },
        { "6.5.2 INITIAL_WINDOW_SIZE 2^31", Settings((4, 0x80000000)), Http2ErrorCode.FlowControlError },
        { "6.5.2 MAX_FRAME_SIZE 16383", Settings((5, 16383)), Http2ErrorCode.ProtocolError },
        { "6.5.2 MAX_FRAME_SIZE 2^24", Settings((5, 16777216)), Http2ErrorCode.ProtocolError },
        { "6.5.3 acknowledgement that was not asked for", SettingsAck(), Http2ErrorCode.ProtocolError },
        { "6.7 PING on a stream", Frame(Http2FrameType.Ping, 0, 1, new byte[8]), Http2ErrorCode.ProtocolError },
        { "6.7 PING of 7 bytes", Frame(Http2FrameType.Ping, 0, 0, new byte[7]), Http2ErrorCode.FrameSizeError },
        { "6.7 answer of 9 bytes", Frame(Http2FrameType.Ping, Http2Flags.Ack, 0, new byte[9]), Http2ErrorCode.FrameSizeError },
        { "6.8 GOAWAY on a stream", Frame(Http2FrameType.GoAway, 0, 1, new byte[8]), Http2ErrorCode.ProtocolError },
        { "6.8 GOAWAY of 7 bytes", Frame(Http2FrameType.GoAway, 0, 0, new byte[7]), Http2ErrorCode.FrameSizeError },
        { "6.9 WINDOW_UPDATE of 3 bytes", Frame(Http2FrameType.WindowUpdate, 0, 1, 0, 0, 1), Http2ErrorCode.FrameSizeError },
        { "6.9 WINDOW_UPDATE of 5 bytes", Frame(Http2FrameType.WindowUpdate, 0, 0, 0, 0, 0, 1, 0), Http2ErrorCode.FrameSizeError },
        { "6.9 increment 0", WindowUpdate(0, 0), Http2ErrorCode.ProtocolError },
        { "6.9.1 connection's window above 2^31-1", WindowUpdate(0, 0x7FFFFFFF), Http2ErrorCode.FlowControlError },
        { "6.9.2 stream's window above 2^31-1", Join(WindowUpdate(1, 0x7FFF0000), Settings((4, 0x7FFFFFFF))), Http2ErrorCode.FlowControlError },
        { "6.10 CONTINUATION behind a whole head", Join(Head(1, Ok), Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1)), Http2ErrorCode.ProtocolError },
        { "6.10 CONTINUATION on stream 0", Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 0), Http2ErrorCode.ProtocolError },
        { "RFC 8441 3 ENABLE_CONNECT_PROTOCOL 2", Settings((8, 2)), Http2ErrorCode.ProtocolError },
        { "RFC 8441 3 ENABLE_CONNECT_PROTOCOL 1, then 0", Join(Settings((8, 1)), Settings((8, 0))), Http2ErrorCode.ProtocolError },
    };

    [Theory]
    [MemberData(nameof(Frames))]
    public void Frame_InError_EndsTheClientsConnection(string what, byte[] frames, object code) => Http2Harness.Client(h =>
    {
        h.Request(endStream: false);
        h.Receive(frames);
        h.Codec.Error.Code.ShouldBe((Http2ErrorCode)code, what);
        h.ShouldFail((Http2ErrorCode)code);
    });

    [Theory]
    [InlineData("6.3 PRIORITY of 4 bytes", Http2ErrorCode.FrameSizeError)]
    [InlineData("6.9 increment 0", Http2ErrorCode.ProtocolError)]
    [InlineData("6.9.1 window above 2^31-1", Http2ErrorCode.FlowControlError)]
    public void Frame_InError_EndsTheClientsStreamOnly(string what, object code) => Http2Harness.Client(h =>
    {
        h.Request();
        h.Request();
        h.Receive(what[..5] switch
        {
            "6.3 P" => Frame(Http2FrameType.Priority, 0, 1, 0, 0, 0, 0),
            "6.9 i" => WindowUpdate(1, 0),
            _ => WindowUpdate(1, 0x7FFFFFFF),
        }).ShouldBeTrue();
        h.ShouldReset(1, (Http2ErrorCode)code);
        h.Receive(Head(3, Ok)).ShouldBeTrue();
        h.Log[^1].ShouldBe("headers 3 200 end");
    });

    [Fact]
    public void Section6_9_1_MoreThanTheStreamsWindow_IsAStreamError() => Http2Harness.Client(
        h =>
        {
            h.Consumes = false;
            h.Request();
            h.Receive(Head(1, Ok, endStream: false), Repeat(4, _ => Data(1, 16_000)), Data(1, 1536)).ShouldBeTrue();
            h.ShouldReset(1, Http2ErrorCode.FlowControlError);
        },
        s_small);

    [Fact]
    public void Section6_9_1_MoreThanTheConnectionsWindow_IsAFlowControlError() => Http2Harness.Client(
        h =>
        {
            h.Consumes = false;
            h.Receive(Repeat(3, i =>
            {
                var id = h.Request().Id;
                return [.. Head(id, Ok, endStream: false), .. Repeat(4, _ => Data(id, 11_000))];
            }));
            h.ShouldFail(Http2ErrorCode.FlowControlError);
        },
        s_small);

    [Fact]
    public void Section6_9_2_LowerInitialWindow_MakesWindowsNegative() => Http2Harness.Client(h =>
    {
        var stream = h.Request(endStream: false);
        h.SendData(stream, 60_000);
        h.Flush();
        h.Receive(Settings((4, 0))).ShouldBeTrue();
        stream.SendWindow.ShouldBe(-60_000);
        h.SendData(stream, 1);
        h.Receive(WindowUpdate(1, 60_000)).ShouldBeTrue();
        h.Flush().ShouldNotContain(f => f.Type == Http2FrameType.Data);
        h.Receive(WindowUpdate(1, 1)).ShouldBeTrue();
        h.Flush().ShouldHaveSingleItem().Payload.Length.ShouldBe(1);
    });

    // 8.1: a second head that is no trailer section
    [Fact]
    public void Section8_1_TrailersWithoutEndStream_AreMalformed() => Malformed([.. Head(1, Ok, endStream: false), .. Head(1, [("x", "y")], endStream: false)]);

    [Fact]
    public void Section8_1_1_BodyShorterThanContentLength_BeforeTrailers_IsMalformed() =>
        Malformed([.. Head(1, [.. Ok, ("content-length", "6")], endStream: false), .. Data(1, "hello"), .. Head(1, [("x", "y")])]);

    [Fact]
    public void Section8_1_1_MoreDataThanContentLength_IsMalformedAtOnce() => Malformed([.. Head(1, [.. Ok, ("content-length", "3")], endStream: false), .. Data(1, "hello")]);

    [Fact]
    public void Section8_1_1_TwoContentLengths_AreMalformed() => Malformed(Head(1, [.. Ok, ("content-length", "5"), ("content-length", "6")], endStream: false));

    [Theory]
    [InlineData("X", "y")]
    [InlineData("x y", "z")]
    [InlineData("", "z")]
    [InlineData("x", "a\r\nb")]
    [InlineData("x", "a\0")]
    [InlineData("x", " a")]
    [InlineData("connection", "close")]
    [InlineData("transfer-encoding", "chunked")]
    public void Section8_2_FieldOfTrailers_IsMalformed(string name, string value) => Malformed([.. Head(1, Ok, endStream: false), .. Head(1, [(name, value)])]);

    [Theory]
    [InlineData("Link", "x")]
    [InlineData("link", "a\nb")]
    [InlineData("upgrade", "h2c")]
    [InlineData(":path", "/")]
    public void Section8_2_FieldOfAnInformationalResponse_IsMalformed(string name, string value) =>
        Malformed(Head(1, [(":status", "103"), (name, value)], endStream: false));

    // RFC 9110 section 9.3.6: "A client MUST ignore any Content-Length [...] header fields received in a successful response to CONNECT"
    [Fact]
    public void Section8_5_ContentLengthOfATunnelsResponse_IsIgnored() => Http2Harness.Client(h =>
    {
        h.Request(endStream: false, KnownMethod.Connect);
        h.Receive(Head(1, [.. Ok, ("content-length", "2")], endStream: false), Data(1, "hello")).ShouldBeTrue();
        h.Bodies[1].ShouldBe("hello");
        h.ShouldBeWell();
    });

    // Section 10.5: the limits of Http2LimitTests
    [Theory]
    [InlineData("PING")]
    [InlineData("SETTINGS")]
    [InlineData("empty DATA")]
    [InlineData("empty CONTINUATION")]
    [InlineData("CONTINUATION")]
    [InlineData("large CONTINUATION")]
    [InlineData("PRIORITY")]
    [InlineData("WINDOW_UPDATE")]
    [InlineData("unknown")]
    [InlineData("expansion")]
    public void Section10_5_FloodOfAServer_EndsTheConnection(string what) => Http2Harness.Client(h =>
    {
        // One above the default limits for one stream.
        h.Request();
        h.Flush();
        var begun = Frame(Http2FrameType.Headers, 0, 1, Block(Ok));
        byte[] entry = [0x40, 3, (byte)'x', (byte)'-', (byte)'a', 0x7F, 0xA1, 0x1E, .. Enumerable.Repeat((byte)'v', 4000)];
        h.Receive(what switch
        {
            "PING" => Repeat(1001, _ => Ping()),
            "SETTINGS" => Repeat(1001, _ => Settings()),
            "empty DATA" => [.. Head(1, Ok, endStream: false), .. Repeat(2, _ => Data(1, ""))],
            "empty CONTINUATION" => [.. begun, .. Repeat(2, _ => Frame(Http2FrameType.Continuation, 0, 1))],
            "CONTINUATION" => [.. begun, .. Repeat(33, _ => Frame(Http2FrameType.Continuation, 0, 1, Block(("x", "y"))))],
            "large CONTINUATION" => [.. begun, .. Repeat(9, _ => Frame(Http2FrameType.Continuation, 0, 1, new byte[16_000]))],
            "PRIORITY" => Repeat(201, _ => Priority(1)),
            "WINDOW_UPDATE" => Repeat(8, _ => WindowUpdate(0, 1)),
            "expansion" => Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Ok), .. entry, .. Enumerable.Repeat((byte)0xBE, 10_000)]),
            _ => Repeat(201, _ => Frame((Http2FrameType)0x42, 0, 0)),
        });
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
    });

    [Theory]
    [InlineData("list")]
    [InlineData("count")]
    [InlineData("trailers")]
    public void Section10_5_1_HeaderListAboveTheLimit_IsAStreamError(string what) => Http2Harness.Client(h =>
    {
        h.Request();
        h.Request();
        (string, string)[] many = [.. Enumerable.Range(0, 101).Select(i => ($"x-{i}", ""))];
        h.Receive(what switch
        {
            "list" => Join(
                Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block([.. Ok, ("x", new string('v', 16_000))])),
                Repeat(2, _ => Frame(Http2FrameType.Continuation, 0, 1, Block(("x", new string('v', 16_000))))),
                Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, Block(("x", new string('v', 16_000))))),
            "count" => Head(1, [.. Ok, .. many]),
            _ => Join(Head(1, Ok, endStream: false), Head(1, many)),
        }).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.EnhanceYourCalm);
        h.Receive(Head(3, Ok)).ShouldBeTrue();
        h.Log[^1].ShouldBe("headers 3 200 end");
    });

    private static void Malformed(byte[] bytes)
    {
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(bytes);
            h.ShouldFail(Http2ErrorCode.ProtocolError);
            h.Counter("rx_messaging_error").ShouldBe(1);
        });
        Http2Harness.Client(
            h =>
            {
                h.Request();
                h.Receive(bytes).ShouldBeTrue();
                h.ShouldReset(1, Http2ErrorCode.ProtocolError);
                h.Log[^1].ShouldStartWith("reset 1 ProtocolError us http2.");
            },
            new() { StreamErrorOnInvalidHttpMessage = true });
    }
}
