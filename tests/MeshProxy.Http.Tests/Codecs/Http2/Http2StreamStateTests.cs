using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>RFC 9113 section 5.1: every frame of a stream in every state of it.</summary>
/// <remarks>
/// What comes of it: "taken" is an event for the stream's owner; "quiet" is neither an event nor an answer; a code alone is an error of the
/// stream, and with "GOAWAY" one of the connection. The two reserved states do not occur: nobody may push.
/// </remarks>
public sealed class Http2StreamStateTests
{
    private const uint Other = 2;

    [Theory]
    [InlineData("DATA", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("HEADERS", "taken")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Idle_OfAServer(string frame, string outcome)
    {
        Http2Harness.Server(h => Play(h, 1, frame, outcome, Get));
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
            Play(h, 7, frame, outcome, Get);
        });
    }

    [Theory]
    [InlineData("DATA", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("HEADERS", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Idle_OfAClient_AndOfTheServersNumbers(string frame, string outcome)
    {
        Http2Harness.Client(h => Play(h, 1, frame, outcome, Ok));
        Http2Harness.Client(h =>
        {
            h.Request();
            Play(h, 3, frame, outcome, Ok);
        });
        Http2Harness.Client(h => Play(h, Other, frame, outcome, Ok));
        Http2Harness.Server(h =>
        {
            h.Receive(Head(3, Get)).ShouldBeTrue();
            Play(h, Other, frame, outcome, Get);
        });
    }

    [Theory]
    [InlineData("DATA", "taken")]
    [InlineData("HEADERS", "taken")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "taken")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Open(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Request(endStream: false);
            h.Receive(Head(1, Ok, endStream: false)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
    }

    [Theory]
    [InlineData("DATA", "taken")]
    [InlineData("HEADERS", "taken")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "taken")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void HalfClosedLocal(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
            h.Respond(h.Stream(1));
            Play(h, 1, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(Head(1, Ok, endStream: false)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
    }

    [Theory]
    [InlineData("DATA", "STREAM_CLOSED")]
    [InlineData("HEADERS", "STREAM_CLOSED")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "taken")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void HalfClosedRemote(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Request(endStream: false);
            h.Receive(Head(1, Ok)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
    }

    [Theory]
    [InlineData("DATA", "STREAM_CLOSED")]
    [InlineData("HEADERS", "GOAWAY STREAM_CLOSED")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "quiet")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Closed_ByBothEnds(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
            h.Respond(h.Stream(1));
            Play(h, 1, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(Head(1, Ok)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
    }

    [Theory]
    [InlineData("DATA", "STREAM_CLOSED")]
    [InlineData("HEADERS", "STREAM_CLOSED")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "quiet")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Closed_ByTheirReset(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Post, endStream: false), RstStream(1)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Request();
            h.Receive(RstStream(1)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
    }

    [Theory]
    [InlineData("DATA", "quiet")]
    [InlineData("HEADERS", "quiet")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "quiet")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Closed_ByOurReset(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
            h.Codec.Reset(h.Stream(1), Http2ErrorCode.Cancel);
            Play(h, 1, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Codec.Reset(h.Request(), Http2ErrorCode.Cancel);
            Play(h, 1, frame, outcome);
        });
    }

    [Theory]
    [InlineData("DATA", "STREAM_CLOSED")]
    [InlineData("HEADERS", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "quiet")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Closed_AsTheNumberWasLeftOut(string frame, string outcome) => Http2Harness.Server(h =>
    {
        h.Receive(Head(5, Get)).ShouldBeTrue();
        Play(h, 3, frame, outcome, Get);
    });

    [Theory]
    [InlineData("DATA", "quiet")]
    [InlineData("HEADERS", "quiet")]
    [InlineData("PRIORITY", "quiet")]
    [InlineData("RST_STREAM", "quiet")]
    [InlineData("PUSH_PROMISE", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("WINDOW_UPDATE", "quiet")]
    [InlineData("CONTINUATION", "GOAWAY PROTOCOL_ERROR")]
    [InlineData("unknown", "quiet")]
    public void Closed_AsAGoAwayLeftItOut(string frame, string outcome)
    {
        Http2Harness.Server(h =>
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
            h.Codec.FinishGoAway();
            h.Receive(Head(3, Post, endStream: false)).ShouldBeTrue();
            h.Flush();
            Play(h, 3, frame, outcome);
        });
        Http2Harness.Client(h =>
        {
            h.Request(endStream: false);
            h.Receive(GoAway(0)).ShouldBeTrue();
            Play(h, 1, frame, outcome);
        });
    }

    private static void Play(Http2Harness h, uint id, string frame, string outcome, (string Name, string Value)[]? fields = null)
    {
        h.Flush();
        h.Written.Clear();
        var events = h.Log.Count;
        h.Receive(frame switch
        {
            "DATA" => Data(id, "x", endStream: true),
            "HEADERS" => Head(id, fields ?? [("x", "y")]),
            "PRIORITY" => Priority(id),
            "RST_STREAM" => RstStream(id),
            "PUSH_PROMISE" => Frame(Http2FrameType.PushPromise, Http2Flags.EndHeaders, id, [0, 0, 0, 2, .. Block(Get)]),
            "WINDOW_UPDATE" => WindowUpdate(id, 1),
            "CONTINUATION" => Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, id, Block(("x", "y"))),
            _ => Frame((Http2FrameType)0x42, (Http2Flags)0xFF, id, 1, 2, 3),
        });
        switch (outcome)
        {
            case "taken":
                h.Log.Count.ShouldBe(events + 1);
                h.ShouldBeWell();
                h.Written.ShouldBeEmpty();
                break;
            case "quiet":
                h.Log.Count.ShouldBe(events);
                h.ShouldBeWell();
                h.Written.ShouldBeEmpty();
                break;
            case "STREAM_CLOSED":
                h.ShouldReset(id, Http2ErrorCode.StreamClosed);
                h.Written.Count(f => f.Type == Http2FrameType.RstStream).ShouldBe(1);
                break;
            default:
                h.ShouldFail(outcome == "GOAWAY STREAM_CLOSED" ? Http2ErrorCode.StreamClosed : Http2ErrorCode.ProtocolError);
                h.Written.ShouldHaveSingleItem();
                break;
        }
    }
}
