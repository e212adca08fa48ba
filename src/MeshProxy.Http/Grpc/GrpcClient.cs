using MeshProxy.Core.Event;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Codecs.Grpc;

namespace MeshProxy.Http.Grpc;

/// <summary>
/// Calls a gRPC service on a cluster, for the proxy's own needs (Envoy: <c>Grpc::AsyncClient</c>): over the cluster's balancer, circuit breakers and
/// HTTP/2 connections. Messages are not compressed.
/// </summary>
/// <remarks>On one loop: a worker's, or the control loop with <see cref="ClusterManager.ForControl"/>. Calls, and what they complete, stay on its thread.
/// Whoever has calls on the control loop ends them before the server stops.</remarks>
internal sealed class GrpcClient(WorkerClusters clusters, GrpcClientOptions options)
{
    public EventLoop Loop => clusters.Loop;

    public GrpcClientOptions Options { get; } = options;

    /// <summary>Begins a call: any of the four kinds. The caller disposes of it.</summary>
    public GrpcCall<TRequest, TResponse> Start<TRequest, TResponse>(GrpcMethod<TRequest, TResponse> method, GrpcCallOptions? options = null) =>
        new(clusters, Options, method, options ?? new GrpcCallOptions());

    /// <summary>One request, one response.</summary>
    public async ValueTask<GrpcResult<TResponse>> UnaryAsync<TRequest, TResponse>(
        GrpcMethod<TRequest, TResponse> method, TRequest request, GrpcCallOptions? options = null)
    {
        using var call = Start(method, options);
        await call.WriteAsync(request, endOfStream: true);
        if (!await call.ReadAsync())
        {
            return new GrpcResult<TResponse>(
                call.Status.IsOk ? new GrpcStatus(GrpcStatusCode.Internal, "the service answered without a message") : call.Status, default);
        }

        var response = call.Current;
        if (await call.ReadAsync())
        {
            return new GrpcResult<TResponse>(new GrpcStatus(GrpcStatusCode.Internal, "the service answered with more than one message"), default);
        }

        return new GrpcResult<TResponse>(call.Status, call.Status.IsOk ? response : default);
    }
}

/// <summary>What a unary call brought.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Response">The answer, if it ended well.</param>
internal readonly record struct GrpcResult<TResponse>(GrpcStatus Status, TResponse? Response)
{
    /// <summary>The answer, for callers that cannot go on without one.</summary>
    /// <exception cref="GrpcStatusException">The call did not end well.</exception>
    public TResponse ResponseOrThrow() => Status.IsOk ? Response! : throw new GrpcStatusException(Status);
}
