using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Headers;

/// <summary>The head of a response. The reason phrase is not kept (RFC 9112 section 4: it tells nobody anything).</summary>
/// <inheritdoc cref="HeaderMap" path="/remarks"/>
public sealed class ResponseHeaders : HeaderMap
{
    /// <param name="pool">The pool of the current thread's worker; null for a map that is attached later.</param>
    internal ResponseHeaders(SlabPool? pool = null)
        : base(pool)
    {
    }

    /// <summary>The status code, 100 to 999; 0 if none is set.</summary>
    public int Status { get; set; }

    /// <summary>The protocol that the response came by: 10, 11 or 20.</summary>
    public int HttpVersion { get; set; } = 11;

    /// <summary>The status came as never to be indexed by HPACK, and leaves so (RFC 7541 section 6.2.3), whatever filters make of it.</summary>
    internal bool StatusNeverIndexed { get; set; }

    /// <summary>Makes this response, which must be empty, a copy of another of the same worker.</summary>
    internal void CopyFrom(ResponseHeaders source)
    {
        base.CopyFrom(source);
        Status = source.Status;
        HttpVersion = source.HttpVersion;
        StatusNeverIndexed = source.StatusNeverIndexed;
    }

    private protected override void ClearStartLine()
    {
        Status = 0;
        HttpVersion = 11;
        StatusNeverIndexed = false;
    }
}
