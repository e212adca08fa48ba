using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Checks HTTP/2's options, wherever they stand.</summary>
internal static class Http2ProtocolOptionsValidator
{
    private const int MinWindow = 65_535;
    private const int MaxTable = ushort.MaxValue;

    public static void Validate(Http2ProtocolOptions options, ConfigErrors errors)
    {
        errors.RequireRange(options.HpackTableSize, 0, MaxTable, "hpack_table_size");
        errors.RequireAtLeast(options.MaxConcurrentStreams, 1, "max_concurrent_streams");
        errors.RequireAtLeast(options.InitialStreamWindowSize, MinWindow, "initial_stream_window_size");
        errors.RequireAtLeast(options.InitialConnectionWindowSize, MinWindow, "initial_connection_window_size");
        errors.RequireAtLeast(options.MaxOutboundFrames, 1, "max_outbound_frames");
        errors.RequireAtLeast(options.MaxOutboundControlFrames, 1, "max_outbound_control_frames");
        errors.RequireAtLeast(options.MaxConsecutiveInboundFramesWithEmptyPayload, 0, "max_consecutive_inbound_frames_with_empty_payload");
        errors.RequireAtLeast(options.MaxInboundPriorityFramesPerStream, 0, "max_inbound_priority_frames_per_stream");
        errors.RequireAtLeast(options.MaxInboundWindowUpdateFramesPerDataFrameSent, 1, "max_inbound_window_update_frames_per_data_frame_sent");
        errors.RequireAtLeast(options.MaxInboundResetBurst, 1, "max_inbound_reset_burst");
        errors.RequireAtLeast(options.MaxInboundResetsPerSecond, 0, "max_inbound_resets_per_second");
        errors.RequireAtLeast(options.MaxContinuationFrames, 0, "max_continuation_frames");
        if (options.ConnectionKeepalive is { } keepalive)
        {
            var at = errors.Field("connection_keepalive");
            at.RequireDuration(keepalive.Interval, "interval");
            at.RequirePositiveDuration(keepalive.Timeout, "timeout");
            at.Require(keepalive.IntervalJitter is >= 0 and <= 100, "interval_jitter", $"must be from 0 to 100 percent, is {keepalive.IntervalJitter}");
            at.RequireDuration(keepalive.ConnectionIdleInterval, "connection_idle_interval");
        }
    }
}
