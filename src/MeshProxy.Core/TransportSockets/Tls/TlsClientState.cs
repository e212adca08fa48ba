using System.Collections.Concurrent;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>One version of a cluster's TLS. Immutable but for a cache, shared by all workers.</summary>
internal sealed class TlsClientState
{
    /// <summary>How many variants of SslStream's options are kept; further ones are made anew each time.</summary>
    private const int MaxVariants = 256;

    private readonly UpstreamTlsContextConfig _config;
    private readonly SslStreamCertificateContext? _context;
    private readonly SslClientAuthenticationOptions _default;
    private readonly ConcurrentDictionary<(string Name, EquatableArray<string> Protocols), SslClientAuthenticationOptions> _variants = new();

    public TlsClientState(UpstreamTlsContextConfig config, TlsCertificate? certificate, PeerVerifier verifier)
    {
        _config = config;
        Certificate = certificate;
        Verifier = verifier;
        _context = certificate is null ? null : SslStreamCertificateContext.Create(certificate.Leaf, certificate.Intermediates, offline: true);
        _default = Create(config.Sni, config.CommonTlsContext.AlpnProtocols);
    }

    /// <summary>What is shown to servers that ask.</summary>
    public TlsCertificate? Certificate { get; }

    public PeerVerifier Verifier { get; }

    /// <summary>What SslStream is to do.</summary>
    /// <param name="options">What the connection wants otherwise.</param>
    /// <param name="hostname">The endpoint's; null or empty if it has none.</param>
    public SslClientAuthenticationOptions Options(TransportSocketOptions? options, string? hostname)
    {
        var name = UpstreamTlsNames.ServerName(_config, options, hostname);
        if (name == _config.Sni && (options is null || options.ApplicationProtocols.IsEmpty))
        {
            return _default;
        }

        var protocols = UpstreamTlsNames.Protocols(_config, options);
        if (_variants.TryGetValue((name, protocols), out var known))
        {
            return known;
        }

        var made = Create(name, protocols);
        return _variants.Count < MaxVariants ? _variants.GetOrAdd((name, protocols), made) : made;
    }

    /// <inheritdoc cref="Options"/>
    public PeerNames ExpectedNames(TransportSocketOptions? options, string? hostname) => UpstreamTlsNames.Expected(_config, options, hostname);

    private SslClientAuthenticationOptions Create(string name, EquatableArray<string> protocols) => new()
    {
        TargetHost = name,
        ClientCertificateContext = _context,
        ApplicationProtocols = protocols.IsEmpty ? null : [.. protocols.Select(static protocol => new SslApplicationProtocol(protocol))],
        RemoteCertificateValidationCallback = PeerStream.Validate,
        CertificateChainPolicy = Verifier.ChainPolicy,
        CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
        EnabledSslProtocols = TlsParameters.Versions(_config.CommonTlsContext.TlsParams),
        CipherSuitesPolicy = TlsParameters.Ciphers(_config.CommonTlsContext.TlsParams),
        AllowRenegotiation = false,
        AllowTlsResume = _config.MaxSessionKeys > 0,
        EncryptionPolicy = EncryptionPolicy.RequireEncryption,
    };
}
