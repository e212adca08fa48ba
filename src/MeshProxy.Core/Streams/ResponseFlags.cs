namespace MeshProxy.Core.Streams;

/// <summary>Why a response or connection was not what the upstream would have given, in Envoy's flags. An access log shows the short strings.</summary>
[Flags]
public enum ResponseFlags : ulong
{
    None = 0,

    /// <summary>LH: the local service failed its health check.</summary>
    FailedLocalHealthCheck = 1UL << 0,

    /// <summary>UH: no healthy host in the upstream cluster.</summary>
    NoHealthyUpstream = 1UL << 1,

    /// <summary>UT: the upstream request timed out.</summary>
    UpstreamRequestTimeout = 1UL << 2,

    /// <summary>LR: reset by this proxy.</summary>
    LocalReset = 1UL << 3,

    /// <summary>UR: reset by the upstream.</summary>
    UpstreamRemoteReset = 1UL << 4,

    /// <summary>UF: the connection to the upstream could not be made.</summary>
    UpstreamConnectionFailure = 1UL << 5,

    /// <summary>UC: the upstream connection ended.</summary>
    UpstreamConnectionTermination = 1UL << 6,

    /// <summary>UO: a circuit breaker is open.</summary>
    UpstreamOverflow = 1UL << 7,

    /// <summary>NR: no route, or no filter chain, matches.</summary>
    NoRouteFound = 1UL << 8,

    /// <summary>DI: delayed by fault injection.</summary>
    DelayInjected = 1UL << 9,

    /// <summary>FI: aborted by fault injection.</summary>
    FaultInjected = 1UL << 10,

    /// <summary>RL: refused by a rate limit.</summary>
    RateLimited = 1UL << 11,

    /// <summary>UAEX: denied by the external authorization service.</summary>
    UnauthorizedExternalService = 1UL << 12,

    /// <summary>RLSE: the rate limit service failed.</summary>
    RateLimitServiceError = 1UL << 13,

    /// <summary>DC: the downstream connection ended.</summary>
    DownstreamConnectionTermination = 1UL << 14,

    /// <summary>URX: the limit of retries (HTTP) or connect attempts (TCP) was reached.</summary>
    UpstreamRetryLimitExceeded = 1UL << 15,

    /// <summary>SI: the stream was idle for too long.</summary>
    StreamIdleTimeout = 1UL << 16,

    /// <summary>IH: an x-envoy-* request header failed the strict check.</summary>
    InvalidEnvoyRequestHeaders = 1UL << 17,

    /// <summary>DPE: the downstream broke the protocol.</summary>
    DownstreamProtocolError = 1UL << 18,

    /// <summary>UMSDR: the upstream request reached the max stream duration.</summary>
    UpstreamMaxStreamDurationReached = 1UL << 19,

    /// <summary>RFCF: served from a cache filter.</summary>
    ResponseFromCacheFilter = 1UL << 20,

    /// <summary>NFCF: a filter's config did not arrive in time.</summary>
    NoFilterConfigFound = 1UL << 21,

    /// <summary>DT: the max connection or stream duration was reached.</summary>
    DurationTimeout = 1UL << 22,

    /// <summary>UPE: the upstream broke the protocol.</summary>
    UpstreamProtocolError = 1UL << 23,

    /// <summary>NC: the route's cluster does not exist.</summary>
    NoClusterFound = 1UL << 24,

    /// <summary>OM: the overload manager ended it.</summary>
    OverloadManager = 1UL << 25,

    /// <summary>DF: the name could not be resolved.</summary>
    DnsResolutionFailed = 1UL << 26,

    /// <summary>DO: dropped because of the cluster's drop_overloads.</summary>
    DropOverload = 1UL << 27,

    /// <summary>DR: the downstream reset the stream.</summary>
    DownstreamRemoteReset = 1UL << 28,

    /// <summary>UDO: dropped because drop_overloads is 100 %.</summary>
    UnconditionalDropOverload = 1UL << 29,
}
