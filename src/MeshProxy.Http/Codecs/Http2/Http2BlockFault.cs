namespace MeshProxy.Http.Codecs.Http2;

/// <summary>What was found wrong with a header block.</summary>
internal enum Http2BlockFault : byte
{
    None,

    /// <summary>RFC 9113 section 8.1.1. Ends the connection, unless the options say that it ends the stream.</summary>
    Malformed,

    /// <summary>Malformed by the bytes of a name or a value.</summary>
    InvalidField,

    /// <summary>The list is too large. Ends the stream.</summary>
    TooLarge,

    /// <summary>Too many headers. Ends the stream.</summary>
    TooMany,

    /// <summary>An underscore where none is accepted. Ends the stream.</summary>
    Underscore,
}
