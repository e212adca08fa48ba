namespace MeshProxy.Core.Config;

/// <summary>Sends a fixed answer to each new connection and closes it; terminal (<c>envoy.filters.network.direct_response</c>).</summary>
public sealed record DirectResponseConfig
{
    /// <summary>Sent as UTF-8 (Envoy: <c>response.inline_string</c>).</summary>
    /// <value>Empty: the connection is just closed.</value>
    public string Response { get; init; } = "";
}

/// <summary>Closes connections past a number of open ones on its filter chain (<c>envoy.filters.network.connection_limit</c>).</summary>
public sealed record ConnectionLimitConfig
{
    /// <summary>Stats are <c>connection_limit.PREFIX.</c>; not empty (Envoy: <c>stat_prefix</c>).</summary>
    public required string StatPrefix { get; init; }

    /// <summary>Open connections over all workers; at least 1 (Envoy: <c>max_connections</c>).</summary>
    public required long MaxConnections { get; init; }

    /// <summary>How long a connection past the limit is held before it is closed, to slow its client down (Envoy: <c>delay</c>).</summary>
    /// <value>Zero: closed at once.</value>
    public TimeSpan Delay { get; init; }
}

/// <summary>Closes connections past a rate, measured by a token bucket that each filter chain has (<c>envoy.filters.network.local_ratelimit</c>).</summary>
public sealed record LocalRateLimitConfig
{
    /// <summary>Stats are <c>local_rate_limit.PREFIX.</c>; not empty (Envoy: <c>stat_prefix</c>).</summary>
    public required string StatPrefix { get; init; }

    /// <summary>A connection takes a token. The fill interval is at least 50 ms (Envoy: <c>token_bucket</c>).</summary>
    public required TokenBucketConfig TokenBucket { get; init; }

    /// <summary>Filters with the same key and an equal bucket share one bucket (Envoy: <c>share_key</c>).</summary>
    /// <value>Empty: not shared.</value>
    public string ShareKey { get; init; } = "";
}

/// <summary>Envoy: <c>type.v3.TokenBucket</c>.</summary>
public sealed record TokenBucketConfig
{
    /// <summary>What the bucket holds at the start and at most; at least 1 (Envoy: <c>max_tokens</c>).</summary>
    public required uint MaxTokens { get; init; }

    /// <summary>What an interval adds; at least 1 (Envoy: <c>tokens_per_fill</c>).</summary>
    /// <value>1.</value>
    public uint TokensPerFill { get; init; } = 1;

    /// <summary>More than zero (Envoy: <c>fill_interval</c>).</summary>
    public required TimeSpan FillInterval { get; init; }
}
