using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.TransportSockets.OpenSsl;

namespace MeshProxy.Core.Server;

/// <summary>Settings of the process: threads, limits, drain times. Listeners and clusters come from a <see cref="ServerConfig"/>.</summary>
/// <remarks>Read once, when the server is made.</remarks>
public sealed class MeshProxyOptions
{
    /// <summary>How many worker threads serve connections; 1 to 1024 (Envoy: <c>--concurrency</c>).</summary>
    /// <value>The number of processors.</value>
    public int Concurrency { get; set; } = Environment.ProcessorCount;

    /// <summary>What the workers' event loops are built on.</summary>
    /// <value>Auto: epoll on Linux, sockets elsewhere.</value>
    public EventLoopKind EventLoop { get; set; } = EventLoopKind.Auto;

    /// <summary>Which library does TLS, on both sides. What a config can say does not depend on it.</summary>
    /// <value>Auto: OpenSSL on Linux where libssl 3 is there, SslStream elsewhere.</value>
    public TlsImplementation TlsImplementation { get; set; } = TlsImplementation.Auto;

    /// <summary>How long connections may go on after their listener or filter chain was changed or removed, and at most after the server
    /// began to stop (Envoy: <c>--drain-time-s</c>). Not negative.</summary>
    /// <value>600 seconds.</value>
    public TimeSpan DrainTime { get; set; } = TimeSpan.FromSeconds(600);

    /// <summary>How much buffer memory a worker keeps for reuse, in bytes. Not negative.</summary>
    /// <value>64 MiB.</value>
    public int MaxRetainedSlabBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>
    /// How far apart the turns of a worker are at least while it is busy with many messages of multiplexed connections, and this is seen to
    /// save work and to cost no throughput; zero to 1 millisecond, zero: never. It adds at most this to a message's latency. Linux only.
    /// </summary>
    /// <value>40 microseconds.</value>
    public TimeSpan BusyTurnInterval { get; set; } = TimeSpan.FromMicroseconds(40);

    /// <summary>A worker that is busy with one turn for longer than this is counted (Envoy: <c>watchdog.miss_timeout</c>).</summary>
    /// <value>200 milliseconds.</value>
    public TimeSpan WatchdogMissTimeout { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>And one that is busy for longer than this is counted again and logged (Envoy: <c>watchdog.megamiss_timeout</c>).</summary>
    /// <value>1 second.</value>
    public TimeSpan WatchdogMegamissTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>How often stats are flushed to their sinks; more than zero (Envoy: <c>stats_flush_interval</c>).</summary>
    /// <value>5 seconds.</value>
    public TimeSpan StatsFlushInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Whether the stats show in <c>System.Diagnostics.Metrics</c> as a meter named "MeshProxy", for OpenTelemetry and dotnet-counters.</summary>
    /// <value>True. Without a listener it costs one instrument for each stat.</value>
    public bool PublishMeter { get; set; } = true;

    /// <summary>Adds every error.</summary>
    internal void Validate(ConfigErrors errors)
    {
        errors.RequireRange(Concurrency, 1, 1024, "concurrency");
        errors.Require(Enum.IsDefined(EventLoop), "event_loop", "must be Auto, Epoll or Sockets");
        errors.Require(EventLoop != EventLoopKind.Epoll || OperatingSystem.IsLinux(), "event_loop", "Epoll needs Linux; choose Auto or Sockets");
        errors.Require(Enum.IsDefined(TlsImplementation), "tls_implementation", "must be Auto, SslStream or OpenSsl");
        if (TlsImplementation == TlsImplementation.OpenSsl)
        {
            errors.Require(OpenSslLibrary.Missing is null, "tls_implementation", $"OpenSsl cannot be used, {OpenSslLibrary.Missing}; choose Auto or SslStream");
        }

        errors.Require(DrainTime >= TimeSpan.Zero, "drain_time", "must not be negative");
        errors.Require(MaxRetainedSlabBytes >= 0, "max_retained_slab_bytes", "must not be negative");
        errors.Require(BusyTurnInterval >= TimeSpan.Zero && BusyTurnInterval <= TimeSpan.FromMilliseconds(1), "busy_turn_interval", "must be from zero to 1 millisecond");
        errors.RequirePositive(WatchdogMissTimeout, "watchdog_miss_timeout");
        errors.RequirePositive(WatchdogMegamissTimeout, "watchdog_megamiss_timeout");
        errors.RequirePositive(StatsFlushInterval, "stats_flush_interval");
    }

    internal MeshProxyOptions Clone() => (MeshProxyOptions)MemberwiseClone();
}
