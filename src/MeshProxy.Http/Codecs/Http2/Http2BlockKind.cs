namespace MeshProxy.Http.Codecs.Http2;

/// <summary>What a header block is the head of, or the tail.</summary>
internal enum Http2BlockKind : byte
{
    Request,
    Response,
    Trailers,

    /// <summary>Nothing that is wanted: unpacked for HPACK's sake only.</summary>
    Discarded,
}
