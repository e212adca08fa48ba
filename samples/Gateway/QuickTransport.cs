using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.Gateway;

/// <summary>The TLS of the quick proxy, from files.</summary>
internal static class QuickTransport
{
    private const string Tls = "envoy.transport_sockets.tls";

    public static ExtensionConfig Downstream(QuickTls tls, bool http) => new(Tls, new DownstreamTlsContextConfig
    {
        CommonTlsContext = new()
        {
            TlsCertificates = [TlsCertificateConfig.FromFiles(tls.CertificateFile, tls.KeyFile)],
            AlpnProtocols = http ? ["h2", "http/1.1"] : [],
            ValidationContext = tls.ClientCaFile is { } ca ? new() { TrustedCa = DataSourceConfig.File(ca) } : null,
        },
        RequireClientCertificate = tls.ClientCaFile is not null,
        DisableStatelessSessionResumption = !tls.Resumption,
    });

    /// <summary>The upstream is known by its address, so that is what its certificate must be for.</summary>
    public static ExtensionConfig Upstream(QuickUpstreamTls tls, IEnumerable<string> hosts) => new(Tls, new UpstreamTlsContextConfig
    {
        CommonTlsContext = new()
        {
            ValidationContext = new()
            {
                TrustedCa = tls.CaFile is { } ca ? DataSourceConfig.File(ca) : null,
                MatchTypedSubjectAltNames =
                [
                    .. hosts.Select(static host => NetworkAddress.Parse(host)).OfType<SocketAddress>().Select(static address => new SubjectAltNameMatcherConfig
                    {
                        SanType = SubjectAltNameType.IpAddress,
                        Matcher = new() { Exact = address.Address.ToString() },
                    }),
                ],
            },
        },
    });
}
