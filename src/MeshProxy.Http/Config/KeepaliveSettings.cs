namespace MeshProxy.Http.Config;

/// <summary>PING frames that find dead peers (Envoy: <c>config.core.v3.KeepaliveSettings</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record KeepaliveSettings
{
    /// <summary>How often a PING is sent; zero means never but for <see cref="ConnectionIdleInterval"/> (Envoy: <c>interval</c>).</summary>
    /// <value>Zero.</value>
    public TimeSpan Interval { get; init; }

    /// <summary>How long the answer may take; then the connection is closed (Envoy: <c>timeout</c>).</summary>
    public required TimeSpan Timeout { get; init; }

    /// <summary>By how much an interval is lengthened at random, in percent, 0 to 100 (Envoy: <c>interval_jitter</c>).</summary>
    /// <value>15.</value>
    public double IntervalJitter { get; init; } = 15;

    /// <summary>After how long without a frame a new stream is accompanied by a PING; zero means never (Envoy: <c>connection_idle_interval</c>).</summary>
    /// <value>Zero.</value>
    public TimeSpan ConnectionIdleInterval { get; init; }
}
