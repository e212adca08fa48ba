namespace MeshProxy.Http.Config;

/// <summary>How long streams of a route may live (Envoy: <c>config.route.v3.RouteAction.MaxStreamDuration</c>). Where it is set, the route's
/// <see cref="RouteActionConfig.Timeout"/> is not in force.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record RouteMaxStreamDurationConfig
{
    /// <summary>From the request's head to the end of the response: 408, or 504 once the request is complete; gRPC status 4. Zero means no limit
    /// (Envoy: <c>max_stream_duration</c>).</summary>
    /// <value>Null: the connection manager's.</value>
    public TimeSpan? MaxStreamDuration { get; init; }

    /// <summary>If set, a request's <c>grpc-timeout</c> takes the place of <see cref="MaxStreamDuration"/>, but counts for no more than this. Zero means no
    /// cap (Envoy: <c>grpc_timeout_header_max</c>).</summary>
    /// <value>Null: the header changes nothing here.</value>
    public TimeSpan? GrpcTimeoutHeaderMax { get; init; }

    /// <summary>Taken off the time that the header gives, so that the proxy gives up before the client does. What then is zero or less ends the stream at once
    /// (Envoy: <c>grpc_timeout_header_offset</c>).</summary>
    /// <value>Null: nothing.</value>
    public TimeSpan? GrpcTimeoutHeaderOffset { get; init; }
}
