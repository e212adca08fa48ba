using System.Net;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Finds out whether a certificate has a name that a config asks for.</summary>
/// <remarks>Immutable, for any thread.</remarks>
internal sealed class SanMatcher(SubjectAltNameMatcherConfig config)
{
    private readonly TextMatcher _text = new(config.Matcher);

    public bool IsMatch(SubjectAltNames names) => config.SanType switch
    {
        SubjectAltNameType.Dns => names.Dns.Exists(MatchesDns),
        SubjectAltNameType.Uri => names.Uris.Exists(_text.IsMatch),
        SubjectAltNameType.Email => names.Emails.Exists(_text.IsMatch),
        _ => names.Ips.Exists(_text.IsMatch),
    };

    /// <summary>Whether a certificate's DNS name, which may begin with <c>*.</c>, is that of a host (RFC 6125, section 6.4.3).</summary>
    public static bool DnsMatches(string pattern, string host)
    {
        if (string.Equals(pattern, host, StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        var dot = host.IndexOf('.', StringComparison.Ordinal);
        return pattern.StartsWith("*.", StringComparison.Ordinal) && dot > 0
            && pattern.LastIndexOf('.') > 1 // *.com fits nothing
            && host.AsSpan(dot).Equals(pattern.AsSpan(1), StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>Whether a certificate is for this name: a DNS name or an IP address.</summary>
    public static bool IsFor(SubjectAltNames names, string host) =>
        IPAddress.TryParse(host, out var address)
            ? names.Ips.Contains(address.ToString())
            : names.Dns.Exists(pattern => DnsMatches(pattern, host.TrimEnd('.')));

    private bool MatchesDns(string name) => _text.Exact is { } exact ? DnsMatches(name, exact) : _text.IsMatch(name);
}
