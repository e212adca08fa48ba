using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>
/// The peer changes SETTINGS_HEADER_TABLE_SIZE: from our acknowledgement on it counts on the new size (RFC 9113 section 4.3.1), so that must
/// leave before the first block that was made under it, and the block must begin with the change (RFC 7541 section 4.2).
/// </summary>
public class Http2TableSizeTests
{
    private const int TableSize = (int)Http2Setting.HeaderTableSize;

    private static readonly byte[] s_to0 = [0x20];
    private static readonly byte[] s_to100 = [0x3F, 69];
    private static readonly byte[] s_to4096 = [0x3F, 0xE1, 0x1F];

    [Fact]
    public void Settings_Shrink_AckThenTheBlockThatBeginsWithTheUpdate() => Http2Harness.Client(h =>
    {
        h.Request(with: Indexed);
        h.Flush();
        h.Receive(Http2Bytes.Settings((TableSize, 100))).ShouldBeTrue();
        h.Request(with: Indexed);
        h.Request(with: Indexed);

        var frames = h.Flush();
        frames.Select(f => f.Type).ShouldBe([Http2FrameType.Settings, Http2FrameType.Headers, Http2FrameType.Headers]);
        frames[0].IsAck.ShouldBeTrue();
        Updates(frames[1]).ShouldBe(s_to100);
        Updates(frames[2]).ShouldBeEmpty();
        frames[2]["x-often"].ShouldBe("the same");
        h.ShouldBeWell();
    });

    [Fact]
    public void Settings_ShrinkWhileAHeadIsQueued_TheHeadStandsBeforeTheAck() => Http2Harness.Server(h =>
    {
        h.Receive(Http2Bytes.Head(1, Http2Bytes.Get), Http2Bytes.Head(3, Http2Bytes.Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), with: Indexed);
        h.Receive(Http2Bytes.Settings((TableSize, 0))).ShouldBeTrue();
        h.Respond(h.Stream(3), with: Indexed);

        var frames = h.Flush();
        frames.Select(f => (f.Type, f.StreamId)).ShouldBe([(Http2FrameType.Headers, 1u), (Http2FrameType.Settings, 0u), (Http2FrameType.Headers, 3u)]);
        Updates(frames[0]).ShouldBeEmpty();
        Updates(frames[2]).ShouldBe(s_to0);
        h.ShouldBeWell();
    });

