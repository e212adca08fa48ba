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
    X509Certificate2? peer,
    TlsCertificate? local) : TlsInfo
{
    private SubjectAltNames? _names;
    private string? _pem;

    /// <summary>Whether an earlier session was taken up.</summary>
    public bool IsResumed => resumed;

    public override string? ServerName => serverName;

    public override string? ApplicationProtocol => applicationProtocol;

    public override string Version => TlsNames.Version(version);

    public override string CipherSuite => TlsNames.Cipher(cipher);

    public override bool PeerCertificatePresented => verdict.Presented;

    public override bool PeerCertificateValidated => verdict.Validated;

    public override string? PeerSubject => peer is null ? null : DistinguishedNames.Format(peer.SubjectName);

    public override string? PeerIssuer => peer is null ? null : DistinguishedNames.Format(peer.IssuerName);

    public override string? PeerSerialNumber => peer is null ? null : Convert.ToHexStringLower(peer.SerialNumberBytes.Span);

    public override string? PeerFingerprint256 => peer is null ? null : Convert.ToHexStringLower(SHA256.HashData(peer.RawDataMemory.Span));

    public override IReadOnlyList<string> PeerDnsSans => Names?.Dns ?? [];

    public override IReadOnlyList<string> PeerUriSans => Names?.Uris ?? [];

    public override IReadOnlyList<string> PeerEmailSans => Names?.Emails ?? [];

    public override IReadOnlyList<string> PeerIpSans => Names?.Ips ?? [];

    public override DateTimeOffset? PeerValidFrom => peer is null ? null : new DateTimeOffset(peer.NotBefore);

    public override DateTimeOffset? PeerValidTo => peer is null ? null : new DateTimeOffset(peer.NotAfter);

    public override string? PeerCertificatePem => peer is null ? null : _pem ??= Uri.EscapeDataString(peer.ExportCertificatePem() + "\n");

    public override string? PeerCertificateChainPem => peer is null ? null : verdict.Chain is null ? PeerCertificatePem : PeerCertificatePem + ChainPem(verdict.Chain);

    public override string? LocalSubject => local is null ? null : DistinguishedNames.Format(local.Leaf.SubjectName);

    public override IReadOnlyList<string> LocalDnsSans => local?.AltNames.Dns ?? [];

    public override IReadOnlyList<string> LocalUriSans => local?.AltNames.Uris ?? [];

    private SubjectAltNames? Names => peer is null ? null : _names ??= SubjectAltNames.Of(peer);

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
