using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>How errors are answered (RFC 9113 sections 5.4 and 7), and what looks like an error and is none.</summary>
public sealed class Http2ErrorRuleTests
{
    private const int Window = 65_535;
    private const Http2ErrorCode NobodysCode = (Http2ErrorCode)0xFACE;

    [Fact]
    public void Section3_4_AnswerOfAnHttp1Server_IsAProtocolError() => Http2Harness.Fresh(Http2Role.Client, h =>
    {
        h.Receive("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"u8.ToArray());
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section3_4_AnyOtherFirstFrame_IsAProtocolError()
    {
        byte[][] frames = [SettingsAck(), GoAway(0), WindowUpdate(0, 1), Priority(1), Head(1, Get), Data(1, "x"), Frame((Http2FrameType)0x42, 0, 0)];
        foreach (var frame in frames)
        {
            Http2Harness.Fresh(Http2Role.Server, h =>
            {
                h.Receive([.. Http2FrameHeader.Preface], frame);
                h.ShouldFail(Http2ErrorCode.ProtocolError);
            });
            Http2Harness.Fresh(Http2Role.Client, h =>
            {
                h.Receive(frame);
                h.ShouldFail(Http2ErrorCode.ProtocolError);
            });
        }
    }

    [Fact]
    public void Section5_1_1_NumberBelowTheHighestOne_IsAProtocolError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(0x7FFFFFFF, Get)).ShouldBeTrue();
        h.Log.ShouldHaveSingleItem();
        h.Receive(Head(1, Get));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
    });

    // RFC 7540 section 5.3.1 made it an error; RFC 9113 has dropped priorities.
    [Fact]
    public void Section5_3_2_DependencyOnItself_IsNoError() => Http2Harness.Server(h =>
    {
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream | Http2Flags.Priority, 1, [0, 0, 0, 1, 9, .. Block(Get)])).ShouldBeTrue();
        h.Receive(Priority(1, dependsOn: 1)).ShouldBeTrue();
        h.Log.ShouldHaveSingleItem().ShouldStartWith("headers 1 ");
        h.ShouldBeWell();
        h.Written.ShouldBeEmpty();
    });

    [Fact]
    public void Section5_4_1_GoAway_NamesTheLastStreamThatWasTaken()
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Get), Head(7, Get), WindowUpdate(0, 0));
            h.ShouldFail(Http2ErrorCode.ProtocolError);
            h.Written[^1].Value.ShouldBe(7u);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(WindowUpdate(0, 0));
            h.ShouldFail(Http2ErrorCode.ProtocolError);
            h.Written[^1].Value.ShouldBe(0u, "a server opens no streams");
        });
    }

    // Section 6.8: "Endpoints MUST NOT increase the value they send in the last stream identifier"
    [Fact]
    public void Section6_8_GoAwayAfterADrain_DoesNotNameALaterStream() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Codec.FinishGoAway();
        h.Flush().ShouldHaveSingleItem().Value.ShouldBe(1u);
        h.Receive(Head(3, Get)).ShouldBeTrue();
        h.Codec.FinishGoAway();
        h.Flush().ShouldHaveSingleItem().Value.ShouldBe(1u);
        h.Receive(WindowUpdate(0, 0));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
        h.Written[^1].Value.ShouldBe(1u);
    });

    [Fact]
    public void Section5_4_1_NothingIsReadOrSaid_AfterTheGoAway() => Http2Harness.Both(h =>
    {
        h.Receive(WindowUpdate(0, 0));
        h.ShouldFail(Http2ErrorCode.ProtocolError);
        h.Receive(Ping(), Frame(Http2FrameType.Ping, 0, 1, new byte[8])).ShouldBeFalse();
        h.Flush().ShouldBeEmpty();
        h.Codec.Error.Code.ShouldBe(Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section5_4_2_Reset_IsNeverAnsweredByAReset()
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Post, endStream: false), RstStream(1), RstStream(1)).ShouldBeTrue();
            h.Receive(Head(3, Get), RstStream(3, Http2ErrorCode.ProtocolError)).ShouldBeTrue();
            h.ShouldBeWell();
            h.Written.ShouldBeEmpty();
        });
        Http2Harness.Client(h =>
        {
            h.Request(endStream: false);
            h.Flush();
            h.Written.Clear();
            h.Receive(Head(1, Ok, endStream: false), RstStream(1), RstStream(1)).ShouldBeTrue();
            h.ShouldBeWell();
            h.Written.ShouldBeEmpty();
        });
    }

    [Fact]
    public void Section5_4_2_SecondErrorOfAStream_IsNotAnsweredAgain() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), WindowUpdate(1, 0)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.ProtocolError);
        h.Receive(WindowUpdate(1, 0), Data(1, "x"), Head(1, [("X", "y")]), Frame(Http2FrameType.Priority, 0, 1, 0)).ShouldBeTrue();
        h.ShouldBeWell();
        h.Written.Count(f => f.Type == Http2FrameType.RstStream).ShouldBe(1);
    });

    [Fact]
    public void Section6_1_PaddingOtherThanZero_IsNoError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Frame(Http2FrameType.Data, Http2Flags.Padded | Http2Flags.EndStream, 1, 2, (byte)'x', 7, 7)).ShouldBeTrue();
        h.Bodies[1].ShouldBe("x");
    });

    // Section 4.2: a frame without room for what its flags say.
    [Fact]
    public void Section6_1_NoRoomForPadding_IsAFrameSizeError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Frame(Http2FrameType.Data, Http2Flags.Padded, 1));
        h.ShouldFail(Http2ErrorCode.FrameSizeError);
    });

    [Fact]
    public void Section6_3_PriorityOfAnotherSize_OnAClosedStream_IsAStreamError() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1));
        h.Receive(Frame(Http2FrameType.Priority, 0, 1, 0)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.FrameSizeError);
    });

    [Fact]
    public void Section6_4_AfterAResetOfThePeer_NothingMoreIsSent() => Http2Harness.Both(h =>
    {
        if (h.Role == Http2Role.Client)
        {
            h.SendData(h.Request(endStream: false), 100_000);
        }
        else
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
            h.Respond(h.Stream(1), endStream: false);
            h.SendData(h.Stream(1), 100_000);
        }

        h.Flush();
        var stream = h.Stream(1);
        stream.QueuedBytes.ShouldBeGreaterThan(0);
        h.Receive(RstStream(1), WindowUpdate(0, 1_000_000), Settings((4, 1_000_000))).ShouldBeTrue();
        h.SendData(stream, 10, endStream: true);
        h.Codec.SendTrailers(stream, h.Trailers("x", "y"));
        h.Codec.Reset(stream, Http2ErrorCode.Cancel);
        h.Flush().ShouldAllBe(f => f.StreamId == 0);
    });

    // "[...] MUST always account for its contribution against the connection flow-control window [...] even if the frame is in error"
    [Theory]
    [InlineData("half-closed")]
    [InlineData("closed")]
    [InlineData("malformed")]
    public void Section6_9_DataInError_CountsForTheConnectionsWindowAndIsGivenBack(string what) => Http2Harness.Server(
        h =>
        {
            const int Bytes = 16_000;
            const int Frames = 40;
            for (var i = 0; i < Frames; i++)
            {
                var id = (uint)((2 * i) + 1);
                h.Receive(what == "malformed" ? Head(id, [.. Post, ("content-length", "1")], endStream: false) : Head(id, Get)).ShouldBeTrue();
                if (what == "closed")
                {
                    h.Respond(h.Stream(id));
                }

                h.Receive(Data(id, Bytes)).ShouldBeTrue(h.Codec.Error.Reason);
                h.ShouldReset(id, what == "malformed" ? Http2ErrorCode.ProtocolError : Http2ErrorCode.StreamClosed);
            }

            var granted = h.Written.Where(f => f.Type == Http2FrameType.WindowUpdate && f.StreamId == 0).Sum(f => f.Value);
            granted.ShouldBeInRange((Frames * Bytes) - Window, Frames * Bytes);
        },
        new() { StreamErrorOnInvalidHttpMessage = true, Protocol = new() { InitialStreamWindowSize = Window, InitialConnectionWindowSize = Window } });

    [Fact]
    public void Section6_5_2_ValuesAtTheirBounds_AreTaken()
    {
        const uint Most = uint.MaxValue;
        Http2Harness.Server(h =>
        {
            h.Receive(Settings((2, 0), (2, 1), (4, 0), (4, int.MaxValue), (5, 16384), (5, 16777215), (8, 0), (8, 1), (8, 1))).ShouldBeTrue();
            h.Receive(Settings((1, 0), (1, Most), (3, 0), (3, Most), (6, 0), (6, Most), (0, Most), (7, Most), (0xFFFF, Most))).ShouldBeTrue();
            h.Flush().Count(f => f.Type == Http2FrameType.Settings && f.IsAck).ShouldBe(2);
            h.Codec.Peer.InitialWindowSize.ShouldBe(int.MaxValue);
            h.ShouldBeWell();
        });
    }

    [Fact]
    public void Section6_7_AnswerToAPing_IsNotAnswered() => Http2Harness.Both(h =>
    {
        h.Receive(Ping(1, ack: true)).ShouldBeTrue();
        h.Log.ShouldBe(["ping 1"]);
        h.Flush().ShouldBeEmpty();
    });

    [Fact]
    public void Section6_8_GoAwayOfAClient_LetsItsStreamsFinish() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), GoAway(0), Data(1, "x", endStream: true)).ShouldBeTrue();
        h.Log[^2..].ShouldBe(["goaway 0 NoError", "end 1"]);
        h.Respond(h.Stream(1));
        h.Flush().ShouldHaveSingleItem()[":status"].ShouldBe("200");
        h.ShouldBeWell();
    });

    [Fact]
    public void Section6_9_ZeroIncrementOfAClosedStream_IsIgnored() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1));
        h.Flush();
        h.Written.Clear();
        h.Receive(WindowUpdate(1, 0)).ShouldBeTrue();
        h.ShouldBeWell();
        h.Written.ShouldBeEmpty();
    });

    [Fact]
    public void Section6_9_ReservedBitOfAnIncrement_IsIgnored() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        var before = h.Stream(1).SendWindow;
        h.Receive(WindowUpdate(1, 0x80000001), WindowUpdate(0, 0x80000001)).ShouldBeTrue();
        h.Stream(1).SendWindow.ShouldBe(before + 1);
        h.Receive(WindowUpdate(1, 0x80000000)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.ProtocolError);
    });

    [Fact]
    public void Section7_UnknownCodeOfAReset_IsAResetLikeAnyOther() => Http2Harness.Both(h =>
    {
        if (h.Role == Http2Role.Client)
        {
            h.Request();
        }
        else
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
        }

        h.Receive(RstStream(1, NobodysCode)).ShouldBeTrue();
        h.Log[^1].ShouldBe("reset 1 64206 peer http2.remote_reset");
        h.ShouldBeWell();
    });

    [Fact]
    public void Section7_UnknownCodeOfAGoAway_IsAGoAwayLikeAnyOther() => Http2Harness.Both(h =>
    {
        h.Receive(Frame(Http2FrameType.GoAway, 0, 0, [0x80, 0, 0, 0, .. Number((uint)NobodysCode), .. "why"u8])).ShouldBeTrue();
        h.Log.ShouldBe(["goaway 0 64206"]);
        h.Codec.GoAwayReceived.ShouldBeTrue();
        h.ShouldBeWell();
    });
}
