using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>A certificate of our own with its key and the intermediate ones, loaded and taken apart.</summary>
/// <remarks>Immutable, shared by all workers.</remarks>
internal sealed class TlsCertificate
{
    private const string EcPublicKey = "1.2.840.10045.2.1";

    public TlsCertificate(X509Certificate2 leaf, X509Certificate2Collection intermediates)
    {
        Leaf = leaf;
        Intermediates = intermediates;
        AltNames = SubjectAltNames.Of(leaf);
        IsEcdsa = leaf.PublicKey.Oid.Value == EcPublicKey;
        if (IsEcdsa)
        {
            using var key = leaf.GetECDsaPublicKey();
            SignatureScheme = key?.KeySize switch
            {
                384 => 0x0503,
                521 => 0x0603,
                _ => 0x0403,
            };
        }

        // RFC 6125, section 6.4.4: the common name counts only where there is no DNS name.
        var commonName = leaf.GetNameInfo(X509NameType.SimpleName, forIssuer: false);
        DnsNames = AltNames.Dns.Count > 0 || string.IsNullOrEmpty(commonName) ? AltNames.Dns : [commonName];
    }

    /// <summary>With its key.</summary>
    public X509Certificate2 Leaf { get; }

    public X509Certificate2Collection Intermediates { get; }

    public SubjectAltNames AltNames { get; }

    /// <summary>The host names that it is for; some may begin with <c>*.</c>.</summary>
    public IReadOnlyList<string> DnsNames { get; }

    public bool IsEcdsa { get; }

    /// <summary>For ECDSA, the TLS 1.3 signature scheme that its curve makes (RFC 8446, section 4.2.3).</summary>
    public int SignatureScheme { get; }
}
