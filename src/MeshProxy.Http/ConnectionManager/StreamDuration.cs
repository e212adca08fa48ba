using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>How long a stream may live, once its route is known: the route's word, the client's <c>grpc-timeout</c>, the connection manager's limit.</summary>
internal static class StreamDuration
{
    /// <summary>
    /// Sets the stream's limit, which counts from its beginning, and lets the upstream of a gRPC request know what is left of the client's patience: as
    /// Envoy, without what the request has spent here already.
    /// </summary>
    public static void Apply(RouteDuration? route, RequestHeaders headers, bool isGrpc, StreamTimer timer, long managerMs)
    {
        if (Resolve(route, headers, managerMs) is { } limitMs)
        {
            timer.SetMaxDuration(limitMs);
            if (isGrpc && route is not null)
            {
                Span<byte> text = stackalloc byte[GrpcTimeout.MaxLength];
                headers.Set(HeaderNames.GrpcTimeout, text[..GrpcTimeout.Format(limitMs, text)]);
            }
        }
        else if (timer.HasMaxDuration)
        {
            timer.SetMaxDuration(null);
            if (isGrpc && route is not null)
            {
                headers.Remove(HeaderNames.GrpcTimeout);
            }
        }
    }

    /// <summary>Null: no limit. Zero: the time is over.</summary>
    private static long? Resolve(RouteDuration? route, RequestHeaders headers, long managerMs)
    {
        if (route?.GrpcHeaderMaxMs is { } capMs && headers.TryGet(HeaderNames.GrpcTimeout, out var value) && GrpcTimeout.TryParse(value, out var asked))
        {
            var limit = capMs > 0 ? Math.Min(asked, capMs) : asked;
            return Math.Max(0, limit - route.GrpcHeaderOffsetMs);
        }

        var limitMs = route?.MaxMs ?? managerMs;
        return limitMs > 0 ? limitMs : null;
    }
}
