using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Reads certificates, keys and authorities from their sources.</summary>
/// <remarks>Control side: it reads files. What is wrong becomes a config error with its path; no error shows a key or a password.</remarks>
internal static class TlsCertificateLoader
{
    /// <returns>Null if there was an error.</returns>
    public static TlsCertificate? Load(TlsCertificateConfig config, ConfigErrors errors)
    {
        if (config.Pkcs12 is not null)
        {
            return errors.Require(config.CertificateChain is null && config.PrivateKey is null, "pkcs12", "stands in the place of certificate_chain and private_key: leave those out")
                ? LoadPkcs12(config, errors)
                : null;
        }

        if (config.CertificateChain is null || config.PrivateKey is null)
        {
            errors.Require(config.CertificateChain is not null, "certificate_chain", "is required (or pkcs12)");
            errors.Require(config.PrivateKey is not null, "private_key", "is required (or pkcs12)");
            return null;
        }

        var chain = LoadCertificates(config.CertificateChain, errors.Field("certificate_chain"));
        var pem = config.PrivateKey.Read(errors.Field("private_key"));
        if (chain is null || pem is null || !TryReadPassword(config, errors, out var password))
        {
            return null;
        }

        return WithKey(chain, Encoding.UTF8.GetString(pem), password, errors.Field("private_key"));
    }

    /// <summary>The certificates of a PEM source.</summary>
    /// <returns>Null if there was an error; at least one.</returns>
    public static X509Certificate2Collection? LoadCertificates(DataSourceConfig source, ConfigErrors errors)
    {
        if (source.Read(errors) is not { } data)
        {
            return null;
        }

        var certificates = new X509Certificate2Collection();
        try
        {
            certificates.ImportFromPem(Encoding.UTF8.GetString(data));
        }
        catch (CryptographicException exception)
        {
            errors.Add("is not a PEM certificate: " + exception.Message);
            return null;
        }

        return errors.Require(certificates.Count > 0, "", "holds no PEM certificate (-----BEGIN CERTIFICATE-----)") ? certificates : null;
    }

    /// <summary>The system's roots, read once.</summary>
    public static X509Certificate2Collection SystemRoots => s_systemRoots.Value;

    private static readonly Lazy<X509Certificate2Collection> s_systemRoots = new(LoadSystemRoots);

    private static TlsCertificate? WithKey(X509Certificate2Collection chain, string pem, string? password, ConfigErrors errors)
    {
        var leaf = chain[0];
        try
        {
            var withKey = password is null
                ? X509Certificate2.CreateFromPem(leaf.ExportCertificatePem(), pem)
                : X509Certificate2.CreateFromEncryptedPem(leaf.ExportCertificatePem(), pem, password);
            chain.RemoveAt(0);
            return new TlsCertificate(Portable(withKey), chain);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            errors.Add(Why(pem, password));
            return null;
        }
    }

    private static string Why(string pem, string? password) =>
        !pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal) ? "holds no PEM private key (-----BEGIN PRIVATE KEY-----)"
        : pem.Contains("ENCRYPTED", StringComparison.Ordinal) && password is null ? "is encrypted: password is required"
        : password is not null ? "is broken, does not open with the password (an encrypted PKCS#8 key is expected), or is not the key of the certificate"
        : "is broken, or is not the key of the certificate";

    private static TlsCertificate? LoadPkcs12(TlsCertificateConfig config, ConfigErrors errors)
    {
        var data = config.Pkcs12!.Read(errors.Field("pkcs12"));
        if (data is null || !TryReadPassword(config, errors, out var password))
        {
            return null;
        }

        try
        {
            var all = X509CertificateLoader.LoadPkcs12Collection(data, password, KeyFlags);
            var leaf = all.FirstOrDefault(static certificate => certificate.HasPrivateKey);
            if (!errors.Require(leaf is not null, "pkcs12", "holds no certificate with a key"))
            {
                return null;
            }

            all.Remove(leaf!);
            return new TlsCertificate(leaf!, all);
        }
        catch (CryptographicException)
        {
            errors.Add("pkcs12", "is broken, or does not open with the password");
            return null;
        }
    }

    private static X509KeyStorageFlags KeyFlags => OperatingSystem.IsWindows() || OperatingSystem.IsMacOS() ? X509KeyStorageFlags.DefaultKeySet : X509KeyStorageFlags.EphemeralKeySet;

    /// <summary>Windows' TLS takes no key that lives in memory alone.</summary>
    private static X509Certificate2 Portable(X509Certificate2 certificate) => OperatingSystem.IsWindows()
        ? X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pkcs12), null)
        : certificate;

    private static bool TryReadPassword(TlsCertificateConfig config, ConfigErrors errors, out string? password)
    {
        password = null;
        if (config.Password is null)
        {
            return true;
        }

        if (config.Password.Read(errors.Field("password")) is not { } bytes)
        {
            return false;
        }

        password = Encoding.UTF8.GetString(bytes).TrimEnd('\r', '\n');
        return true;
    }

    private static X509Certificate2Collection LoadSystemRoots()
    {
        var roots = new X509Certificate2Collection();
        foreach (var location in new[] { StoreLocation.LocalMachine, StoreLocation.CurrentUser })
        {
            using var store = new X509Store(StoreName.Root, location);
            try
            {
                store.Open(OpenFlags.ReadOnly | OpenFlags.OpenExistingOnly);
                roots.AddRange(store.Certificates);
            }
            catch (CryptographicException)
            {
                // The user has no store of his own.
            }
        }

        return roots;
    }
}
