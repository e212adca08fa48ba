using MeshProxy.Core.Streams;

namespace MeshProxy.TestSupport.Tls;

/// <summary>What a handshake might have agreed on, without one.</summary>
internal sealed class TestTlsInfo : TlsInfo
{
    public bool HasCertificate { get; init; } = true;

    /// <summary>By ALPN.</summary>
    public string? Protocol { get; init; }

    public string[] Uris { get; init; } = ["spiffe://client"];

    public string[] Dns { get; init; } = ["a.example", "b.example"];

    public override string? ServerName => null;

    public override string? ApplicationProtocol => Protocol;

    public override string Version => "TLSv1.3";

    public override string CipherSuite => "";

    public override bool PeerCertificatePresented => HasCertificate;

    public override bool PeerCertificateValidated => HasCertificate;

    public override string? PeerSubject => "CN=client";

    public override string? PeerIssuer => null;

    public override string? PeerSerialNumber => null;

    public override string? PeerFingerprint256 => "cafe";

    public override IReadOnlyList<string> PeerDnsSans => Dns;

    public override IReadOnlyList<string> PeerUriSans => Uris;

    public override IReadOnlyList<string> PeerEmailSans => [];

    public override IReadOnlyList<string> PeerIpSans => [];

    public override DateTimeOffset? PeerValidFrom => null;

    public override DateTimeOffset? PeerValidTo => null;

    public override string? PeerCertificatePem => "pem";

    public override string? PeerCertificateChainPem => "pempem";

    public override string? LocalSubject => null;

    public override IReadOnlyList<string> LocalDnsSans => [];

    public override IReadOnlyList<string> LocalUriSans => ["spiffe://us"];
}
