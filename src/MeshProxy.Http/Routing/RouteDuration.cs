using MeshProxy.Http.Config;

namespace MeshProxy.Http.Routing;

/// <summary>A route's limits of a stream's life, in milliseconds. Null: not set.</summary>
internal sealed class RouteDuration(RouteMaxStreamDurationConfig config)
{
    /// <summary>0: no limit, whatever the connection manager says.</summary>
    public long? MaxMs { get; } = Milliseconds(config.MaxStreamDuration);

    /// <summary>The cap of what a request's grpc-timeout may ask for; 0: none.</summary>
    public long? GrpcHeaderMaxMs { get; } = Milliseconds(config.GrpcTimeoutHeaderMax);

    public long GrpcHeaderOffsetMs { get; } = Milliseconds(config.GrpcTimeoutHeaderOffset) ?? 0;

    private static long? Milliseconds(TimeSpan? time) => time is { } value ? (long)value.TotalMilliseconds : null;
}
