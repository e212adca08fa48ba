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

/// <summary>What becomes of <c>x-forwarded-client-cert</c> (Envoy: <c>HttpConnectionManager.ForwardClientCertDetails</c>).</summary>
public enum ForwardClientCertDetails : byte
{
    /// <summary>It is taken out.</summary>
    Sanitize,

    /// <summary>It is kept if the client has shown a certificate, else taken out.</summary>
    ForwardOnly,

    /// <summary>As <see cref="ForwardOnly"/>, and what this proxy knows of the certificate is appended.</summary>
    AppendForward,

    /// <summary>What this proxy knows of the certificate takes its place.</summary>
    SanitizeSet,

    /// <summary>It is kept, whoever the client is. Only where everything that can connect is trusted.</summary>
    AlwaysForwardOnly,
}
