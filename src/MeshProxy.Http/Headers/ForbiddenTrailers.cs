namespace MeshProxy.Http.Headers;

/// <summary>
/// The fields that may not stand in a trailer section, because they frame or route the message, authenticate, steer
/// its handling or describe its content (RFC 9110 section 6.5.1), and those that the connection manager vouches for: who merges trailers
/// into the head would have from the client what was taken out of its head. They are left out, of both messages and in all versions of HTTP.
/// </summary>
internal static class ForbiddenTrailers
{
    public static bool Contains(HeaderId id, ReadOnlySpan<byte> name)
    {
        return (id != HeaderId.None && id <= HeaderTable.LastSpecial)
            || id is HeaderId.Trailer or HeaderId.Date or HeaderId.Server or HeaderId.Via or HeaderId.Forwarded
                or HeaderId.XRequestId or HeaderId.XClientTraceId or HeaderId.UserAgent or HeaderId.Referer
                or HeaderId.Authorization or HeaderId.ProxyAuthorization or HeaderId.ProxyAuthenticate or HeaderId.WwwAuthenticate
                or HeaderId.Cookie or HeaderId.SetCookie or HeaderId.Location or HeaderId.Age or HeaderId.CacheControl or HeaderId.Expires
                or HeaderId.Pragma or HeaderId.Vary or HeaderId.Range or HeaderId.IfMatch or HeaderId.IfNoneMatch or HeaderId.IfModifiedSince
                or HeaderId.IfUnmodifiedSince or HeaderId.IfRange or HeaderId.MaxForwards or HeaderId.RetryAfter
            || StartsWith(name, "content-"u8) || StartsWith(name, "x-envoy-"u8) || StartsWith(name, "x-forwarded-"u8);
    }

    private static bool StartsWith(ReadOnlySpan<byte> name, ReadOnlySpan<byte> lower) =>
        name.Length >= lower.Length && HeaderBytes.EqualsIgnoreCase(name[..lower.Length], lower);
}
