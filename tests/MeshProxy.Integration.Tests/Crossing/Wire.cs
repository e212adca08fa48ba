namespace MeshProxy.Integration.Tests.Crossing;

/// <summary>What is spoken on one side of the proxy.</summary>
public enum Wire
{
    /// <summary>HTTP/1.1 in clear.</summary>
    Http1,

    /// <summary>HTTP/2 in clear, by prior knowledge.</summary>
    Http2,

    /// <summary>HTTP/1.1 over TLS.</summary>
    Http1Tls,

    /// <summary>HTTP/2 over TLS, by ALPN.</summary>
    Http2Tls,

    /// <summary>Upstream: over TLS, what ALPN agrees on. Kestrel speaks both, so it is HTTP/2.</summary>
    Auto,
}

internal static class Wires
{
    public static bool IsTls(this Wire wire) => wire is Wire.Http1Tls or Wire.Http2Tls or Wire.Auto;

    public static bool IsHttp2(this Wire wire) => wire is Wire.Http2 or Wire.Http2Tls or Wire.Auto;
}
