using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Makes a local reply one that a gRPC client understands: HTTP 200 and nothing but a head, which holds the status (gRPC over HTTP/2,
/// "Trailers-Only").</summary>
internal static class GrpcLocalReply
{
    /// <param name="headers">The reply's head, as it would go to any other client.</param>
    /// <param name="code">Null: by the HTTP status, unless a filter has written a grpc-status of its own into the head.</param>
    /// <param name="body">What the body would say.</param>
    public static void Apply(ResponseHeaders headers, GrpcStatusCode? code, string body)
    {
        var status = code ?? GrpcProtocol.FromHttpStatus(headers.Status);
        headers.Status = 200;
        headers.Remove(HeaderNames.ContentLength);
        headers.Set(HeaderNames.ContentType, GrpcProtocol.ContentType);
        if (code is not null || !headers.Contains(HeaderNames.GrpcStatus))
        {
            Span<byte> text = stackalloc byte[11];
            System.Buffers.Text.Utf8Formatter.TryFormat((int)status, text, out var length);
            headers.Set(HeaderNames.GrpcStatus, text[..length]);
        }

        if (body.Length > 0 && !headers.Contains(HeaderNames.GrpcMessage))
        {
            headers.Set(HeaderNames.GrpcMessage, GrpcMessageText.Encode(body));
        }
    }
}
