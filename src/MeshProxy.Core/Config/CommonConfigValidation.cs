using System.Text;
using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>Checks of what several configs have.</summary>
internal static class CommonConfigValidation
{
    // sun_path has 108 bytes, and the last one is a zero.
    private const int MaxUnixPathBytes = 107;

    /// <summary>Longer than any use, and short enough that a deadline in any unit fits 64 bits.</summary>
    private static readonly TimeSpan MaxDuration = TimeSpan.FromDays(36_500);

    // Timers count milliseconds: less than one would come out as 0, which mostly means no limit at all.
    private static readonly TimeSpan MinDuration = TimeSpan.FromMilliseconds(1);

    /// <summary>A duration that may be zero. Null passes.</summary>
    public static bool RequireDuration(this ConfigErrors errors, TimeSpan? value, string field) => errors.Require(
        value is null || value == TimeSpan.Zero || (value >= MinDuration && value <= MaxDuration), field, $"must be 0, or from 1 ms to 36500 days, is {value}");

    /// <summary>A duration that must not be zero. Null passes.</summary>
    public static bool RequirePositiveDuration(this ConfigErrors errors, TimeSpan? value, string field) => errors.Require(
        value is null || (value >= MinDuration && value <= MaxDuration), field, $"must be from 1 ms to 36500 days, is {value}");

    public static bool RequireAtLeast(this ConfigErrors errors, long? value, long min, string field) =>
        errors.Require(value is null || value >= min, field, $"must be at least {min}, is {value}");

    public static bool RequireDefined<TEnum>(this ConfigErrors errors, TEnum value, string field)
        where TEnum : struct, Enum =>
        errors.Require(Enum.IsDefined(value), field, $"must be one of {string.Join(", ", Enum.GetNames<TEnum>())}, is {value}");

    /// <summary>What a header may carry as its value: no control characters, no space at the ends (RFC 9110 section 5.5).</summary>
    public static bool RequireHeaderValue(this ConfigErrors errors, string value, string field) => errors.Require(
        !value.Any(c => char.IsControl(c) && c != '\t') && value.AsSpan().Trim(" \t").Length == value.Length,
        field,
        "must be a header value: no control characters, no space at its ends");

    public static void ValidateAddress(NetworkAddress address, ConfigErrors errors)
    {
        switch (address)
        {
            case UnixSocketAddress unix:
                var bytes = Encoding.UTF8.GetByteCount(unix.Path);
                errors.Require(unix.Path.Length > (unix.IsAbstract ? 1 : 0), "", "must name a Unix socket: unix:/path or unix:@name");
                errors.Require(bytes <= MaxUnixPathBytes, "", $"a Unix socket's path has at most {MaxUnixPathBytes} bytes, this one has {bytes}");
                errors.Require(!unix.Path.Contains('\0', StringComparison.Ordinal), "", "a Unix socket's path must not contain a NUL");
                errors.Require(unix.Mode is null || ((int)unix.Mode & ~0x1FF) == 0, "mode", "must be from 0 to 0777");
                errors.Require(unix.Mode is null || !unix.IsAbstract, "mode", "an abstract Unix socket has no permissions; leave it out");
                break;
            case InternalAddress local:
                errors.RequireText(local.Name, "");
                break;
            default:
                break;
        }
    }

    public static void ValidateKeepalive(TcpKeepaliveConfig? keepalive, ConfigErrors errors)
    {
        if (keepalive is null)
        {
            return;
        }

        // The limits of Linux's tcp(7): MAX_TCP_KEEPCNT, MAX_TCP_KEEPIDLE, MAX_TCP_KEEPINTVL.
        errors.RequireRange(keepalive.KeepaliveProbes, 1, 127, "keepalive_probes");
        RequireSeconds(keepalive.KeepaliveTime, "keepalive_time");
        RequireSeconds(keepalive.KeepaliveInterval, "keepalive_interval");

        void RequireSeconds(TimeSpan? value, string field) => errors.Require(
            value is null || (value.Value.Ticks % TimeSpan.TicksPerSecond == 0 && value.Value.TotalSeconds is >= 1 and <= 32767),
            field,
            $"must be whole seconds from 1 to 32767, is {value}");
    }

    public static void ValidateAccessLogs(EquatableArray<AccessLogConfig> logs, ConfigErrors errors)
    {
        for (var i = 0; i < logs.Count; i++)
        {
            var at = errors.Field("access_log", i);
            if (logs[i].Path is null == logs[i].Logger is null)
            {
                at.Add("set exactly one of path (a file) and logger (a category)");
            }
            else
            {
                at.Require(logs[i].Path is not "", "path", "must not be empty");
                at.Require(logs[i].Logger is not "", "logger", "must not be empty");
            }

            at.Require(logs[i].Format is not "", "format", "must not be empty; leave it out for the default format");
        }
    }

    public static void ValidateHttpProtocolOptions(HttpProtocolOptions options, ConfigErrors errors)
    {
        errors.RequireDuration(options.IdleTimeout, "idle_timeout");
        errors.RequireDuration(options.MaxConnectionDuration, "max_connection_duration");
        errors.RequireDuration(options.MaxStreamDuration, "max_stream_duration");
        errors.RequireAtLeast(options.MaxHeadersCount, 1, "max_headers_count");
        errors.RequireAtLeast(options.MaxRequestsPerConnection, 0, "max_requests_per_connection");
        errors.RequireDefined(options.HeadersWithUnderscoresAction, "headers_with_underscores_action");
    }

    /// <summary>Buffers are counted in 32 bits, with room for what a read adds on top.</summary>
    public static void ValidateBufferLimit(int value, ConfigErrors errors) =>
        errors.RequireRange(value, 1, 1024 * 1024 * 1024, "per_connection_buffer_limit_bytes");
}
