namespace MeshProxy.Http.Routing;

/// <summary>Parts of a request's path.</summary>
internal static class RequestPath
{
    /// <summary>What routes are compared with.</summary>
    public static ReadOnlySpan<byte> WithoutQuery(ReadOnlySpan<byte> path)
    {
        var end = path.IndexOfAny((byte)'?', (byte)'#');
        return end < 0 ? path : path[..end];
    }
}
