using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>What RFC 9113 wants of malformed or misplaced frames, by section.</summary>
public sealed class Http2FrameErrorTests
{
    // 3.4: the connection preface

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSX\r\n\r\n")]
    public void Section3_4_WrongPreface_IsAProtocolError(string preface) => Http2Harness.Fresh(Http2Role.Server, h =>
    {
        h.Receive(System.Text.Encoding.ASCII.GetBytes(preface));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section3_4_FirstFrameIsNotSettings_IsAProtocolError()
    {
        Http2Harness.Fresh(Http2Role.Server, h =>
        {
            h.Receive([.. Http2FrameHeader.Preface], Ping());
            h.ShouldFail(Http2ErrorCode.ProtocolError);
        });
        Http2Harness.Fresh(Http2Role.Client, h =>
        {
            h.Receive(Ping());
            h.ShouldFail(Http2ErrorCode.ProtocolError);
        });
    }

    [Fact]
    public void Section3_4_FirstFrameIsASettingsAck_IsAProtocolError() => Http2Harness.Fresh(Http2Role.Client, h =>
    {
        h.Receive(SettingsAck());
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section3_4_PrefaceInPieces_IsTaken() => Http2Harness.Fresh(Http2Role.Server, h =>
    {
        h.Receive([.. Http2FrameHeader.Preface[..7]]).ShouldBeTrue();
        h.Receive([.. Http2FrameHeader.Preface[7..]], Settings()).ShouldBeTrue();
        h.Codec.SettingsReceived.ShouldBeTrue();
    });

    // 4.1 to 4.3: frames and header blocks

    [Fact]
    public void Section4_1_UnknownTypesFlagsAndReservedBit_AreIgnored() => Http2Harness.Both(h =>
    {
        var ping = Ping(1);
        ping[4] |= 0xFE;
        ping[5] |= 0x80;
        h.Receive(Frame((Http2FrameType)0x42, (Http2Flags)0xFF, 77, 1, 2, 3), ping).ShouldBeTrue();
        h.Flush().ShouldHaveSingleItem().IsAck.ShouldBeTrue();
    });

    [Theory]
    [InlineData(Http2FrameType.Data)]
    [InlineData(Http2FrameType.Headers)]
    [InlineData(Http2FrameType.Settings)]
    [InlineData((Http2FrameType)0x42)]
    public void Section4_2_FrameAboveMaxFrameSize_IsAFrameSizeError(object type) => Http2Harness.Both(h =>
    {
        // The header says enough: the payload need not come.
        h.Receive([0x00, 0x40, 0x01, (byte)(Http2FrameType)type, 0, 0, 0, 0, 1]);
        h.ShouldFail(Http2ErrorCode.FrameSizeError);
    });

    [Fact]
    public void Section4_2_FrameOfMaxFrameSize_IsTaken() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Data(1, 16384, endStream: true)).ShouldBeTrue();
        h.Bodies[1].Length.ShouldBe(16384);
    });

    [Fact]
    public void Section4_3_BlockThatDoesNotDecode_IsACompressionError() => Http2Harness.Server(h =>
    {
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, 0x80));
        h.ShouldFail(Http2ErrorCode.CompressionError);
    });

    [Fact]
    public void Section4_3_BlockThatDoesNotDecode_OnAStreamThatIsRefused_IsACompressionErrorAsWell() => Http2Harness.Server(h =>
    {
        h.RefusesRequests = true;
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders, 1, 0x80));
        h.ShouldFail(Http2ErrorCode.CompressionError);
    });

    [Fact]
    public void Section4_3_RefusedBlock_StillFillsTheTable() => Http2Harness.Server(h =>
    {
        h.RefusesRequests = true;
        byte[] indexing = [0x40, 3, (byte)'x', (byte)'-', (byte)'a', 1, (byte)'b'];
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Get), .. indexing])).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.RefusedStream);
        h.RefusesRequests = false;
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 3, [.. Block(Get), 0xBE])).ShouldBeTrue();
        h.Head(3).GetString("x-a").ShouldBe("b");
    });

    [Theory]
    [InlineData("ping")]
    [InlineData("data")]
    [InlineData("other stream")]
    [InlineData("unknown")]
    [InlineData("headers")]
    public void Section4_3_FrameWithinABlock_IsAProtocolError(string what) => Http2Harness.Server(h =>
    {
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block(Get)));
        h.Receive(what switch
        {
            "ping" => Ping(),
            "data" => Data(1, "x"),
            "other stream" => Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 3),
            "headers" => Head(1, Get),
            _ => Frame((Http2FrameType)0x42, 0, 0),
        });
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    // 5.1 and 5.1.1: states and numbers of streams

    [Theory]
    [InlineData("data", Http2ErrorCode.ProtocolError)]
    [InlineData("window", Http2ErrorCode.ProtocolError)]
    [InlineData("reset", Http2ErrorCode.ProtocolError)]
    public void Section5_1_FrameOnAnIdleStream_IsAProtocolError(string what, object code)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(On(1));
            h.ShouldFail((Http2ErrorCode)code);
        });
        Http2Harness.Client(h =>
        {
            h.Receive(On(1));
            h.ShouldFail((Http2ErrorCode)code);
        });
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Get), On(2));
            h.ShouldFail((Http2ErrorCode)code);
        });

        byte[] On(uint id) => what switch { "data" => Data(id, "x"), "window" => WindowUpdate(id, 1), _ => RstStream(id) };
    }

    [Fact]
    public void Section5_1_PriorityOnAnIdleStream_IsTaken() => Http2Harness.Both(h =>
    {
        h.Receive(Priority(7)).ShouldBeTrue();
        h.ShouldBeWell();
    });

    [Fact]
    public void Section5_1_DataOnAHalfClosedStream_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Data(1, "x")).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.StreamClosed);
        h.Log[^1].ShouldStartWith("reset 1 StreamClosed us");
    });

    [Fact]
    public void Section5_1_HeadersOnAHalfClosedStream_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Head(1, [("x", "y")])).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.StreamClosed);
    });

    [Fact]
    public void Section5_1_WindowUpdateAndPriorityOnAHalfClosedStream_AreTaken() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), WindowUpdate(1, 5), Priority(1)).ShouldBeTrue();
        h.ShouldBeWell();
    });

    [Fact]
    public void Section5_1_ResetOnAHalfClosedStream_EndsIt() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), RstStream(1)).ShouldBeTrue();
        h.Log[^1].ShouldBe("reset 1 Cancel peer http2.remote_reset");
        h.Counter("rx_reset").ShouldBe(1);
    });

    [Fact]
    public void Section5_1_HeadersOnAClosedStream_IsAConnectionError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1));
        h.Receive(Head(1, Get));
        h.ShouldFail(Http2ErrorCode.StreamClosed);
    });

    [Fact]
    public void Section5_1_DataOnAClosedStream_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1));
        h.Receive(Data(1, "x")).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.StreamClosed);
        h.Receive(Data(1, "x")).ShouldBeTrue();
        h.Flush().ShouldBeEmpty("once is enough");
    });

    [Fact]
    public void Section5_1_FramesAfterAResetByThePeer_AreStreamErrors() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), RstStream(1), Data(1, "x")).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.StreamClosed);
        h.Receive(Head(3, Post, endStream: false), RstStream(3), Head(3, [("x", "y")])).ShouldBeTrue();
        h.ShouldReset(3, Http2ErrorCode.StreamClosed);
    });

    [Fact]
    public void Section5_1_WindowUpdateAndResetOnAClosedStream_AreIgnored() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1));
        h.Receive(WindowUpdate(1, 1), RstStream(1), Priority(1)).ShouldBeTrue();
        h.ShouldBeWell();
    });

    [Fact]
    public void Section5_1_FramesOnAStreamThatWeReset_AreIgnored() => Http2Harness.Server(h =>
    {
        byte[] indexing = [0x40, 3, (byte)'x', (byte)'-', (byte)'a', 1, (byte)'b'];
        h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
        h.Codec.Reset(h.Stream(1), Http2ErrorCode.Cancel);
        h.Flush().ShouldHaveSingleItem().ErrorCode.ShouldBe(Http2ErrorCode.Cancel);
        h.Receive(Data(1, "x"), WindowUpdate(1, 0x7FFFFFFF), Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, indexing), RstStream(1)).ShouldBeTrue();
        h.ShouldBeWell();
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 3, [.. Block(Get), 0xBE])).ShouldBeTrue();
        h.Head(3).GetString("x-a").ShouldBe("b");
        h.Counter("headers_cb_no_stream").ShouldBe(1);
    });

    [Fact]
    public void Section5_1_ManyStreamsThatWeReset_AreAllRemembered() => Http2Harness.Server(h =>
    {
        h.Receive(Repeat(300, i => Head((uint)((2 * i) + 1), Post, endStream: false))).ShouldBeTrue();
        for (var i = 0u; i < 300; i++)
        {
            h.Codec.Reset(h.Stream((2 * i) + 1), Http2ErrorCode.Cancel);
        }

        h.Flush();
        h.Receive(Repeat(300, i => Head((uint)((2 * i) + 1), [("x", "y")]))).ShouldBeTrue();
        h.ShouldBeWell();
    });

    [Fact]
    public void Section5_1_1_EvenStreamOnAServer_IsAProtocolError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(2, Get));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section5_1_1_LowerStreamNeverUsed_IsAProtocolError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(5, Get), Head(3, Get));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Section5_1_1_StreamThatAServerOpens_IsAProtocolError(int id) => Http2Harness.Client(h =>
    {
        h.Receive(Head((uint)id, Ok));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section5_1_2_StreamAboveTheLimit_IsRefused() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, Get), Head(3, Get), Head(5, Get)).ShouldBeTrue();
            h.ShouldReset(5, Http2ErrorCode.RefusedStream);
            h.Log.Count.ShouldBe(2);
            h.Counter("stream_refused_errors").ShouldBe(1);
            h.Respond(h.Stream(1));
            h.Receive(Head(7, Get)).ShouldBeTrue();
            h.Log.Count.ShouldBe(3);
        },
        new() { Protocol = new() { MaxConcurrentStreams = 2 } });

    [Fact]
    public void Section5_1_2_PeersLimit_IsKept() => Http2Harness.Client(h =>
    {
        h.Receive(Settings((3, 2))).ShouldBeTrue();
        h.Codec.AvailableStreams.ShouldBe(2);
        h.Request();
        h.Request();
        h.Codec.AvailableStreams.ShouldBe(0);
        h.Codec.OpenStream(h).ShouldBeNull();
        h.Receive(Head(1, Ok)).ShouldBeTrue();
        h.Codec.AvailableStreams.ShouldBe(1);
        h.Receive(Settings((3, 0))).ShouldBeTrue();
        h.Codec.AvailableStreams.ShouldBe(0);
    });

    // 6.1: DATA

    [Fact]
    public void Section6_1_DataOnStreamZero_IsAProtocolError() => Fails(Data(0, "x"), Http2ErrorCode.ProtocolError);

    [Theory]
    [InlineData(new byte[] { 1 })]
    [InlineData(new byte[] { 4, 0, 0, 0 })]
    public void Section6_1_PaddingOfThePayloadsLengthOrMore_IsAProtocolError(byte[] payload) => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Frame(Http2FrameType.Data, Http2Flags.Padded, 1, payload));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    // 6.2: HEADERS

    [Fact]
    public void Section6_2_HeadersOnStreamZero_IsAProtocolError() => Fails(Head(0, Get), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_2_PaddingBeyondTheBlock_IsAProtocolError() =>
        Fails(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Padded, 1, 3, 0, 0), Http2ErrorCode.ProtocolError);

    [Theory]
    [InlineData(0x8, new byte[] { })]
    [InlineData(0x20, new byte[] { 0, 0, 0, 0 })]
    [InlineData(0x28, new byte[] { 0, 0, 0, 0, 0 })]
    public void Section6_2_NoRoomForPaddingOrPriority_IsAFrameSizeError(int flags, byte[] payload) =>
        Fails(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | (Http2Flags)flags, 1, payload), Http2ErrorCode.FrameSizeError);

    // 6.3: PRIORITY

    [Fact]
    public void Section6_3_PriorityOnStreamZero_IsAProtocolError() => Fails(Priority(0), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_3_PriorityOfAnotherSize_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Frame(Http2FrameType.Priority, 0, 1, 0, 0, 0, 0)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.FrameSizeError);
    });

    [Fact]
    public void Section6_3_PriorityOfAnotherSize_OnAnIdleStream_IsAConnectionError() => Fails(Frame(Http2FrameType.Priority, 0, 1, 0), Http2ErrorCode.FrameSizeError);

    // 6.4: RST_STREAM

    [Fact]
    public void Section6_4_ResetOnStreamZero_IsAProtocolError() => Fails(RstStream(0), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_4_ResetOfAnotherSize_IsAFrameSizeError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Frame(Http2FrameType.RstStream, 0, 1, 0, 0, 0));
        h.ShouldFail(Http2ErrorCode.FrameSizeError);
    });

    // 6.5: SETTINGS

    [Fact]
    public void Section6_5_SettingsOnAStream_IsAProtocolError() => Fails(Frame(Http2FrameType.Settings, 0, 1), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_5_AckWithPayload_IsAFrameSizeError() => Fails(Frame(Http2FrameType.Settings, Http2Flags.Ack, 0, 0, 1, 0, 0, 0, 0), Http2ErrorCode.FrameSizeError);

    [Fact]
    public void Section6_5_SizeNotAMultipleOfSix_IsAFrameSizeError() => Fails(Frame(Http2FrameType.Settings, 0, 0, 0, 1, 0, 0, 0), Http2ErrorCode.FrameSizeError);

    [Fact]
    public void Section6_5_3_AckThatWasNotAskedFor_IsAProtocolError() => Fails(SettingsAck(), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_5_2_EnablePushAboveOne_IsAProtocolError() => Fails(Settings((2, 2)), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_5_2_EnablePushFromAServer_IsAProtocolError() => Http2Harness.Client(h =>
    {
        h.Receive(Settings((2, 0))).ShouldBeTrue();
        h.Receive(Settings((2, 1)));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section6_5_2_InitialWindowAbove31Bits_IsAFlowControlError() => Fails(Settings((4, 0x80000000)), Http2ErrorCode.FlowControlError);

    [Theory]
    [InlineData(16383u)]
    [InlineData(16777216u)]
    public void Section6_5_2_MaxFrameSizeOutOfRange_IsAProtocolError(uint value) => Fails(Settings((5, value)), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Rfc8441Section3_EnableConnectOtherThanOne_IsAProtocolError()
    {
        Fails(Settings((8, 2)), Http2ErrorCode.ProtocolError);
        Fails([.. Settings((8, 1)), .. Settings((8, 0))], Http2ErrorCode.ProtocolError);
    }

    // 6.6: PUSH_PROMISE

    [Fact]
    public void Section6_6_PushPromise_IsAProtocolError()
    {
        var push = Frame(Http2FrameType.PushPromise, Http2Flags.EndHeaders, 1, [0, 0, 0, 2, .. Block(Get)]);
        Fails(push, Http2ErrorCode.ProtocolError);
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(push);
            h.ShouldFail(Http2ErrorCode.ProtocolError);
        });
    }

    // 6.7: PING

    [Fact]
    public void Section6_7_PingOnAStream_IsAProtocolError() => Fails(Frame(Http2FrameType.Ping, 0, 1, new byte[8]), Http2ErrorCode.ProtocolError);

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(9)]
    public void Section6_7_PingOfAnotherSize_IsAFrameSizeError(int bytes) => Fails(Frame(Http2FrameType.Ping, 0, 0, new byte[bytes]), Http2ErrorCode.FrameSizeError);

    // 6.8: GOAWAY

    [Fact]
    public void Section6_8_GoAwayOnAStream_IsAProtocolError() => Fails(Frame(Http2FrameType.GoAway, 0, 1, new byte[8]), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_8_GoAwayTooShort_IsAFrameSizeError() => Fails(Frame(Http2FrameType.GoAway, 0, 0, new byte[7]), Http2ErrorCode.FrameSizeError);

    [Fact]
    public void Section6_8_StreamsAboveTheLastOne_AreRefused() => Http2Harness.Client(h =>
    {
        var first = h.Request();
        h.Request();
        h.Request();
        h.Receive(GoAway(1)).ShouldBeTrue();
        h.Log.ShouldContain("reset 3 RefusedStream peer http2.goaway_received");
        h.Log.ShouldContain("reset 5 RefusedStream peer http2.goaway_received");
        h.Log[^1].ShouldBe("goaway 1 NoError");
        h.Codec.OpenStream(h).ShouldBeNull();
        h.Receive(Head(1, Ok)).ShouldBeTrue();
        first.IsClosed.ShouldBeTrue();
    });

    [Fact]
    public void Section6_8_StreamOpenedBeforeAndSentAfter_IsRefused() => Http2Harness.Client(h =>
    {
        var stream = h.Codec.OpenStream(h)!;
        h.Receive(GoAway(0)).ShouldBeTrue();
        h.Flush();
        var headers = new MeshProxy.Http.Headers.RequestHeaders(h.Pool);
        headers.SetMethod("GET");
        h.Codec.SendHeaders(stream, headers, endStream: true);
        h.Log[^1].ShouldBe("reset 0 RefusedStream us http2.goaway_received");
        h.Flush().ShouldBeEmpty();
        h.Codec.Release(stream);
    });

    [Fact]
    public void Section6_8_Drain_TakesStreamsUntilTheSecondStep() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Codec.BeginGoAway();
        h.Flush().ShouldHaveSingleItem().Value.ShouldBe(0x7FFFFFFFu);
        h.Receive(Head(3, Get)).ShouldBeTrue();
        h.Codec.FinishGoAway();
        h.Flush().ShouldHaveSingleItem().Value.ShouldBe(3u);
        h.Receive(Head(5, Post, endStream: false), Data(5, "x"), WindowUpdate(5, 1), Head(5, [("x", "y")]), RstStream(5)).ShouldBeTrue();
        h.Log.Count.ShouldBe(2);
        h.Flush().ShouldBeEmpty();
        h.Respond(h.Stream(3));
        h.Flush()[0].StreamId.ShouldBe(3u);
        h.Counter("goaway_sent").ShouldBe(2);
    });

    // 6.9: WINDOW_UPDATE and flow control

    [Theory]
    [InlineData(0u)]
    [InlineData(1u)]
    public void Section6_9_WindowUpdateOfAnotherSize_IsAFrameSizeError(uint id) => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Frame(Http2FrameType.WindowUpdate, 0, id, 0, 0, 1));
        h.ShouldFail(Http2ErrorCode.FrameSizeError);
    });

    [Fact]
    public void Section6_9_ZeroIncrementOfTheConnection_IsAProtocolError() => Fails(WindowUpdate(0, 0), Http2ErrorCode.ProtocolError);

    [Fact]
    public void Section6_9_ZeroIncrementOfAStream_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), WindowUpdate(1, 0)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section6_9_1_ConnectionWindowAbove31Bits_IsAFlowControlError() => Fails(WindowUpdate(0, 0x7FFFFFFF), Http2ErrorCode.FlowControlError);

    [Fact]
    public void Section6_9_1_StreamWindowAbove31Bits_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), WindowUpdate(1, 0x7FFFFFFF)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.FlowControlError);
    });

    [Fact]
    public void Section6_9_2_InitialWindowThatOverflowsAStream_IsAFlowControlError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), WindowUpdate(1, 0x7FFF0000)).ShouldBeTrue();
        h.Receive(Settings((4, 0x7FFFFFFF)));
        h.ShouldFail(Http2ErrorCode.FlowControlError);
    });

    // 6.10: CONTINUATION

    [Fact]
    public void Section6_10_ContinuationWithoutHeaders_IsAProtocolError()
    {
        Fails(Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1), Http2ErrorCode.ProtocolError);
        Fails([.. Head(1, Get), .. Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1)], Http2ErrorCode.ProtocolError);
        Fails(Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 0), Http2ErrorCode.ProtocolError);
    }

    private static void Fails(byte[] bytes, Http2ErrorCode code) => Http2Harness.Server(h =>
    {
        h.Receive(bytes);
        h.ShouldFail(code);
        h.Receive(Ping()).ShouldBeFalse("nothing is read after an error");
    });
}
