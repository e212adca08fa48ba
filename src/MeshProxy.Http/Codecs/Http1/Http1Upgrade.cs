using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>Decides what becomes of a request's Upgrade header (RFC 9110 section 7.8).</summary>
internal static class Http1Upgrade
{
    /// <summary>Nobody offers more; and taking h2c out of a longer list would cost more than it is worth.</summary>
    private const int MaxListLength = 1024;

    /// <summary>
    /// Whether the request asks for another protocol. If not, the header is taken out. <paramref name="counts"/>: the
    /// connection option is there, and the request is not HTTP/1.0. h2c never counts: nobody may ask a proxy for it on
    /// another's behalf, and RFC 9113 section 3.1 has dropped it. Nor do several lines: what is allowed is decided by the first.
    /// </summary>
    public static bool Settle(RequestHeaders headers, bool counts)
    {
        var list = headers.Get(HeaderNames.Upgrade);
        var wanted = 0;
        var h2c = false;
        while (HeaderBytes.NextListElement(ref list, out var protocol))
        {
            var isH2c = HeaderBytes.EqualsIgnoreCase(protocol, "h2c"u8);
            wanted += isH2c ? 0 : 1;
            h2c |= isH2c;
        }

        if (!counts || wanted == 0 || headers.Get(HeaderNames.Upgrade).Length > MaxListLength || IsRepeated(headers))
        {
            headers.Remove(HeaderNames.Upgrade);
            return false;
        }

        if (h2c)
        {
            RemoveH2c(headers);
        }

        return true;
    }

    private static bool IsRepeated(RequestHeaders headers)
    {
        var count = 0;
        foreach (var header in headers)
        {
            count += header.Id == HeaderId.Upgrade ? 1 : 0;
        }

        return count > 1;
    }

    private static void RemoveH2c(RequestHeaders headers)
    {
        // The list's memory stays good while the header is rewritten: the map only ever appends.
        var list = headers.Get(HeaderNames.Upgrade);
        var first = true;
        while (HeaderBytes.NextListElement(ref list, out var protocol))
        {
            if (HeaderBytes.EqualsIgnoreCase(protocol, "h2c"u8))
            {
                continue;
            }

            if (first)
            {
                headers.Set(HeaderNames.Upgrade, protocol);
            }
            else
            {
                headers.AppendValue(HeaderNames.Upgrade, protocol);
            }

            first = false;
        }
    }
}
