namespace MeshProxy.Core.Config;

/// <summary>A certificate with its key (Envoy: <c>extensions.transport_sockets.tls.v3.TlsCertificate</c>).</summary>
/// <remarks>Immutable, compared by value. Either <see cref="CertificateChain"/> and <see cref="PrivateKey"/>, or <see cref="Pkcs12"/>.</remarks>
public sealed record TlsCertificateConfig
{
    /// <summary>PEM: the certificate, then the intermediate ones (Envoy: <c>certificate_chain</c>).</summary>
    public DataSourceConfig? CertificateChain { get; init; }

    /// <summary>PEM: PKCS#8, PKCS#1 or SEC1; encrypted PKCS#8 with a <see cref="Password"/> (Envoy: <c>private_key</c>).</summary>
    public DataSourceConfig? PrivateKey { get; init; }

    /// <summary>PKCS#12: key, certificate and intermediate ones (Envoy: <c>pkcs12</c>).</summary>
    public DataSourceConfig? Pkcs12 { get; init; }

    /// <summary>Opens the key or the PKCS#12; a line end at its end does not count (Envoy: <c>password</c>).</summary>
    public DataSourceConfig? Password { get; init; }

    /// <summary>PEM files.</summary>
    public static TlsCertificateConfig FromFiles(string certificateChain, string privateKey) =>
        new() { CertificateChain = DataSourceConfig.File(certificateChain), PrivateKey = DataSourceConfig.File(privateKey) };

    /// <summary>PEM texts.</summary>
    public static TlsCertificateConfig FromPem(string certificateChain, string privateKey) =>
        new() { CertificateChain = DataSourceConfig.Inline(certificateChain), PrivateKey = DataSourceConfig.Inline(privateKey) };
}
