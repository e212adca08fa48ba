using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>RFC 9113 sections 5.2 and 6.9, both directions.</summary>
public sealed class Http2FlowControlTests
{
    private const int Window = 65_535;

    private static readonly Http2CodecOptions s_small = new() { Protocol = new() { InitialStreamWindowSize = Window, InitialConnectionWindowSize = 2 * Window } };

    [Fact]
    public void Send_NoMoreThanTheStreamsWindow() => Http2Harness.Server(h =>
    {
        h.Receive(WindowUpdate(0, 1_000_000), Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 100_000, endStream: true);
        DataBytes(h.Flush()).ShouldBe(Window);
        h.Flush().ShouldBeEmpty();
        h.Receive(WindowUpdate(1, 10)).ShouldBeTrue();
        DataBytes(h.Flush()).ShouldBe(10);
        h.Receive(WindowUpdate(1, 1_000_000)).ShouldBeTrue();
        var rest = h.Flush();
        DataBytes(rest).ShouldBe(100_000 - Window - 10);
        rest[^1].EndStream.ShouldBeTrue();
        h.Stream(1).QueuedBytes.ShouldBe(0);
    });

    [Fact]
    public void Send_NoMoreThanTheConnectionsWindow() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Head(3, Get)).ShouldBeTrue();
        foreach (var id in new uint[] { 1, 3 })
        {
            h.Respond(h.Stream(id), endStream: false);
            h.SendData(h.Stream(id), 60_000, endStream: true);
        }

        DataBytes(h.Flush()).ShouldBe(Window);
        h.Codec.FillData(1).ShouldBeFalse("the connection's window is used up");
        var signals = h.Signals;
        h.Receive(WindowUpdate(0, 1_000_000)).ShouldBeTrue();
        h.Signals.ShouldBe(signals + 1);
        DataBytes(h.Flush()).ShouldBe(120_000 - Window);
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Receive_OneStreamHoldsMostOfTheWindow_OthersGoOn(bool heldFirst) => Http2Harness.Server(
        h =>
        {
            const int Piece = 1000;
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false), Head(3, Post, endStream: false)).ShouldBeTrue();
            long granted = 100_000;
            if (heldFirst)
            {
                Hold();
            }

            for (var i = 0; i < 1000; i++)
            {
                Send(3, Piece);
                h.Stream(3).Received.Clear();
                h.Codec.Consume(h.Stream(3), Piece);
                if (i == 30 && !heldFirst)
                {
                    Hold();
                }
            }

            h.ShouldBeWell();

            void Hold()
            {
                for (var i = 0; i < 65; i++)
                {
                    Send(1, Piece);
                }
            }

            void Send(uint id, int bytes)
            {
                granted += h.Flush().Where(f => f.Type == Http2FrameType.WindowUpdate && f.StreamId == 0).Sum(f => f.Value);
                granted.ShouldBeGreaterThanOrEqualTo(bytes, "the connection has stopped");
                granted -= bytes;
                h.Receive(Data(id, bytes)).ShouldBeTrue();
            }
        },
        new() { Protocol = new() { InitialStreamWindowSize = Window, InitialConnectionWindowSize = 100_000 } });

    [Fact]
    public void Send_HeadsAndEmptyEnds_NeedNoWindow() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Head(3, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 70_000);
        h.Flush();
        h.Respond(h.Stream(3), endStream: false);
        h.SendData(h.Stream(3), "", endStream: true);
        h.Flush().Select(f => f.StreamId).ShouldBe([3u, 3u]);
    });

    [Fact]
    public void Section6_9_2_LowerInitialWindow_MakesWindowsNegative() => Http2Harness.Server(h =>
    {
        h.Receive(WindowUpdate(0, 1_000_000), Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 100_000, endStream: true);
        h.Flush();
        h.Receive(Settings((4, 1000))).ShouldBeTrue();
        h.Stream(1).SendWindow.ShouldBe(1000 - Window);
        h.Receive(WindowUpdate(1, Window - 1000)).ShouldBeTrue();
        DataBytes(h.Flush()).ShouldBe(0);
        h.Receive(WindowUpdate(1, 1)).ShouldBeTrue();
        DataBytes(h.Flush()).ShouldBe(1);
        h.Receive(Settings((4, 101_000))).ShouldBeTrue();
        DataBytes(h.Flush()).ShouldBe(100_000 - Window - 1);
    });

    [Fact]
    public void Section6_9_2_InitialWindow_HoldsForNewStreams() => Http2Harness.Server(h =>
    {
        h.Receive(Settings((4, 7)), Head(1, Get)).ShouldBeTrue();
        h.Flush();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 10, endStream: true);
        DataBytes(h.Flush()).ShouldBe(7);
    });

    [Fact]
    public void Section6_9_1_MoreThanTheStreamsWindow_IsAStreamError() => Http2Harness.Server(
        h =>
        {
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false), Repeat(4, _ => Data(1, 16_000))).ShouldBeTrue();
            h.Receive(Data(1, 1536)).ShouldBeTrue();
            h.ShouldReset(1, Http2ErrorCode.FlowControlError);
        },
        s_small);

    [Fact]
    public void Section6_9_1_MoreThanTheConnectionsWindow_IsAFlowControlError() => Http2Harness.Server(
        h =>
        {
            h.Consumes = false;
            h.Receive(Repeat(3, i => [.. Head((uint)((2 * i) + 1), Post, endStream: false), .. Repeat(4, _ => Data((uint)((2 * i) + 1), 11_000))]));
            h.Receive(Head(9, Post, endStream: false), Data(9, 1));
            h.ShouldFail(Http2ErrorCode.FlowControlError);
        },
        s_small);

    [Fact]
    public void Consume_GivesBothWindowsBackInBatches() => Http2Harness.Server(
        h =>
        {
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false), Repeat(4, _ => Data(1, 16_000))).ShouldBeTrue();
            h.Flush().ShouldBeEmpty();
            var stream = h.Stream(1);
            stream.Received.Length.ShouldBe(64_000);
            h.Codec.Consume(stream, 30_000);
            h.Flush().ShouldBeEmpty();
            h.Codec.Consume(stream, 10_000);
            var update = h.Flush().ShouldHaveSingleItem();
            (update.Type, update.StreamId, update.Value).ShouldBe((Http2FrameType.WindowUpdate, 1u, 40_000u));
            h.Codec.Consume(stream, 1_000_000);
            update = h.Flush().ShouldHaveSingleItem();
            (update.StreamId, update.Value).ShouldBe((0u, 64_000u));
        },
        new() { Protocol = new() { InitialStreamWindowSize = Window, InitialConnectionWindowSize = 120_000 } });

    [Fact]
    public void Consume_OfAStreamThatHasEnded_GivesTheConnectionsBack() => Http2Harness.Server(
        h =>
        {
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false), Repeat(3, _ => Data(1, 16_000)), Data(1, 16_000, endStream: true)).ShouldBeTrue();
            h.Respond(h.Stream(1));
            h.Receive(Head(3, Post, endStream: false), Data(3, 16_000)).ShouldBeTrue();
            h.Flush();
            h.Codec.Consume(h.Stream(1), 64_000);
            h.Codec.Consume(h.Stream(3), 16_000);
            var update = h.Flush().ShouldHaveSingleItem();
            (update.StreamId, update.Value).ShouldBe((0u, 80_000u));
        },
        new() { Protocol = new() { InitialStreamWindowSize = Window, InitialConnectionWindowSize = 160_000 } });

    [Fact]
    public void Release_OfAStreamWithBytesNotTaken_GivesThemBack() => Http2Harness.Server(
        h =>
        {
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false), Repeat(4, _ => Data(1, 16_000)), RstStream(1)).ShouldBeTrue();
            h.Receive(Head(3, Post, endStream: false), Data(3, 2000)).ShouldBeTrue();
            h.Release(h.Stream(1));
            h.Codec.Consume(h.Stream(3), 2000);
            var update = h.Flush().ShouldHaveSingleItem();
            (update.StreamId, update.Value).ShouldBe((0u, 66_000u));
        },
        s_small);

    [Fact]
    public void LateData_OfAStreamThatWeReset_IsGivenBackAtOnce() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
            h.Codec.Reset(h.Stream(1), Http2ErrorCode.Cancel);
            h.Flush();
            h.Receive(Repeat(5, _ => Data(1, 16_000))).ShouldBeTrue();
            var update = h.Flush().ShouldHaveSingleItem();
            (update.Type, update.StreamId).ShouldBe((Http2FrameType.WindowUpdate, 0u));
        },
        s_small);

    [Fact]
    public void Padding_IsGivenBackAtOnce() => Http2Harness.Server(
        h =>
        {
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false)).ShouldBeTrue();
            for (var i = 0; i < 300; i++)
            {
                h.Receive(Frame(Http2FrameType.Data, Http2Flags.Padded, 1, [255, 1, .. new byte[255]])).ShouldBeTrue();
            }

            var updates = h.Flush();
            updates.Where(f => f.StreamId == 1).Sum(f => f.Value).ShouldBe(128 * 256 * 2);
            updates.Where(f => f.StreamId == 0).Sum(f => f.Value).ShouldBe(255 * 256, "half of the window, less the bytes that wait");
            h.Stream(1).Received.Length.ShouldBe(300);
        },
        s_small);

    [Fact]
    public void Watermarks_QueueAboveTheHighOne_IsWritableAtTheLowOne() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, Get)).ShouldBeTrue();
            var stream = h.Stream(1);
            h.Respond(stream, endStream: false);
            h.SendData(stream, 60_000);
            stream.IsAboveHighWatermark.ShouldBeTrue();
            h.Codec.FillData(1000);
            h.Log.Count.ShouldBe(1);
            h.Flush();
            h.Log[1..].ShouldBe(["writable 1"]);
            stream.IsAboveHighWatermark.ShouldBeFalse();
        },
        new() { HighWatermarkBytes = 40_000 });

    [Fact]
    public void FillData_StopsAtItsLimit_AndSaysThatThereIsMore() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 60_000, endStream: true);
        h.Codec.FillData(20_000).ShouldBeTrue();
        h.Codec.Output.Length.ShouldBeInRange(20_000, 20_000 + 16_393);
        h.Codec.FillData(100_000).ShouldBeFalse();
    });

    [Fact]
    public void Frames_FollowOurLimitHoweverLargeThePeers() => Http2Harness.Server(h =>
    {
        h.Receive(Settings((5, 1_000_000)), Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 60_000, endStream: true);
        h.Flush().Max(f => f.Payload.Length).ShouldBe(16_384);
    });

    [Fact]
    public void Reset_WithDataQueued_DropsIt() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 60_000, endStream: true);
        h.Codec.Reset(h.Stream(1), Http2ErrorCode.InternalError);
        h.Stream(1).QueuedBytes.ShouldBe(0);
        h.Flush().Select(f => f.Type).ShouldBe([Http2FrameType.Headers, Http2FrameType.RstStream]);
        h.SendData(h.Stream(1), 10, endStream: true);
        h.Flush().ShouldBeEmpty();
    });

    /// <summary>A tunnel's last bytes: as many as the windows take (the connection's is 65,535), and never an END_STREAM of what is cut off.</summary>
    [Theory]
    [InlineData(1_000_000, false, 60_000)]
    [InlineData(12_000, false, 12_000)]
    [InlineData(0, false, 0)]
    [InlineData(1_000_000, true, 0)]
    public void SendBeforeReset_WithDataQueued_SendsWhatTheWindowsTake(int window, bool endQueued, int expected) => Http2Harness.Server(h =>
    {
        h.Receive(Settings((4, (uint)window)), Head(1, Get), Head(3, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.Respond(h.Stream(3), endStream: false);
        h.Flush();
        h.SendData(h.Stream(1), 60_000, endQueued);
        h.SendData(h.Stream(3), 100);
        h.Codec.SendBeforeReset(h.Stream(1));
        h.Codec.Reset(h.Stream(1), Http2ErrorCode.ConnectError);
        h.Codec.SendBeforeReset(h.Stream(1));

        var frames = h.Flush();
        var data = frames.Where(f => f.Type == Http2FrameType.Data && f.StreamId == 1).ToList();
        data.Sum(f => f.Payload.Length).ShouldBe(expected);
        data.ShouldAllBe(f => !f.EndStream);
        frames.Last(f => f.StreamId == 1).ErrorCode.ShouldBe(Http2ErrorCode.ConnectError);
        DataBytes([.. frames.Where(f => f.StreamId == 3)]).ShouldBe(Math.Min(window, 100));
        h.Stream(1).QueuedBytes.ShouldBe(0);
    });

    private static long DataBytes(List<Http2WireFrame> frames) => frames.Where(f => f.Type == Http2FrameType.Data).Sum(f => f.Payload.Length);
}
