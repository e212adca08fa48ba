using System.Buffers.Text;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Grpc;

/// <summary>What messages of gRPC look like from outside, and how its status codes stand to HTTP's.</summary>
internal static class GrpcProtocol
{
    /// <summary>The media type without a suffix for the message format.</summary>
    public static ReadOnlySpan<byte> ContentType => "application/grpc"u8;

    /// <summary>Whether a request's content type says that it is gRPC: <c>application/grpc</c>, also with a format as in
    /// <c>application/grpc+proto</c>. As in Envoy, letter case counts, a parameter does not make a match, and grpc-web is not gRPC.</summary>
    public static bool IsGrpc(HeaderMap headers)
    {
        var type = headers.Get(HeaderNames.ContentType);
        return type.StartsWith(ContentType) && (type.Length == ContentType.Length || type[ContentType.Length] == (byte)'+');
    }

    /// <summary>Whether a response's content type is gRPC's: the media type with whatever follows it.</summary>
    public static bool IsGrpcResponse(HeaderMap headers)
    {
        var type = headers.Get(HeaderNames.ContentType);
        return type.StartsWith(ContentType) && (type.Length == ContentType.Length || type[ContentType.Length] is (byte)'+' or (byte)';');
    }

    /// <summary>The code for an HTTP response that says nothing of gRPC (gRPC's http-grpc-status-mapping).</summary>
    public static GrpcStatusCode FromHttpStatus(int status) => status switch
    {
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.Unimplemented,
        429 or 502 or 503 or 504 => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    /// <summary>The code in <c>grpc-status</c>; false if there is none. What is no number counts as <see cref="GrpcStatusCode.Unknown"/>.</summary>
    public static bool TryGetStatus(HeaderMap? headers, out GrpcStatusCode code)
    {
        code = GrpcStatusCode.Unknown;
        if (headers is null || !headers.TryGet(HeaderNames.GrpcStatus, out var text))
        {
            return false;
        }

        if (Utf8Parser.TryParse(text, out int number, out var used) && used == text.Length)
        {
            code = (GrpcStatusCode)number;
        }

        return true;
    }
}
