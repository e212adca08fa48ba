using MeshProxy.Core.Config;

namespace MeshProxy.Core.Hosting;

/// <summary>Writes a listener's TLS down: <c>t => t.Certificate("cert.pem", "key.pem").Alpn("h2", "http/1.1")</c>.</summary>
public sealed class DownstreamTlsBuilder
{
    private DownstreamTlsContextConfig _config = new();

    internal DownstreamTlsBuilder()
    {
    }

    /// <summary>Adds a certificate from PEM files; the first one is the default, the others are picked by server name, and by kind of key.</summary>
    /// <param name="certificateChain">The certificate, then the intermediate ones.</param>
    /// <param name="privateKey">Its key.</param>
    public DownstreamTlsBuilder Certificate(string certificateChain, string privateKey) =>
        Certificate(TlsCertificateConfig.FromFiles(certificateChain, privateKey));

    /// <summary>Adds a certificate that is written as a record.</summary>
    public DownstreamTlsBuilder Certificate(TlsCertificateConfig certificate) =>
        Common(common => common with { TlsCertificates = common.TlsCertificates.Add(certificate) });

    /// <summary>Takes certificates, and perhaps whom to let in, from a provider that may change them.</summary>
    public DownstreamTlsBuilder Secrets(ITlsSecretProvider provider) => Common(common => common with { SecretProvider = provider });

    /// <summary>The protocols to negotiate, best first.</summary>
    public DownstreamTlsBuilder Alpn(params string[] protocols) => Common(common => common with { AlpnProtocols = protocols });

    /// <summary>The oldest version, and the newest.</summary>
    public DownstreamTlsBuilder Versions(TlsProtocolVersion min, TlsProtocolVersion max = TlsProtocolVersion.Auto) =>
        Common(common => common with { TlsParams = common.TlsParams with { TlsMinimumProtocolVersion = min, TlsMaximumProtocolVersion = max } });

    /// <summary>Asks clients for a certificate.</summary>
    /// <param name="file">PEM: whose certificates are good.</param>
    /// <param name="require">Whether a client without one is refused.</param>
    public DownstreamTlsBuilder ClientCa(string file, bool require = true) =>
        ClientCertificates(new CertificateValidationContextConfig { TrustedCa = DataSourceConfig.File(file) }, require);

    /// <summary>Asks clients for a certificate.</summary>
    /// <param name="validation">What it must be.</param>
    /// <param name="require">Whether a client without one is refused.</param>
    public DownstreamTlsBuilder ClientCertificates(CertificateValidationContextConfig validation, bool require = true) =>
        Common(common => common with { ValidationContext = validation }).Configure(tls => tls with { RequireClientCertificate = require });

    /// <summary>Changes any setting: <c>t.Configure(t => t with { ... })</c>.</summary>
    public DownstreamTlsBuilder Configure(Func<DownstreamTlsContextConfig, DownstreamTlsContextConfig> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _config = change(_config);
        return this;
    }

    internal DownstreamTlsContextConfig Build() => _config;

    private DownstreamTlsBuilder Common(Func<CommonTlsContextConfig, CommonTlsContextConfig> change) =>
        Configure(tls => tls with { CommonTlsContext = change(tls.CommonTlsContext) });
}
