namespace MeshProxy.Core.Streams;

/// <summary>What a TLS handshake has agreed on, and whom it has met.</summary>
/// <remarks>Belongs to the connection's worker. What needs a certificate to be taken apart is worked out when it is first asked for.</remarks>
public abstract class TlsInfo
{
    /// <summary>The name that the client asked for; null if it asked for none.</summary>
    public abstract string? ServerName { get; }

    /// <summary>The protocol that was agreed on by ALPN (<c>h2</c>, <c>http/1.1</c>); null if none was.</summary>
    public abstract string? ApplicationProtocol { get; }

    /// <summary><c>TLSv1.2</c> or <c>TLSv1.3</c>.</summary>
    public abstract string Version { get; }

    /// <summary>By its OpenSSL name: <c>TLS_AES_128_GCM_SHA256</c>, <c>ECDHE-RSA-AES128-GCM-SHA256</c>.</summary>
    public abstract string CipherSuite { get; }

    /// <summary>Whether the peer has shown a certificate.</summary>
    public abstract bool PeerCertificatePresented { get; }

    /// <summary>Whether the peer's certificate was checked and found good.</summary>
    public abstract bool PeerCertificateValidated { get; }

    /// <summary>RFC 2253; null without a certificate, as all that follow.</summary>
    public abstract string? PeerSubject { get; }

    /// <summary>RFC 2253.</summary>
    public abstract string? PeerIssuer { get; }

    /// <summary>Lower-case hex.</summary>
    public abstract string? PeerSerialNumber { get; }

    /// <summary>SHA-256 of the certificate, lower-case hex.</summary>
    public abstract string? PeerFingerprint256 { get; }

    public abstract IReadOnlyList<string> PeerDnsSans { get; }

    public abstract IReadOnlyList<string> PeerUriSans { get; }

    public abstract IReadOnlyList<string> PeerEmailSans { get; }

    public abstract IReadOnlyList<string> PeerIpSans { get; }

    public abstract DateTimeOffset? PeerValidFrom { get; }

    public abstract DateTimeOffset? PeerValidTo { get; }

    /// <summary>The certificate as PEM, URL-encoded.</summary>
    public abstract string? PeerCertificatePem { get; }

    /// <summary>The certificate and those it came with as PEM, URL-encoded.</summary>
    public abstract string? PeerCertificateChainPem { get; }

    /// <summary>Of our own certificate; null if we have shown none.</summary>
    public abstract string? LocalSubject { get; }

    public abstract IReadOnlyList<string> LocalDnsSans { get; }

    public abstract IReadOnlyList<string> LocalUriSans { get; }
}
