namespace MeshProxy.Http.Codecs.Http2.Hpack;

/// <summary>
/// Why a header block could not be decoded. After any of these the two ends' tables differ, so the connection must end
/// with COMPRESSION_ERROR (RFC 9113 section 4.3); after <see cref="HeaderListTooLarge"/> it may as well be ENHANCE_YOUR_CALM.
/// </summary>
internal enum HpackError : byte
{
    None = 0,

    /// <summary>The block ends within an integer (RFC 7541 section 5.1).</summary>
    TruncatedInteger,

    /// <summary>An integer above 2^31-1, or written with more than five bytes after its prefix (section 5.1).</summary>
    IntegerOverflow,

    /// <summary>A string is longer than the rest of the block (section 5.2).</summary>
    TruncatedString,

    /// <summary>A Huffman string holds the EOS symbol (section 5.2).</summary>
    HuffmanEos,

    /// <summary>A Huffman string ends with more than seven bits of padding, or with padding that is not the start of EOS (section 5.2).</summary>
    HuffmanPadding,

    /// <summary>An indexed field with the index 0 (section 6.1).</summary>
    IndexZero,

    /// <summary>An index beyond the last entry of the dynamic table (section 2.3.3).</summary>
    IndexOutOfRange,

    /// <summary>A table size update above what our SETTINGS_HEADER_TABLE_SIZE allows (section 6.3).</summary>
    TableSizeAboveSetting,

    /// <summary>A table size update behind a header field (section 4.2).</summary>
    TableSizeUpdateNotFirst,

    /// <summary>We have lowered the table size and the peer has acknowledged it, but its next block does not begin with an update to that size (section 4.2).</summary>
    TableSizeUpdateMissing,

    /// <summary>The headers that the block stands for come to more than the decoder's hard limit (section 7.3: a small block can stand for a large list).</summary>
    HeaderListTooLarge,
}
