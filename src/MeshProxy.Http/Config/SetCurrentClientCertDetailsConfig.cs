namespace MeshProxy.Http.Config;

/// <summary>What of the client's certificate is told in <c>x-forwarded-client-cert</c>, beside its hash and our own URI
/// (Envoy: <c>HttpConnectionManager.SetCurrentClientCertDetails</c>). False, each, unless set.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record SetCurrentClientCertDetailsConfig
{
    /// <summary>The whole certificate as PEM, URL-encoded (Envoy: <c>cert</c>).</summary>
    public bool Cert { get; init; }

    /// <summary>The certificate and those it came with (Envoy: <c>chain</c>).</summary>
    public bool Chain { get; init; }

    /// <summary>Envoy: <c>subject</c>.</summary>
    public bool Subject { get; init; }

    /// <summary>The URIs among its subject alternative names (Envoy: <c>uri</c>).</summary>
    public bool Uri { get; init; }

    /// <summary>The DNS names among its subject alternative names (Envoy: <c>dns</c>).</summary>
    public bool Dns { get; init; }
}
