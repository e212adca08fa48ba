namespace MeshProxy.Core.AccessLog;

/// <summary>How a gRPC call ended: <c>%GRPC_STATUS%</c>, <c>%GRPC_STATUS_NUMBER%</c>.</summary>
internal static class AccessLogGrpcOperators
{
    private static readonly string[] s_camel =
    [
        "OK", "Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied", "ResourceExhausted",
        "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss", "Unauthenticated",
    ];

    private static readonly string[] s_snake =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ];

    /// <summary>The operator for a format of the code; null if the format is unknown.</summary>
    public static AccessLogOperator? Compile(string? format) => format switch
    {
        null or "" or "CAMEL_STRING" => static (e, w) => Name(w, e, s_camel),
        "SNAKE_STRING" => static (e, w) => Name(w, e, s_snake),
        "NUMBER" => static (e, w) => Number(w, e),
        _ => null,
    };

    private static bool Name(AccessLogWriter writer, AccessLogEntry entry, string[] names)
    {
        if (!entry.TryGetGrpcStatus(out var code))
        {
            return false;
        }

        if ((uint)code >= (uint)names.Length)
        {
            writer.AppendNumber(code);
            return true;
        }

        writer.AppendText(names[code]);
        return true;
    }

    private static bool Number(AccessLogWriter writer, AccessLogEntry entry)
    {
        if (!entry.TryGetGrpcStatus(out var code))
        {
            return false;
        }

        writer.AppendNumber(code);
        return true;
    }
}
