using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>A finished handshake's facts. It outlives its connection's TLS, for the access log.</summary>
internal sealed class SslTlsInfo(
    string? serverName,
    string? applicationProtocol,
    SslProtocols version,
    TlsCipherSuite cipher,
    bool resumed,
    PeerVerdict verdict,
    byte[]? peer,
    TlsCertificate? local) : TlsInfo
{
    private X509Certificate2? _peer;
    private SubjectAltNames? _names;
    private string? _pem;

    public SslProtocols Protocol => version;

    public TlsCipherSuite Cipher => cipher;

    /// <summary>Whether an earlier session was taken up.</summary>
    public bool IsResumed => resumed;

    public override string? ServerName => serverName;

    public override string? ApplicationProtocol => applicationProtocol;

    public override string Version => TlsNames.Version(version);

    public override string CipherSuite => TlsNames.Cipher(cipher);

    public override bool PeerCertificatePresented => verdict.Presented;

    public override bool PeerCertificateValidated => verdict.Validated;

    public override string? PeerSubject => Peer is null ? null : DistinguishedNames.Format(Peer.SubjectName);

    public override string? PeerIssuer => Peer is null ? null : DistinguishedNames.Format(Peer.IssuerName);

    public override string? PeerSerialNumber => Peer is null ? null : Convert.ToHexStringLower(Peer.SerialNumberBytes.Span);

    public override string? PeerFingerprint256 => Peer is null ? null : Convert.ToHexStringLower(SHA256.HashData(Peer.RawDataMemory.Span));

    public override IReadOnlyList<string> PeerDnsSans => Names?.Dns ?? [];

    public override IReadOnlyList<string> PeerUriSans => Names?.Uris ?? [];

    public override IReadOnlyList<string> PeerEmailSans => Names?.Emails ?? [];

    public override IReadOnlyList<string> PeerIpSans => Names?.Ips ?? [];

    public override DateTimeOffset? PeerValidFrom => Peer is null ? null : new DateTimeOffset(Peer.NotBefore);

    public override DateTimeOffset? PeerValidTo => Peer is null ? null : new DateTimeOffset(Peer.NotAfter);

    public override string? PeerCertificatePem => Peer is null ? null : _pem ??= Uri.EscapeDataString(Peer.ExportCertificatePem() + "\n");

    public override string? PeerCertificateChainPem => Peer is null ? null : verdict.Chain is null ? PeerCertificatePem : PeerCertificatePem + ChainPem(verdict.Chain);

    public override string? LocalSubject => local is null ? null : DistinguishedNames.Format(local.Leaf.SubjectName);

    public override IReadOnlyList<string> LocalDnsSans => local?.AltNames.Dns ?? [];

    public override IReadOnlyList<string> LocalUriSans => local?.AltNames.Uris ?? [];

    /// <summary>Taken apart when it is first asked for.</summary>
    private X509Certificate2? Peer => peer is null ? null : _peer ??= X509CertificateLoader.LoadCertificate(peer);

    private SubjectAltNames? Names => Peer is null ? null : _names ??= SubjectAltNames.Of(Peer);

    private static string ChainPem(byte[][] chain)
    {
        var text = new StringBuilder();
        foreach (var certificate in chain)
        {
            text.Append(PemEncoding.Write("CERTIFICATE", certificate)).Append('\n');
        }

        return Uri.EscapeDataString(text.ToString());
    }
}
