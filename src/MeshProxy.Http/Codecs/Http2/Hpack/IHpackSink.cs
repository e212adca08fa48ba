namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>What takes the headers that an <see cref="HpackDecoder"/> finds.</summary>
internal interface IHpackSink
{
    /// <summary>Takes one header, in the order of the block.</summary>
    /// <returns>
    /// False if no more of this block's headers are wanted: the list is too large, or malformed. The decoder then reads
    /// the rest of the block, which it must for the sake of its table, and calls no more.
    /// </returns>
    bool OnHeader(in HpackField field);
}
