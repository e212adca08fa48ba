using System.Net.Security;
using System.Security.Authentication;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Versions and cipher suites as Envoy writes them.</summary>
internal static class TlsNames
{
    public static string Version(SslProtocols version) => version switch
    {
        SslProtocols.Tls13 => "TLSv1.3",
        SslProtocols.Tls12 => "TLSv1.2",
        _ => version.ToString(),
    };

    /// <summary>One string for all connections.</summary>
    public static string Protocol(SslApplicationProtocol protocol) => ClientHelloText.ProtocolName(protocol.Protocol.Span);

    private static readonly (TlsCipherSuite Suite, string Name)[] s_openssl =
    [
        (TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256"),
        (TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256"),
        (TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384"),
        (TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384"),
        (TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305"),
        (TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305"),
        (TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA"),
        (TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA"),
        (TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA"),
        (TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA"),
        (TlsCipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256"),
        (TlsCipherSuite.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384"),
        (TlsCipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA"),
        (TlsCipherSuite.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA"),
    ];

    /// <summary>A suite by the name that OpenSSL gives it: that of TLS 1.3's is IANA's.</summary>
    public static string Cipher(TlsCipherSuite suite)
    {
        foreach (var (known, name) in s_openssl)
        {
            if (known == suite)
            {
                return name;
            }
        }

        return suite.ToString();
    }

    /// <summary>A cipher suite by its IANA name, or by OpenSSL's for TLS 1.2.</summary>
    public static bool TryParseCipher(string name, out TlsCipherSuite suite)
    {
        if (name.StartsWith("TLS_", StringComparison.Ordinal))
        {
            return Enum.TryParse(name, out suite) && Enum.IsDefined(suite);
        }

        suite = Array.Find(s_openssl, entry => entry.Name == name).Suite;
        return suite != default;
    }
}
