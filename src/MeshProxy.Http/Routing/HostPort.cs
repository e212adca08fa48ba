namespace MeshProxy.Http.Routing;

/// <summary>Where the port begins in a host.</summary>
internal static class HostPort
{
    /// <returns>The place of the colon before the port, or -1; the colons of an IPv6 address in brackets do not count.</returns>
    public static int IndexOfColon(ReadOnlySpan<byte> host)
    {
        var colon = host.LastIndexOf((byte)':');
        return colon >= 0 && host[colon..].Contains((byte)']') ? -1 : colon;
    }
}
