using System.Text;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What becomes of a request's <c>x-forwarded-client-cert</c>, which tells of the certificates on the request's way: who writes it is
/// believed, so that it may not come from just anybody.</summary>
/// <remarks>Made once for a connection manager's config; immutable, shared by all workers. Our own element is made once a connection.</remarks>
internal sealed class ForwardedClientCert(HttpConnectionManagerConfig config)
{
    private readonly ForwardClientCertDetails _mode = config.ForwardClientCertDetails;
    private readonly SetCurrentClientCertDetailsConfig _details = config.SetCurrentClientCertDetails;

    /// <param name="headers">The request's.</param>
    /// <param name="client">Who has sent it.</param>
    /// <param name="isPresent">Whether the request has the header.</param>
    /// <param name="isRepeated">Whether it has it more than once.</param>
    public void Apply(RequestHeaders headers, ClientIdentity client, bool isPresent, bool isRepeated)
    {
        if (_mode == ForwardClientCertDetails.AlwaysForwardOnly)
        {
            return;
        }

        if (_mode == ForwardClientCertDetails.Sanitize || client.Tls is not { PeerCertificatePresented: true } tls)
        {
            if (isPresent)
            {
                headers.Remove(HeaderNames.XForwardedClientCert);
            }

            return;
        }

        if (_mode == ForwardClientCertDetails.ForwardOnly)
        {
            return;
        }

        var element = client.CertificateElement ??= Encoding.UTF8.GetBytes(ElementOf(tls));
        if (_mode == ForwardClientCertDetails.AppendForward && isRepeated)
        {
            // Last of all lines, as the nearest proxy's element is the last one: behind ours a client could put whatever it likes.
            headers.Add(HeaderNames.XForwardedClientCert, element);
        }
        else if (_mode == ForwardClientCertDetails.AppendForward && isPresent)
        {
            headers.AppendValue(HeaderNames.XForwardedClientCert, element);
        }
        else
        {
            headers.Set(HeaderNames.XForwardedClientCert, element);
        }
    }

    /// <summary>Keys and order are Envoy's.</summary>
    private string ElementOf(TlsInfo tls)
    {
        List<string> pairs = [.. tls.LocalUriSans.Select(uri => "By=" + Quoted(uri))];
        AddIfAny("Hash=", tls.PeerFingerprint256);
        if (_details.Cert)
        {
            AddIfAny("Cert=\"", tls.PeerCertificatePem, "\"");
        }

        if (_details.Chain)
        {
            AddIfAny("Chain=\"", tls.PeerCertificateChainPem, "\"");
        }

        if (_details.Subject)
        {
            pairs.Add($"Subject=\"{Clean(tls.PeerSubject ?? "")}\""); // RFC 2253 has quotes escaped already
        }

        if (_details.Uri)
        {
            pairs.AddRange(tls.PeerUriSans.Count == 0 ? ["URI="] : tls.PeerUriSans.Select(uri => "URI=" + Quoted(uri)));
        }

        if (_details.Dns)
        {
            pairs.AddRange(tls.PeerDnsSans.Select(name => "DNS=" + Quoted(name)));
        }

        return string.Join(';', pairs);

        void AddIfAny(string before, string? value, string after = "")
        {
            if (!string.IsNullOrEmpty(value))
            {
                pairs.Add(before + value + after);
            }
        }
    }

    /// <summary>In quotes where a name from a certificate would else be read as further pairs, or as another proxy's element.</summary>
    private static string Quoted(string value) =>
        value.AsSpan().IndexOfAny(",;=\"\\") < 0 ? Clean(value) : $"\"{Clean(value).Replace("\\", "\\\\").Replace("\"", "\\\"")}\"";

    /// <summary>A header's value has no line ends.</summary>
    private static string Clean(string value) =>
        value.AsSpan().IndexOfAnyInRange('\0', '\x1F') < 0 ? value : string.Concat(value.Select(c => c < ' ' ? '?' : c));
}
