using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>What an encoder does with a header that its tables do not have.</summary>
internal enum HpackIndexing : byte
{
    /// <summary>
    /// Indexed, if the last value of that name that was has been of use since. So a name whose value is another each time
    /// goes into the table once and then serves as a name only, and one with a value that changes now and then is kept up to date.
    /// </summary>
    Adaptive,

    /// <summary>Known to have another value each time: indexed once for its name's sake, and its value is not looked up.</summary>
    Varying,

    /// <summary>Not indexed: the static table has the name, and the value rarely comes again.</summary>
    Plain,

    /// <summary>Never indexed, here or further on: a secret that must not be guessed by what it compresses to (RFC 7541 section 7.1.3).</summary>
    Never,
}

/// <summary>The policy for each name.</summary>
internal static class HpackIndexingPolicy
{
    private static readonly HpackIndexing[] s_policies = Build();

    public static HpackIndexing Of(byte code) => s_policies[code];

    private static HpackIndexing[] Build()
    {
        var policies = new HpackIndexing[256];
        HeaderId[] never = [HeaderId.Authorization, HeaderId.ProxyAuthorization, HeaderId.Cookie];
        HeaderId[] plain =
        [
            HeaderId.ContentLength, HeaderId.ETag, HeaderId.Age, HeaderId.LastModified, HeaderId.Expires, HeaderId.Location, HeaderId.SetCookie,
            HeaderId.ContentRange, HeaderId.ContentDisposition, HeaderId.ContentLocation, HeaderId.Range, HeaderId.IfMatch, HeaderId.IfNoneMatch,
            HeaderId.IfModifiedSince, HeaderId.IfUnmodifiedSince, HeaderId.IfRange, HeaderId.Referer, HeaderId.RetryAfter, HeaderId.WwwAuthenticate,
            HeaderId.ProxyAuthenticate,
        ];
        HeaderId[] varying =
        [
            HeaderId.XRequestId, HeaderId.Traceparent, HeaderId.Tracestate, HeaderId.XClientTraceId, HeaderId.XEnvoyUpstreamServiceTime,
            HeaderId.GrpcTimeout, HeaderId.GrpcMessage, HeaderId.GrpcStatusDetailsBin, HeaderId.XEnvoyOriginalPath, HeaderId.XEnvoyOriginalUrl,
        ];
        foreach (var id in never)
        {
            policies[(int)id] = HpackIndexing.Never;
        }

        foreach (var id in plain)
        {
            policies[(int)id] = HpackIndexing.Plain;
        }

        foreach (var id in varying)
        {
            policies[(int)id] = HpackIndexing.Varying;
        }

        policies[HpackNames.Path] = HpackIndexing.Plain;
        return policies;
    }
}
