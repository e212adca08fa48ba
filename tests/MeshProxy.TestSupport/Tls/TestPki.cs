using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;

namespace MeshProxy.TestSupport.Tls;

/// <summary>A certificate with its key, made in this process.</summary>
public sealed class TestCertificate : IDisposable
{
    private readonly X509Certificate2 _certificate;

    internal TestCertificate(X509Certificate2 certificate, AsymmetricAlgorithm key, TestCertificate? issuer)
    {
        _certificate = certificate;
        Key = key;
        Issuer = issuer;
    }

    public X509Certificate2 Certificate => _certificate;

    /// <summary>Null for a root.</summary>
    public TestCertificate? Issuer { get; }

    public string CertificatePem => _certificate.ExportCertificatePem() + "\n";

    /// <summary>The certificate and the intermediate ones above it, without the root.</summary>
    public string ChainPem
    {
        get
        {
            var pem = CertificatePem;
            for (var issuer = Issuer; issuer?.Issuer is not null; issuer = issuer.Issuer)
            {
                pem += issuer.CertificatePem;
            }

            return pem;
        }
    }

    public string KeyPem => Key.ExportPkcs8PrivateKeyPem() + "\n";

    /// <summary>With the key, as SslStream wants it.</summary>
    public X509Certificate2 WithKey { get => field ??= X509Certificate2.CreateFromPem(CertificatePem, KeyPem); }

    /// <summary>As a config has it, inline.</summary>
    public TlsCertificateConfig Config => TlsCertificateConfig.FromPem(ChainPem, KeyPem);

    /// <summary>The certificate alone, as an authority in a config.</summary>
    public DataSourceConfig Ca => DataSourceConfig.Inline(CertificatePem);

    internal AsymmetricAlgorithm Key { get; }

    /// <summary>A list of certificates that this authority has revoked, as PEM.</summary>
    public string CrlPem(DateTimeOffset? nextUpdate, params TestCertificate[] revoked)
    {
        var builder = new CertificateRevocationListBuilder();
        foreach (var certificate in revoked)
        {
            builder.AddEntry(certificate.Certificate);
        }

        var next = nextUpdate ?? DateTimeOffset.UtcNow.AddDays(30);
        var der = builder.Build(WithKey, 1, next, HashAlgorithmName.SHA256, Key is RSA ? RSASignaturePadding.Pkcs1 : null, DateTimeOffset.UtcNow.AddDays(-2));
        return PemEncoding.WriteString("X509 CRL", der) + "\n";
    }

    /// <summary>Writes chain and key to files in a folder.</summary>
    public (string Certificate, string Key) Save(string folder, string name)
    {
        var paths = (Path.Combine(folder, name + ".pem"), Path.Combine(folder, name + ".key"));
        File.WriteAllText(paths.Item1, ChainPem);
        File.WriteAllText(paths.Item2, KeyPem);
        return paths;
    }

    public void Dispose()
    {
        _certificate.Dispose();
        Key.Dispose();
    }
}

/// <summary>What a certificate of a test is to be.</summary>
public sealed record TestCertificateOptions
{
    public bool IsRsa { get; init; }

    public bool IsCa { get; init; }

    public DateTimeOffset NotBefore { get; init; } = DateTimeOffset.UtcNow.AddDays(-1);

    public DateTimeOffset NotAfter { get; init; } = DateTimeOffset.UtcNow.AddDays(30);

    public string[] Dns { get; init; } = [];

    public string[] Uris { get; init; } = [];

    public string[] Emails { get; init; } = [];

    public string[] Ips { get; init; } = [];

    /// <summary>An authority information access URL for the issuer.</summary>
    public string? IssuerUrl { get; init; }

    /// <summary>Where the revocation list is said to be.</summary>
    public string? CrlUrl { get; init; }

    /// <summary>Further key usages of the extended kind, beside client and server.</summary>
    public string[]? ExtendedKeyUsages { get; init; }
}

/// <summary>Makes authorities and certificates for tests.</summary>
public static class TestPki
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    public static TestCertificate Root(string name = "CN=Test Root", bool rsa = false) => Create(name, null, new TestCertificateOptions { IsCa = true, IsRsa = rsa });

    public static TestCertificate Intermediate(TestCertificate issuer, string name = "CN=Test Intermediate") =>
        Create(name, issuer, new TestCertificateOptions { IsCa = true });

    /// <summary>For servers and clients.</summary>
    public static TestCertificate Leaf(TestCertificate issuer, params string[] dns) =>
        Create("CN=" + (dns.Length > 0 ? dns[0] : "leaf"), issuer, new TestCertificateOptions { Dns = dns });

    public static TestCertificate Create(string name, TestCertificate? issuer, TestCertificateOptions options)
    {
        AsymmetricAlgorithm key = options.IsRsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var subject = new X500DistinguishedName(name);
        var request = key is RSA rsa
            ? new CertificateRequest(subject, rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject, (ECDsa)key, HashAlgorithmName.SHA256);
        AddExtensions(request, options);
        if (issuer is null)
        {
            return new TestCertificate(request.CreateSelfSigned(options.NotBefore, options.NotAfter), key, null);
        }

        var serial = RandomNumberGenerator.GetBytes(16);
        serial[0] = (byte)((serial[0] & 0x7F) | 1);
        var generator = issuer.Key is RSA issuerRsa
            ? X509SignatureGenerator.CreateForRSA(issuerRsa, RSASignaturePadding.Pkcs1)
            : X509SignatureGenerator.CreateForECDsa((ECDsa)issuer.Key);
        return new TestCertificate(
            request.Create(issuer.Certificate.SubjectName, generator, options.NotBefore, options.NotAfter, serial), key, issuer);
    }

    private static void AddExtensions(CertificateRequest request, TestCertificateOptions options)
    {
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(options.IsCa, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(
            options.IsCa ? X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign : X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment, true));
        if (!options.IsCa)
        {
            var usages = new OidCollection();
            foreach (var oid in options.ExtendedKeyUsages ?? [ServerAuthentication, ClientAuthentication])
            {
                usages.Add(new Oid(oid));
            }

            request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(usages, false));
        }

        if (options.Dns.Length + options.Uris.Length + options.Emails.Length + options.Ips.Length > 0)
        {
            var names = new SubjectAlternativeNameBuilder();
            Array.ForEach(options.Dns, names.AddDnsName);
            Array.ForEach(options.Uris, uri => names.AddUri(new Uri(uri)));
            Array.ForEach(options.Emails, names.AddEmailAddress);
            Array.ForEach(options.Ips, ip => names.AddIpAddress(IPAddress.Parse(ip)));
            request.CertificateExtensions.Add(names.Build());
        }

        if (options.IssuerUrl is not null)
        {
            request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(null, [options.IssuerUrl]));
        }

        if (options.CrlUrl is not null)
        {
            request.CertificateExtensions.Add(CertificateRevocationListBuilder.BuildCrlDistributionPointExtension([options.CrlUrl]));
        }
    }
}
