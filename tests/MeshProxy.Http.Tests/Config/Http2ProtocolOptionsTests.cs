using MeshProxy.Core.Config;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Tests.Config;

public sealed class Http2ProtocolOptionsTests
{
    public static TheoryData<Http2ProtocolOptions, string> Unsound => new()
    {
        { new() { HpackTableSize = -1 }, "h2.hpack_table_size" },
        { new() { HpackTableSize = 65_536 }, "h2.hpack_table_size" },
        { new() { MaxConcurrentStreams = 0 }, "h2.max_concurrent_streams" },
        { new() { InitialStreamWindowSize = 65_534 }, "h2.initial_stream_window_size" },
        { new() { InitialConnectionWindowSize = 65_534 }, "h2.initial_connection_window_size" },
        { new() { MaxOutboundFrames = 0 }, "h2.max_outbound_frames" },
        { new() { MaxOutboundControlFrames = 0 }, "h2.max_outbound_control_frames" },
        { new() { MaxConsecutiveInboundFramesWithEmptyPayload = -1 }, "h2.max_consecutive_inbound_frames_with_empty_payload" },
        { new() { MaxInboundPriorityFramesPerStream = -1 }, "h2.max_inbound_priority_frames_per_stream" },
        { new() { MaxInboundWindowUpdateFramesPerDataFrameSent = 0 }, "h2.max_inbound_window_update_frames_per_data_frame_sent" },
        { new() { MaxInboundResetBurst = 0 }, "h2.max_inbound_reset_burst" },
        { new() { MaxInboundResetsPerSecond = -1 }, "h2.max_inbound_resets_per_second" },
        { new() { MaxContinuationFrames = -1 }, "h2.max_continuation_frames" },
        { new() { ConnectionKeepalive = new() { Timeout = TimeSpan.Zero } }, "h2.connection_keepalive.timeout" },
        { new() { ConnectionKeepalive = new() { Timeout = TimeSpan.FromSeconds(1), Interval = TimeSpan.FromTicks(1) } }, "h2.connection_keepalive.interval" },
        { new() { ConnectionKeepalive = new() { Timeout = TimeSpan.FromSeconds(1), IntervalJitter = 101 } }, "h2.connection_keepalive.interval_jitter" },
        { new() { ConnectionKeepalive = new() { Timeout = TimeSpan.FromSeconds(1), IntervalJitter = double.NaN } }, "h2.connection_keepalive.interval_jitter" },
    };

    [Fact]
    public void Defaults_AreEnvoys()
    {
        var options = new Http2ProtocolOptions();

        options.HpackTableSize.ShouldBe(4096);
        options.MaxConcurrentStreams.ShouldBe(1024);
        options.InitialStreamWindowSize.ShouldBe(16 * 1024 * 1024);
        options.InitialConnectionWindowSize.ShouldBe(24 * 1024 * 1024);
        options.AllowConnect.ShouldBeFalse();
        options.MaxOutboundFrames.ShouldBe(10_000);
        options.MaxOutboundControlFrames.ShouldBe(1000);
        options.MaxConsecutiveInboundFramesWithEmptyPayload.ShouldBe(1);
        options.MaxInboundPriorityFramesPerStream.ShouldBe(100);
        options.MaxInboundWindowUpdateFramesPerDataFrameSent.ShouldBe(10);
        options.OverrideStreamErrorOnInvalidHttpMessage.ShouldBeNull();
        options.ConnectionKeepalive.ShouldBeNull();
        new KeepaliveSettings { Timeout = TimeSpan.FromSeconds(1) }.IntervalJitter.ShouldBe(15);
        Errors(options).ShouldBeEmpty();
    }

    [Theory]
    [MemberData(nameof(Unsound))]
    public void Validate_OneFieldUnsound_NamesIt(Http2ProtocolOptions options, string path) => Errors(options).ShouldHaveSingleItem().Path.ShouldBe(path);

    private static IReadOnlyList<ConfigError> Errors(Http2ProtocolOptions options)
    {
        var errors = new ConfigErrors();
        Http2ProtocolOptionsValidator.Validate(options, errors.Field("h2"));
        return errors.All;
    }
}
