using MeshProxy.Core.Streams;

namespace MeshProxy.Core.AccessLog;

/// <summary>What a TLS handshake has shown, for either side: <c>%DOWNSTREAM_TLS_VERSION%</c>, <c>%UPSTREAM_PEER_SUBJECT%</c> and so on.</summary>
internal static class AccessLogTlsOperators
{
    private static readonly (string Name, Func<TlsInfo, string?> Get)[] s_fields =
    [
        ("TLS_VERSION", static tls => tls.Version),
        ("TLS_CIPHER", static tls => tls.CipherSuite),
        ("PEER_SUBJECT", static tls => tls.PeerSubject),
        ("PEER_ISSUER", static tls => tls.PeerIssuer),
        ("PEER_SERIAL", static tls => tls.PeerSerialNumber),
        ("PEER_FINGERPRINT_256", static tls => tls.PeerFingerprint256),
        ("PEER_CERT", static tls => tls.PeerCertificatePem),
        ("PEER_DNS_SAN", static tls => Join(tls.PeerDnsSans)),
        ("PEER_URI_SAN", static tls => Join(tls.PeerUriSans)),
        ("PEER_EMAIL_SAN", static tls => Join(tls.PeerEmailSans)),
        ("PEER_IP_SAN", static tls => Join(tls.PeerIpSans)),
        ("LOCAL_SUBJECT", static tls => tls.LocalSubject),
        ("LOCAL_DNS_SAN", static tls => Join(tls.LocalDnsSans)),
        ("LOCAL_URI_SAN", static tls => Join(tls.LocalUriSans)),
    ];

    private static readonly (string Name, Func<TlsInfo, DateTimeOffset?> Get)[] s_times =
    [
        ("PEER_CERT_V_START", static tls => tls.PeerValidFrom),
        ("PEER_CERT_V_END", static tls => tls.PeerValidTo),
    ];

    public static IEnumerable<KeyValuePair<string, AccessLogOperator>> All()
    {
        foreach (var (name, get) in s_fields)
        {
            yield return new("DOWNSTREAM_" + name, (e, w) => e.Info.DownstreamTls is { } tls && Text(w, get(tls)));
            yield return new("UPSTREAM_" + name, (e, w) => e.Info.UpstreamTls is { } tls && Text(w, get(tls)));
        }

        foreach (var (name, get) in s_times)
        {
            yield return new("DOWNSTREAM_" + name, (e, w) => e.Info.DownstreamTls is { } tls && Time(w, get(tls)));
            yield return new("UPSTREAM_" + name, (e, w) => e.Info.UpstreamTls is { } tls && Time(w, get(tls)));
        }
    }

    private static string? Join(IReadOnlyList<string> values) => values.Count switch
    {
        0 => null,
        1 => values[0],
        _ => string.Join(',', values),
    };

    /// <summary>A certificate may hold anything.</summary>
    private static bool Text(AccessLogWriter writer, string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return false;
        }

        writer.AppendUntrusted(text);
        return true;
    }

    private static bool Time(AccessLogWriter writer, DateTimeOffset? time)
    {
        if (time is not { } value)
        {
            return false;
        }

        writer.AppendTime(value);
        return true;
    }
}
