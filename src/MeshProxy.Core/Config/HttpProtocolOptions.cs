namespace MeshProxy.Core.Config;

/// <summary>HTTP limits that do not depend on the protocol's version, for the downstream side in a connection manager and for the
/// upstream side in a cluster (Envoy: <c>config.core.v3.HttpProtocolOptions</c>).</summary>
/// <remarks>Immutable, compared by value. It stands in Core because clusters carry it.</remarks>
public sealed record HttpProtocolOptions
{
    /// <summary>How long a connection may be without an active stream; zero means no limit (Envoy: <c>idle_timeout</c>).</summary>
    /// <value>1 hour.</value>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a connection may live before it is drained (Envoy: <c>max_connection_duration</c>).</summary>
    /// <value>Null, the same as zero: no limit.</value>
    public TimeSpan? MaxConnectionDuration { get; init; }

    /// <summary>The most headers that a message may have: 431 for a request past it, 502 for a response (Envoy: <c>max_headers_count</c>).</summary>
    /// <value>100.</value>
    public int MaxHeadersCount { get; init; } = 100;

    /// <summary>How long a stream may live from its first byte on (Envoy: <c>max_stream_duration</c>).</summary>
    /// <value>Null, the same as zero: no limit.</value>
    public TimeSpan? MaxStreamDuration { get; init; }

    /// <summary>What to do with a request whose header names contain an underscore (Envoy: <c>headers_with_underscores_action</c>).
    /// Responses are not affected.</summary>
    /// <value>Allow.</value>
    public HeadersWithUnderscoresAction HeadersWithUnderscoresAction { get; init; }

    /// <summary>How many requests a connection may carry; it is closed after the last one's answer. 0 means no limit (Envoy: <c>max_requests_per_connection</c>).</summary>
    /// <value>Null: no limit.</value>
    public int? MaxRequestsPerConnection { get; init; }
}

/// <summary>Envoy: <c>HttpProtocolOptions.HeadersWithUnderscoresAction</c>.</summary>
public enum HeadersWithUnderscoresAction : byte
{
    Allow,

    /// <summary>400 and the counter <c>requests_rejected_with_underscores_in_headers</c>.</summary>
    RejectRequest,

    /// <summary>The header is dropped before any filter sees it; the counter <c>dropped_headers_with_underscores</c>.</summary>
    DropHeader,
}
