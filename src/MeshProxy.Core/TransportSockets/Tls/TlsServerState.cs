using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>One version of a listener's TLS: certificates, and whom to let in. Immutable, shared by all workers.</summary>
/// <remarks>SslStream's own objects are made once for each certificate: they hold the sessions that clients come back to.</remarks>
internal sealed class TlsServerState
{
    private readonly Entry[] _entries;

    public TlsServerState(DownstreamTlsContextConfig config, IReadOnlyList<TlsCertificate> certificates, PeerVerifier? verifier, X509Certificate2Collection? roots)
    {
        Verifier = verifier;
        Selector = new CertificateSelector(certificates, config.FullScanCertsOnSniMismatch, config.RequireServerNameMatch);
        _entries = [.. certificates.Select(certificate => new Entry(config, certificate, verifier, roots))];
        Protocols = [.. config.CommonTlsContext.AlpnProtocols];
    }

    public PeerVerifier? Verifier { get; }

    public CertificateSelector Selector { get; }

    private string[] Protocols { get; }

    /// <summary>The certificate of this number.</summary>
    public TlsCertificate Certificate(int index) => _entries[index].Certificate;

    /// <summary>What SslStream is to do. Where the client offers protocols and none of ours is among them, none is negotiated (as in Envoy);
    /// SslStream would end the handshake.</summary>
    public SslServerAuthenticationOptions Options(int index, in ClientHelloParser hello) =>
        Protocols.Length > 0 && SharesProtocol(hello.ApplicationProtocolBytes) ? _entries[index].WithProtocols : _entries[index].Plain;

    private bool SharesProtocol(ReadOnlySpan<byte> offered)
    {
        for (; !offered.IsEmpty; offered = offered[(offered[0] + 1)..])
        {
            var name = offered.Slice(1, offered[0]);
            foreach (var protocol in Protocols)
            {
                if (System.Text.Ascii.Equals(name, protocol))
                {
                    return true;
                }
            }
        }

        return false;
    }

    private sealed class Entry
    {
        public Entry(DownstreamTlsContextConfig config, TlsCertificate certificate, PeerVerifier? verifier, X509Certificate2Collection? roots)
        {
            Certificate = certificate;
            var trust = roots is { Count: > 0 and <= 64 } && !OperatingSystem.IsWindows()
                ? SslCertificateTrust.CreateForX509Collection(roots, sendTrustInHandshake: true)
                : null;
            var context = SslStreamCertificateContext.Create(certificate.Leaf, certificate.Intermediates, offline: true, trust);
            Plain = CreateOptions(config, context, verifier);
            WithProtocols = CreateOptions(config, context, verifier);
            WithProtocols.ApplicationProtocols = [.. config.CommonTlsContext.AlpnProtocols.Select(static name => new SslApplicationProtocol(name))];
        }

        public TlsCertificate Certificate { get; }

        public SslServerAuthenticationOptions Plain { get; }

        public SslServerAuthenticationOptions WithProtocols { get; }

        private static SslServerAuthenticationOptions CreateOptions(
            DownstreamTlsContextConfig config, SslStreamCertificateContext context, PeerVerifier? verifier) => new()
            {
                ServerCertificateContext = context,
                ClientCertificateRequired = verifier is not null,
                RemoteCertificateValidationCallback = PeerStream.Validate,
                CertificateChainPolicy = verifier?.ChainPolicy ?? PeerVerifier.CreateOfflinePolicy(),
                CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
                EnabledSslProtocols = TlsParameters.Versions(config.CommonTlsContext.TlsParams),
                CipherSuitesPolicy = TlsParameters.Ciphers(config.CommonTlsContext.TlsParams),
                AllowRenegotiation = false,
                AllowTlsResume = !config.DisableStatelessSessionResumption,
                EncryptionPolicy = EncryptionPolicy.RequireEncryption,
            };
    }
}

/// <summary>A <see cref="TlsParametersConfig"/> in SslStream's terms.</summary>
internal static class TlsParameters
{
    public static SslProtocols Versions(TlsParametersConfig config)
    {
        var min = config.TlsMinimumProtocolVersion == TlsProtocolVersion.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12 | SslProtocols.Tls13;
        return config.TlsMaximumProtocolVersion == TlsProtocolVersion.Tls12 ? min & SslProtocols.Tls12 : min;
    }

    /// <summary>Null: the platform's.</summary>
    public static CipherSuitesPolicy? Ciphers(TlsParametersConfig config)
    {
        if (config.CipherSuites.IsEmpty || OperatingSystem.IsWindows() || OperatingSystem.IsAndroid())
        {
            return null;
        }

        var suites = new List<TlsCipherSuite>();
        foreach (var name in config.CipherSuites)
        {
            if (TlsNames.TryParseCipher(name, out var suite))
            {
                suites.Add(suite);
            }
        }

        return new CipherSuitesPolicy(suites);
    }
}
