using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>What a peer may make us do, and no more: each limit just reached, then exceeded, with its counter.</summary>
public sealed class Http2LimitTests
{
    [Fact]
    public void HeaderList_AtTheLimit_IsTaken_AboveIt_ResetsTheStream() => Http2Harness.Server(
        h =>
        {
            var fixedBytes = Get.Sum(f => f.Name.Length + f.Value.Length + 32) + 3 + 32;
            h.Receive(Head(1, [.. Get, ("x-a", new string('v', 2048 - fixedBytes))])).ShouldBeTrue();
            h.Log.Count.ShouldBe(1);
            h.Receive(Head(3, [.. Get, ("x-a", new string('v', 2049 - fixedBytes))])).ShouldBeTrue();
            h.ShouldReset(3, Http2ErrorCode.EnhanceYourCalm);
            h.Log[^1].ShouldBe("reset 3 EnhanceYourCalm us http2.headers_too_large");
            h.Counter("header_overflow").ShouldBe(1);
        },
        new() { HeadKb = 2 });

    [Fact]
    public void HeaderList_TheLargestThatCanBeSet_IsTaken() => Http2Harness.Server(
        h =>
        {
            var fixedBytes = Get.Sum(f => f.Name.Length + f.Value.Length + 32) + 6 + 32;
            var block = Block([.. Get, ("cookie", new string('v', 65536 - fixedBytes))]);
            h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, block[..16000]), Frame(Http2FrameType.Continuation, 0, 1, block[16000..32000])).ShouldBeTrue();
            h.Receive(Frame(Http2FrameType.Continuation, 0, 1, block[32000..48000]), Frame(Http2FrameType.Continuation, 0, 1, block[48000..64000])).ShouldBeTrue();
            h.Receive(Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, block[64000..])).ShouldBeTrue();
            h.Head(1).GetString("cookie")!.Length.ShouldBe(65536 - fixedBytes);
        },
        new() { HeadKb = 64 });

    [Fact]
    public void HeaderCount_AtTheLimit_IsTaken_AboveIt_ResetsTheStream() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, .. Many(100)])).ShouldBeTrue();
        h.Head(1).Count.ShouldBe(101);
        h.Receive(Head(3, [.. Get, .. Many(101)])).ShouldBeTrue();
        h.ShouldReset(3, Http2ErrorCode.EnhanceYourCalm);
        h.Log[^1].ShouldBe("reset 3 EnhanceYourCalm us http2.too_many_headers");
        h.Counter("header_overflow").ShouldBe(1);

        static IEnumerable<(string, string)> Many(int count) => Enumerable.Range(0, count).Select(i => ($"x-{i}", ""));
    });

    [Fact]
    public void HeaderCount_OfTrailers_IsLimitedAsWell() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Head(1, [.. Enumerable.Range(0, 101).Select(i => ($"x-{i}", ""))])).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.EnhanceYourCalm);
    });

    [Fact]
    public void HeaderExpansion_BeyondTheHardLimit_EndsTheConnection() => Http2Harness.Server(h =>
    {
        // One entry of 4000 bytes, then a byte for each time that it stands in the list: 16 KB for 40 MB.
        byte[] entry = [0x40, 3, (byte)'x', (byte)'-', (byte)'a', 0x7F, 0xA1, 0x1E, .. new string('v', 4000).Select(c => (byte)c)];
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Get), .. entry, .. Enumerable.Repeat((byte)0xBE, 10_000)]));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Counter("header_expansion_flood").ShouldBe(1);
    });

    [Fact]
    public void HeaderExpansion_BelowTheHardLimit_ResetsTheStreamOnly() => Http2Harness.Server(h =>
    {
        byte[] entry = [0x40, 3, (byte)'x', (byte)'-', (byte)'a', 0x7F, 0xA1, 0x1E, .. new string('v', 4000).Select(c => (byte)c)];
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, [.. Block(Get), .. entry, .. Enumerable.Repeat((byte)0xBE, 200)])).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.EnhanceYourCalm);
    });

    [Fact]
    public void Continuations_MoreThanTheLimit_EndTheConnection() => Http2Harness.Server(h =>
    {
        h.Receive(Frame(Http2FrameType.Headers, 0, 1, Block(Get)), Repeat(32, _ => Frame(Http2FrameType.Continuation, 0, 1, Block(("x", "y"))))).ShouldBeTrue();
        h.Receive(Frame(Http2FrameType.Continuation, 0, 1, Block(("x", "y"))));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Counter("inbound_continuation_flood").ShouldBe(1);
    });

    [Fact]
    public void Continuations_MoreBytesThanTheLimit_EndTheConnection() => Http2Harness.Server(h =>
    {
        h.Receive(Frame(Http2FrameType.Headers, 0, 1, Block(Get)), Repeat(9, _ => Frame(Http2FrameType.Continuation, 0, 1, new byte[16_000])));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Pool.BytesInUse.ShouldBeLessThanOrEqualTo(200 * 1024);
    });

    [Theory]
    [InlineData("data")]
    [InlineData("padded data")]
    [InlineData("continuation")]
    public void EmptyFrames_MoreThanTheLimitInARow_EndTheConnection(string what) => Http2Harness.Server(h =>
    {
        var empty = what switch
        {
            "data" => Data(1, ""),
            "padded data" => Frame(Http2FrameType.Data, Http2Flags.Padded, 1, [200, .. new byte[200]]),
            _ => Frame(Http2FrameType.Continuation, 0, 1),
        };
        h.Receive(what == "continuation" ? Frame(Http2FrameType.Headers, 0, 1, Block(Post)) : Head(1, Post, endStream: false)).ShouldBeTrue();
        h.Receive(empty).ShouldBeTrue();
        h.Receive(empty);
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Counter("inbound_empty_frames_flood").ShouldBe(1);
    });

    [Fact]
    public void EmptyFrames_NotInARow_AreTaken() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Data(1, ""), Data(1, "x"), Data(1, ""), Data(1, "", endStream: true)).ShouldBeTrue();
        h.Log[^1].ShouldBe("end 1");
    });

    [Fact]
    public void Priority_MoreThanTheLimit_EndTheConnection() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get), Repeat(200, _ => Priority(1))).ShouldBeTrue();
        h.Receive(Priority(1));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Counter("inbound_priority_frames_flood").ShouldBe(1);
    });

    [Fact]
    public void WindowUpdates_MoreThanTheLimit_EndTheConnection() => Http2Harness.Server(h =>
    {
        // 5 + 2 x (1 stream + 10 x 1 DATA frame).
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), "x");
        h.Flush();
        h.Receive(Repeat(27, _ => WindowUpdate(0, 1))).ShouldBeTrue();
        h.Receive(WindowUpdate(0, 1));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Counter("inbound_window_update_frames_flood").ShouldBe(1);
    });

    [Fact]
    public void UnknownFrames_MoreThanTheLimit_EndTheConnection() => Http2Harness.Server(h =>
    {
        h.Receive(Repeat(100, _ => Frame((Http2FrameType)0x42, 0, 0))).ShouldBeTrue();
        h.Receive(Frame((Http2FrameType)0x42, 0, 0));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Counter("inbound_extension_frames_flood").ShouldBe(1);
    });

    [Theory]
    [InlineData("ping")]
    [InlineData("settings")]
    public void ControlFrames_ThatNobodyReads_EndTheConnection(string what) => Http2Harness.Server(
        h =>
        {
            var frame = what == "ping" ? Ping() : Settings();
            h.Receive(Repeat(10, _ => frame)).ShouldBeTrue();
            h.Flush();
            h.Receive(Repeat(10, _ => frame)).ShouldBeTrue("those before were sent");
            h.Receive(frame);
            h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
            h.Counter("outbound_control_flood").ShouldBe(1);
        },
        new() { Protocol = new() { MaxOutboundControlFrames = 10 } });

    [Fact]
    public void ControlFrames_ThatTheConnectionHolds_CountUntilTheyHaveLeft() => Http2Harness.Server(
        h =>
        {
            // Three batches of four answers: the peer has read the first one when the third is made.
            for (var batch = 1; batch <= 3; batch++)
            {
                h.Codec.SentBytes = batch == 3 ? 100 : 0;
                h.Receive(Repeat(4, _ => Ping())).ShouldBeTrue();
                h.Flush();
                h.Codec.WrittenBytes = batch * 100;
            }

            h.ShouldBeWell();
            h.Receive(Repeat(2, _ => Ping())).ShouldBeTrue();
            h.Receive(Ping());
            h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        },
        new() { Protocol = new() { MaxOutboundControlFrames = 10 } });

    [Fact]
    public void ControlFrames_ByTheThousand_KeepMemoryBounded() => Http2Harness.Server(h =>
    {
        h.Receive(Repeat(5000, _ => Ping()));
        h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        h.Codec.Output.Length.ShouldBeLessThan(20_000);
    });

    [Fact]
    public void OutboundFrames_MoreThanTheLimit_EndTheConnection() => Http2Harness.Server(
        h =>
        {
            h.Receive(Repeat(10, i => Head((uint)((2 * i) + 1), Get))).ShouldBeTrue();
            for (var i = 0u; i < 10; i++)
            {
                h.Respond(h.Stream((2 * i) + 1), endStream: false);
            }

            h.Codec.Error.IsSet.ShouldBeFalse();
            h.SendData(h.Stream(1), "", endStream: true);
            h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
            h.Counter("outbound_flood").ShouldBe(1);
        },
        new() { Protocol = new() { MaxOutboundFrames = 10 } });

    [Fact]
    public void RapidReset_ByThePeer_EndsTheConnection() => Http2Harness.Server(
        h =>
        {
            Cve202344487(h, 0, 20).ShouldBeTrue();
            Cve202344487(h, 20, 1).ShouldBeFalse();
            h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
            h.Counter("inbound_reset_flood").ShouldBe(1);
            h.Counter("rx_reset").ShouldBe(21);
        },
        new() { Protocol = new() { MaxInboundResetBurst = 20 } });

    [Fact]
    public void RapidReset_SlowEnough_IsForgiven() => Http2Harness.Server(
        h =>
        {
            for (var second = 0; second < 10; second++)
            {
                h.Codec.NowMs = 5_000_000 + (second * 1000);
                Cve202344487(h, second * 5, 5).ShouldBeTrue();
            }

            h.ShouldBeWell();
            Cve202344487(h, 50, 20).ShouldBeFalse();
        },
        new() { Protocol = new() { MaxInboundResetBurst = 20, MaxInboundResetsPerSecond = 5 } });

    [Fact]
    public void MadeYouReset_ByMalformedFrames_EndsTheConnection() => Http2Harness.Server(
        h =>
        {
            h.Receive(Repeat(20, i => [.. Head((uint)((2 * i) + 1), Get), .. WindowUpdate((uint)((2 * i) + 1), 0)])).ShouldBeTrue();
            h.Receive(Head(101, Get), WindowUpdate(101, 0));
            h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
            h.Counter("inbound_reset_flood").ShouldBe(1);
        },
        new() { Protocol = new() { MaxInboundResetBurst = 20 } });

    [Fact]
    public void RefusedStreams_FasterThanTheLimit_EndTheConnection() => Http2Harness.Server(
        h =>
        {
            h.Receive(Head(1, Get), Repeat(20, i => Head((uint)((2 * i) + 3), Get))).ShouldBeTrue();
            h.Receive(Head(101, Get));
            h.ShouldFail(Http2ErrorCode.EnhanceYourCalm);
        },
        new() { Protocol = new() { MaxInboundResetBurst = 20, MaxConcurrentStreams = 1 } });

    [Fact]
    public void StreamsThatAreResetAndStillAtWork_CountAgainstTheLimit() => Http2Harness.Server(
        h =>
        {
            Cve202344487(h, 0, 4).ShouldBeTrue();
            h.Codec.HeldStreams.ShouldBe(4);
            h.Receive(Head(101, Get)).ShouldBeTrue();
            h.ShouldReset(101, Http2ErrorCode.RefusedStream);
            h.Release(h.Stream(1));
            h.Receive(Head(103, Get)).ShouldBeTrue();
            h.Log[^1].ShouldStartWith("headers 103");
        },
        new() { Protocol = new() { MaxConcurrentStreams = 2 } });

    [Fact]
    public void ResetsByAServer_AreNotLimited() => Http2Harness.Client(
        h =>
        {
            for (var i = 0; i < 50; i++)
            {
                h.Request();
                h.Receive(RstStream((uint)((2 * i) + 1), Http2ErrorCode.RefusedStream)).ShouldBeTrue();
                h.Log[^1].ShouldEndWith("RefusedStream peer http2.remote_refuse");
            }
        },
        new() { Protocol = new() { MaxInboundResetBurst = 20 } });

    [Fact]
    public void InformationalResponses_MoreThanTheLimit_ResetTheStream() => Http2Harness.Client(h =>
    {
        h.Request();
        h.Receive(Repeat(32, _ => Head(1, [(":status", "103")], endStream: false))).ShouldBeTrue();
        h.Receive(Head(1, [(":status", "103")], endStream: false)).ShouldBeTrue();
        h.ShouldReset(1, Http2ErrorCode.EnhanceYourCalm);
        h.Counter("too_many_header_frames").ShouldBe(1);
    });

    [Fact]
    public void UntakenBodies_SmallPartsOfWhatWasRead_HoldLittleMoreThanTheirBytes()
    {
        const int Held = 3000;
        const int Rounds = 300;
        Http2Harness.Server(h =>
        {
            h.Consumes = false;
            h.Receive(Head(1, Post, endStream: false), Head(3, Post, endStream: false), RstStream(3)).ShouldBeTrue();
            var bytes = Join(Data(1, Held), Repeat(3, _ => Data(3, 16_000)));
            for (var i = 0; i < Rounds; i++)
            {
                // A full slab, of which stream 1 keeps a small part.
                var input = new IoBuffer(h.Pool);
                bytes.CopyTo(input.WritableTail(SlabPool.MaxSlabBytes, SlabPool.MaxSlabBytes));
                input.Commit(bytes.Length);
                h.Codec.Receive(input).ShouldBeTrue(h.Codec.Error.Reason);
            }

            h.Stream(1).Received.Length.ShouldBe(Held * Rounds);
            h.Pool.BytesInUse.ShouldBeLessThan(8 * Held * Rounds);
            h.ShouldBeWell();
        });
    }

    [Fact]
    public void HpackTable_OfAnotherSize_IsAnnouncedAndKept() => Http2Harness.Fresh(
        Http2Role.Server,
        h =>
        {
            h.Flush()[0].Setting(1).ShouldBe(100u);
            h.Receive(ClientStart, SettingsAck(), Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.EndStream, 1, Block(Get)));
            h.ShouldFail(Http2ErrorCode.CompressionError);
        },
        new() { Protocol = new() { HpackTableSize = 100 } });

    /// <summary>Requests that are cancelled at once (CVE-2023-44487).</summary>
    private static bool Cve202344487(Http2Harness h, int from, int count) =>
        h.Receive(Repeat(count, i => [.. Head((uint)((2 * (from + i)) + 1), Get), .. RstStream((uint)((2 * (from + i)) + 1))]));
}