    [Fact]
    public void Settings_ShrinkWhileTrailersWaitBehindDATA_TheTrailersBeginWithTheUpdate() => Http2Harness.Server(h =>
    {
        h.Receive(Http2Bytes.Settings(((int)Http2Setting.InitialWindowSize, 2)), Http2Bytes.Head(1, Http2Bytes.Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false, with: Indexed);
        h.SendData(h.Stream(1), "four");
        h.Codec.SendTrailers(h.Stream(1), h.Trailers("x-often", "the same"));
        h.Flush();
        h.Receive(Http2Bytes.Settings((TableSize, 0)), Http2Bytes.WindowUpdate(1, 2)).ShouldBeTrue();

        var frames = h.Flush();
        frames.Select(f => f.Type).ShouldBe([Http2FrameType.Settings, Http2FrameType.Data, Http2FrameType.Headers]);
        Updates(frames[2]).ShouldBe(s_to0);
        frames[2]["x-often"].ShouldBe("the same");
        h.ShouldBeWell();
    });

    [Fact]
    public void Settings_ShrinkAndAHeadIsSentOnHearingOfThem_TheAckIsBefore() => Http2Harness.Client(h =>
    {
        h.InSettings = () => h.Request(with: Indexed);
        h.Receive(Http2Bytes.Settings((TableSize, 0))).ShouldBeTrue();

        var frames = h.Flush();
        frames.Select(f => f.Type).ShouldBe([Http2FrameType.Settings, Http2FrameType.Headers]);
        Updates(frames[1]).ShouldBe(s_to0);
        h.InSettings = null;
        h.ShouldBeWell();
    });

    [Fact]
    public void FirstSettings_Shrink_BlocksBeforeThemKeepTheDefault() => Http2Harness.Fresh(Http2Role.Client, h =>
    {
        h.Request(with: Indexed);
        Updates(h.Flush()[^1]).ShouldBeEmpty();
        h.Receive(Http2Bytes.Settings((TableSize, 0)), Http2Bytes.SettingsAck()).ShouldBeTrue();
        h.Request(with: Indexed);

        var frames = h.Flush();
        frames.Select(f => f.Type).ShouldBe([Http2FrameType.Settings, Http2FrameType.Headers]);
        Updates(frames[1]).ShouldBe(s_to0);
        h.ShouldBeWell();
    });

    /// <summary>Of all sizes between two blocks the smallest and the last are told, in one frame or in several.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Settings_DownAndUpBetweenTwoBlocks_BothAreTold(bool inOneFrame) => Http2Harness.Client(h =>
    {
        h.Request(with: Indexed);
        h.Flush();
        Change(h, inOneFrame, 1000, 100, 2000, 4096);
        h.Request(with: Indexed);
        h.Request(with: Indexed);

        var heads = h.Flush().Where(f => f.Type == Http2FrameType.Headers).ToArray();
        Updates(heads[0]).ShouldBe([.. s_to100, .. s_to4096]);
        heads[0]["x-often"].ShouldBe("the same"); // though the entry is gone
        Updates(heads[1]).ShouldBeEmpty();
        h.ShouldBeWell();
    });

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Settings_UpAndDownBetweenTwoBlocks_OnlyTheLastIsTold(bool inOneFrame) => Http2Harness.Client(h =>
    {
        Change(h, inOneFrame, 10_000, 3000, 100);
        h.Request(with: Indexed);

        Updates(h.Flush()[^1]).ShouldBe(s_to100);
        h.ShouldBeWell();
    });

    [Fact]
    public void Settings_EachAcknowledgedBeforeTheNext_ABlockAfterEach() => Http2Harness.Client(h =>
    {
        foreach (var (size, update) in new[] { (0u, s_to0), (4096u, s_to4096), (100u, s_to100), (100u, []), (0u, s_to0) })
        {
            h.Receive(Http2Bytes.Settings((TableSize, size))).ShouldBeTrue();
            h.Request(with: Indexed);
            var frames = h.Flush();
            frames[0].IsAck.ShouldBeTrue();
            Updates(frames[1]).ShouldBe(update);
        }

        h.ShouldBeWell();
    });

    [Fact]
    public void Settings_MoreThanWeWant_ChangeNothing() => Http2Harness.Client(h =>
    {
        h.Receive(Http2Bytes.Settings((TableSize, 65_536))).ShouldBeTrue();
        h.Request(with: Indexed);

        Updates(h.Flush()[^1]).ShouldBeEmpty();
        h.ShouldBeWell();
    });

    private static void Change(Http2Harness h, bool inOneFrame, params uint[] sizes)
    {
        var settings = sizes.Select(size => (TableSize, size)).ToArray();
        h.Receive(inOneFrame ? [Http2Bytes.Settings(settings)] : [.. settings.Select(s => Http2Bytes.Settings(s))]).ShouldBeTrue();
    }

    /// <summary>A field that goes into the table.</summary>
    private static void Indexed(HeaderMap headers) => headers.Add("x-often", "the same");

    /// <summary>The table size updates that a block begins with (RFC 7541 section 6.3).</summary>
    private static byte[] Updates(Http2WireFrame head)
    {
        var at = 0;
        while ((head.Payload[at] & 0xE0) == 0x20)
        {
            if ((head.Payload[at++] & 0x1F) == 0x1F)
            {
                while ((head.Payload[at++] & 0x80) != 0)
                {
                }
            }
        }

        return head.Payload[..at];
    }
}
