namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Why a connection ended (RFC 9113 section 5.4.1).</summary>
/// <param name="Code">What the GOAWAY says.</param>
/// <param name="Details">The response-code detail for the streams that end with it.</param>
/// <param name="Reason">In words, for logs and the GOAWAY's debug data. Holds nothing of what was received.</param>
internal readonly record struct Http2Error(Http2ErrorCode Code, string Details, string Reason)
{
    public bool IsSet => Details is not null;
}
