namespace MeshProxy.Http.Grpc;

/// <summary>A gRPC call that somebody needed to succeed did not.</summary>
public sealed class GrpcStatusException : Exception
{
    public GrpcStatusException(GrpcStatus status)
        : base(status.ToString()) => Status = status;

    /// <summary>How the call ended.</summary>
    public GrpcStatus Status { get; }
}
