using MeshProxy.Core.Streams;
using MeshProxy.Http.AsyncClient;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Codecs.Http2;

namespace MeshProxy.Http.Grpc;

/// <summary>How a call ended.</summary>
/// <param name="Code">A peer may send a number that is not in the list.</param>
/// <param name="Message">For people; empty if there is none.</param>
public readonly record struct GrpcStatus(GrpcStatusCode Code, string Message)
{
    /// <summary>Success.</summary>
    public static GrpcStatus Ok { get; } = new(GrpcStatusCode.Ok, "");

    public bool IsOk => Code == GrpcStatusCode.Ok;

    public override string ToString() => Message.Length > 0 ? $"{Code}: {Message}" : Code.ToString();

    /// <summary>For an exchange that was lost: by the RST_STREAM's code (gRPC over HTTP/2, "Errors"), else by how it was lost.</summary>
    internal static GrpcStatus Of(AsyncFailure failure) => new(
        failure.ResetCode is { } code ? OfReset(code) : failure.Reason switch
        {
            UpstreamResetReason.ProtocolError or UpstreamResetReason.RemoteReset or UpstreamResetReason.ConnectError => GrpcStatusCode.Internal,
            UpstreamResetReason.LocalReset => GrpcStatusCode.Cancelled,
            _ => GrpcStatusCode.Unavailable,
        },
        failure.Text);

    internal static GrpcStatusCode OfReset(Http2ErrorCode code) => code switch
    {
        Http2ErrorCode.RefusedStream => GrpcStatusCode.Unavailable,
        Http2ErrorCode.Cancel => GrpcStatusCode.Cancelled,
        Http2ErrorCode.EnhanceYourCalm => GrpcStatusCode.ResourceExhausted,
        Http2ErrorCode.InadequateSecurity => GrpcStatusCode.PermissionDenied,
        _ => GrpcStatusCode.Internal,
    };
}
