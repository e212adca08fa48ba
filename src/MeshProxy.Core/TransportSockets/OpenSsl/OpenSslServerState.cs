using System.Text;
using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>One version of a listener's TLS: a context for each certificate, and whom to let in. Immutable, shared by all workers.</summary>
internal sealed class OpenSslServerState
{
    private readonly IReadOnlyList<TlsCertificate> _certificates;
    private readonly OpenSslContext[] _contexts;

    private OpenSslServerState(TlsServerParts parts, OpenSslContext[] contexts)
    {
        _certificates = parts.Certificates;
        _contexts = contexts;
        Verifier = parts.Verifier;
        Selector = new CertificateSelector(parts.Certificates, parts.Config.FullScanCertsOnSniMismatch, parts.Config.RequireServerNameMatch);
        Protocols = [.. parts.Config.CommonTlsContext.AlpnProtocols.Select(Encoding.UTF8.GetBytes)];
    }

    public PeerVerifier? Verifier { get; }

    public CertificateSelector Selector { get; }

    /// <summary>Best first.</summary>
    public byte[][] Protocols { get; }

    /// <returns>Null if there was an error.</returns>
    public static OpenSslServerState? Create(TlsServerParts parts, ConfigErrors errors)
    {
        var contexts = new List<OpenSslContext>();
        foreach (var certificate in parts.Certificates)
        {
            if (OpenSslContextBuilder.Server(parts.Config, certificate, parts.Verifier, parts.Roots, errors) is not { } context)
            {
                contexts.ForEach(static made => made.Dispose());
                return null;
            }

            contexts.Add(context);
        }

        return new OpenSslServerState(parts, [.. contexts]);
    }

    /// <summary>The certificate of this number.</summary>
    public TlsCertificate Certificate(int index) => _certificates[index];

    public OpenSslContext Context(int index) => _contexts[index];
}
