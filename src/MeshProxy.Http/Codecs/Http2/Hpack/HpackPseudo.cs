namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>The pseudo-headers (RFC 9113 section 8.3, and :protocol from RFC 8441). They have no <see cref="Headers.HeaderId"/>.</summary>
internal enum HpackPseudo : byte
{
    /// <summary>A regular header, or a name with a colon that is none of these.</summary>
    None = 0,

    Authority,
    Method,
    Path,
    Scheme,
    Status,
    Protocol,
}
