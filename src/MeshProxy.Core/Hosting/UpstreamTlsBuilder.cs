using MeshProxy.Core.Config;

namespace MeshProxy.Core.Hosting;

/// <summary>Writes a cluster's TLS down: <c>t => t.Sni("orders.internal").TrustedCa("ca.pem")</c>. Servers are verified unless it says
/// otherwise: by the system's roots if no authority is named, and by the server name.</summary>
public sealed class UpstreamTlsBuilder
{
    private UpstreamTlsContextConfig _config = new();

    internal UpstreamTlsBuilder()
    {
    }

    /// <summary>The server name to ask for; the certificate must be for it.</summary>
    public UpstreamTlsBuilder Sni(string name) => Configure(tls => tls with { Sni = name });

    /// <summary>Trusts the authorities of a PEM file, and no others.</summary>
    public UpstreamTlsBuilder TrustedCa(string file) => Validation(validation => validation with { TrustedCa = DataSourceConfig.File(file) });

    /// <summary>Shows a certificate to servers that ask for one: PEM files.</summary>
    /// <param name="certificateChain">The certificate, then the intermediate ones.</param>
    /// <param name="privateKey">Its key.</param>
    public UpstreamTlsBuilder Certificate(string certificateChain, string privateKey) =>
        Certificate(TlsCertificateConfig.FromFiles(certificateChain, privateKey));

    /// <summary>Shows a certificate to servers that ask for one.</summary>
    public UpstreamTlsBuilder Certificate(TlsCertificateConfig certificate) => Common(common => common with { TlsCertificates = [certificate] });

    /// <summary>Takes the certificate, and perhaps whom to trust, from a provider that may change them.</summary>
    public UpstreamTlsBuilder Secrets(ITlsSecretProvider provider) => Common(common => common with { SecretProvider = provider });

    /// <summary>Asks for a name among the certificate's, in the place of the server name; of several any one fits.</summary>
    public UpstreamTlsBuilder MatchSan(SubjectAltNameType type, StringMatcherConfig matcher) => Validation(validation => validation with
    {
        MatchTypedSubjectAltNames = validation.MatchTypedSubjectAltNames.Add(new SubjectAltNameMatcherConfig { SanType = type, Matcher = matcher }),
    });

    /// <summary>The protocols to offer, best first.</summary>
    public UpstreamTlsBuilder Alpn(params string[] protocols) => Common(common => common with { AlpnProtocols = protocols });

    /// <summary>The oldest version, and the newest.</summary>
    public UpstreamTlsBuilder Versions(TlsProtocolVersion min, TlsProtocolVersion max = TlsProtocolVersion.Auto) =>
        Common(common => common with { TlsParams = common.TlsParams with { TlsMinimumProtocolVersion = min, TlsMaximumProtocolVersion = max } });

    /// <summary>Takes any server for the right one. It is logged.</summary>
    public UpstreamTlsBuilder AcceptUntrusted() =>
        Validation(validation => validation with { TrustChainVerification = TrustChainVerification.AcceptUntrusted });

    /// <summary>Changes any setting: <c>t.Configure(t => t with { ... })</c>.</summary>
    public UpstreamTlsBuilder Configure(Func<UpstreamTlsContextConfig, UpstreamTlsContextConfig> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _config = change(_config);
        return this;
    }

    internal UpstreamTlsContextConfig Build() => _config;

    private UpstreamTlsBuilder Validation(Func<CertificateValidationContextConfig, CertificateValidationContextConfig> change) =>
        Common(common => common with { ValidationContext = change(common.ValidationContext ?? new CertificateValidationContextConfig()) });

    private UpstreamTlsBuilder Common(Func<CommonTlsContextConfig, CommonTlsContextConfig> change) =>
        Configure(tls => tls with { CommonTlsContext = change(tls.CommonTlsContext) });
}
