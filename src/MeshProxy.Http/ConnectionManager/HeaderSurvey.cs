using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Kinds of request headers that the connection manager acts upon when it sees them.</summary>
[Flags]
internal enum HeaderTraits : byte
{
    None = 0,
    ForwardedFor = 1,
    Referer = 2,

    /// <summary>Headers that steer the proxy or tell of the client: only from inside.</summary>
    FromInsideOnly = 4,
    ClientCert = 8,
}

/// <summary>What a request's headers hold, found in one pass.</summary>
internal readonly struct HeaderSurvey
{
    // Envoy takes these out of requests from outside.
    private static readonly HeaderName[] s_internalOnly =
    [
        HeaderNames.XEnvoyInternal,
        HeaderNames.XEnvoyRetriableStatusCodes,
        HeaderNames.XEnvoyRetriableHeaderNames,
        HeaderNames.XEnvoyRetryOn,
        HeaderNames.XEnvoyRetryGrpcOn,
        HeaderNames.XEnvoyMaxRetries,
        HeaderNames.XEnvoyUpstreamAltStatName,
        HeaderNames.XEnvoyUpstreamRqTimeoutMs,
        HeaderNames.XEnvoyUpstreamRqPerTryTimeoutMs,
        HeaderNames.XEnvoyUpstreamRqTimeoutAltResponse,
        HeaderNames.XEnvoyExpectedRqTimeoutMs,
        HeaderNames.XEnvoyForceTrace,
        HeaderNames.XEnvoyIpTags,
        HeaderNames.XEnvoyOriginalUrl,
        HeaderNames.XEnvoyHedgeOnPerTryTimeout,
    ];

    // And these out of requests that come from outside to this proxy first.
    private static readonly HeaderName[] s_notAtEdge =
    [
        HeaderNames.XEnvoyDecoratorOperation,
        HeaderNames.XEnvoyDownstreamServiceCluster,
        HeaderNames.XEnvoyDownstreamServiceNode,
        HeaderNames.XEnvoyOriginalPath,
        HeaderNames.XEnvoyOriginalHost,
    ];

    private static readonly HeaderTraits[] s_traits = BuildTraits();

    private HeaderSurvey(HeaderTraits present, HeaderTraits repeated)
    {
        Present = present;
        Repeated = repeated;
    }

    public HeaderTraits Present { get; }

    /// <summary>What is there more than once.</summary>
    public HeaderTraits Repeated { get; }

    public static HeaderSurvey Of(RequestHeaders headers)
    {
        var traits = s_traits;
        HeaderTraits present = 0, repeated = 0;
        foreach (ref readonly var slot in headers.Slots)
        {
            if ((slot.Flags & HeaderSlotFlags.Removed) == 0)
            {
                var own = traits[(int)slot.Id];
                repeated |= present & own;
                present |= own;
            }
        }

        return new HeaderSurvey(present, repeated);
    }

    /// <summary>Takes out what may not come from outside.</summary>
    /// <param name="isEdge">This is the first of our proxies that the request comes to.</param>
    public static void RemoveInternal(RequestHeaders headers, bool isEdge)
    {
        foreach (var name in s_internalOnly)
        {
            headers.Remove(name);
        }

        if (isEdge)
        {
            foreach (var name in s_notAtEdge)
            {
                headers.Remove(name);
            }
        }
    }

    private static HeaderTraits[] BuildTraits()
    {
        var traits = new HeaderTraits[HeaderTable.Size];
        foreach (var name in s_internalOnly.Concat(s_notAtEdge))
        {
            traits[(int)name.Id] = HeaderTraits.FromInsideOnly;
        }

        traits[(int)HeaderId.XForwardedFor] = HeaderTraits.ForwardedFor;
        traits[(int)HeaderId.XForwardedClientCert] = HeaderTraits.ClientCert;
        traits[(int)HeaderId.Referer] = HeaderTraits.Referer;
        return traits;
    }
}
