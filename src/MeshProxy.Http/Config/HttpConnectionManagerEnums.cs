namespace MeshProxy.Http.Config;

/// <summary>Envoy: <c>HttpConnectionManager.CodecType</c>.</summary>
public enum CodecType : byte
{
    /// <summary>By ALPN, else by the first bytes.</summary>
    Auto,
    Http1,

    /// <summary>HTTP/2 from the first byte on, also without TLS.</summary>
    Http2,
}

/// <summary>Envoy: <c>HttpConnectionManager.ServerHeaderTransformation</c>.</summary>
public enum ServerHeaderTransformation : byte
{
    /// <summary>The response says <c>server: </c> and our name.</summary>
    Overwrite,

    /// <summary>Our name, unless upstream named itself.</summary>
    AppendIfAbsent,

    /// <summary>What upstream says, or nothing.</summary>
    PassThrough,
}

/// <summary>Envoy: <c>HttpConnectionManager.PathWithEscapedSlashesAction</c>.</summary>
public enum PathWithEscapedSlashesAction : byte
{
    /// <summary>The same as <see cref="KeepUnchanged"/>.</summary>
    ImplementationSpecificDefault,
    KeepUnchanged,

    /// <summary>400.</summary>
    RejectRequest,

    /// <summary>Unescapes, then answers 307 with the new path.</summary>
    UnescapeAndRedirect,

    /// <summary>Unescapes and goes on. Not where another party decides access by path.</summary>
    UnescapeAndForward,
}
