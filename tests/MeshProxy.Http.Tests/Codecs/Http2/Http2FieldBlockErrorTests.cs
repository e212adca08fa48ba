using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Tests.Codecs.Http2.Hpack;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>RFC 9113 section 4.3: field blocks that HPACK cannot decode, and what stands within one.</summary>
public sealed class Http2FieldBlockErrorTests
{
    private const Http2Flags Whole = Http2Flags.EndHeaders | Http2Flags.EndStream;

    private static readonly Http2CodecOptions s_smallTable = new() { Protocol = new() { HpackTableSize = 100 } };

    [Theory]
    [InlineData("80", "index 0")]
    [InlineData("be", "an index beyond the table")]
    [InlineData("7e 01 61", "a name's index beyond the table")]
    [InlineData("7f", "an integer that is cut")]
    [InlineData("ff ff ff ff ff 08", "an integer that is too large")]
    [InlineData("ff 80 80 80 80 80 00", "an integer that is too long")]
    [InlineData("40 01 61 02 62", "a string that is longer than the block")]
    [InlineData("00 84 ff ff ff ff 00", "EOS in a string")]
    [InlineData("00 81 ff 00", "padding of 8 bits")]
    [InlineData("00 81 18 00", "padding that is not ones")]
    [InlineData("82 20", "a table size update behind a field")]
    [InlineData("3f e2 1f", "a table size update above the setting")]
    public void Section4_3_BlockThatHpackRefuses_IsACompressionErrorWhereverItStands(string hex, string what)
    {
        var bytes = HpackHarness.Hex(hex);
        var head = Frame(Http2FrameType.Headers, Whole, 1, bytes);
        Http2Harness.Server(h => Fails(h, head));
        Http2Harness.Server(h => Fails(h, Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, bytes[..1]), Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, bytes[1..])));
        Http2Harness.Server(h => Fails(h, Head(1, Post, endStream: false), head));
        Http2Harness.Server(h =>
        {
            h.RefusesRequests = true;
            Fails(h, head);
        });
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
            h.Codec.Reset(h.Stream(1), Http2ErrorCode.Cancel);
            Fails(h, head);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            Fails(h, head);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            Fails(h, Head(1, Ok, endStream: false), head);
        });

        void Fails(Http2Harness h, params byte[][] frames)
        {
            h.Receive(frames);
            h.Codec.Error.Code.ShouldBe(Http2ErrorCode.CompressionError, what);
            h.ShouldFail(Http2ErrorCode.CompressionError);
        }
    }

    [Fact]
    public void Section4_3_1_NoSizeUpdateAfterAReduction_IsACompressionError()
    {
        Http2Harness.Fresh(
            Http2Role.Server,
            h =>
            {
                h.Receive(ClientStart, Head(1, Get)).ShouldBeTrue("the reduction has not been acknowledged yet");
                h.Receive(SettingsAck(), Head(3, Get));
                h.ShouldFail(Http2ErrorCode.CompressionError);
            },
            s_smallTable);
        Http2Harness.Fresh(
            Http2Role.Client,
            h =>
            {
                h.Receive(Settings(), SettingsAck()).ShouldBeTrue();
                h.Request();
                h.Receive(Head(1, Ok));
                h.ShouldFail(Http2ErrorCode.CompressionError);
            },
            s_smallTable);
    }

    [Theory]
    [InlineData("3f 46", true)]
    [InlineData("3f 45", false)]
    [InlineData("20", false)]
    public void Section4_3_1_SizeUpdateAfterAReduction_MayNotBeAboveIt(string hex, bool fails) => Http2Harness.Fresh(
        Http2Role.Server,
        h =>
        {
            h.Receive(ClientStart, SettingsAck(), Frame(Http2FrameType.Headers, Whole, 1, [.. HpackHarness.Hex(hex), .. Block(Get)])).ShouldBe(!fails);
            if (fails)
            {
                h.ShouldFail(Http2ErrorCode.CompressionError);
            }
        },
        s_smallTable);

    [Theory]
    [InlineData("DATA")]
    [InlineData("HEADERS")]
    [InlineData("PRIORITY")]
    [InlineData("RST_STREAM")]
    [InlineData("SETTINGS")]
    [InlineData("PUSH_PROMISE")]
    [InlineData("PING")]
    [InlineData("GOAWAY")]
    [InlineData("WINDOW_UPDATE")]
    [InlineData("CONTINUATION of another stream")]
    [InlineData("CONTINUATION of stream 0")]
    [InlineData("unknown")]
    public void Section4_3_AnyOtherFrameWithinABlock_IsAProtocolError(string what)
    {
        var frame = what switch
        {
            "DATA" => Data(1, "x"),
            "HEADERS" => Head(1, Get),
            "PRIORITY" => Priority(1),
            "RST_STREAM" => RstStream(1),
            "SETTINGS" => Settings(),
            "PUSH_PROMISE" => Frame(Http2FrameType.PushPromise, Http2Flags.EndHeaders, 1, [0, 0, 0, 2, .. Block(Get)]),
            "PING" => Ping(),
            "GOAWAY" => GoAway(0),
            "WINDOW_UPDATE" => WindowUpdate(0, 1),
            "CONTINUATION of another stream" => Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 3),
            "CONTINUATION of stream 0" => Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 0),
            _ => Frame((Http2FrameType)0x42, 0, 0),
        };
        Http2Harness.Server(h =>
        {
            h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block(Get)), frame);
            h.ShouldFail(Http2ErrorCode.ProtocolError);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block(Ok)), Frame(Http2FrameType.Continuation, 0, 1, Block(("x", "y"))), frame);
            h.ShouldFail(Http2ErrorCode.ProtocolError);
        });
    }
}
