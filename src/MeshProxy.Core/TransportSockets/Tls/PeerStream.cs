using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>An SslStream that knows its socket, so that the certificate callback, which all connections of a config share, finds it.</summary>
internal sealed class PeerStream(Stream inner, TlsTransportSocket owner) : SslStream(inner, leaveInnerStreamOpen: true)
{
    public static readonly RemoteCertificateValidationCallback Validate =
        static (sender, certificate, chain, _) => ((PeerStream)sender)._owner.Verify(certificate as X509Certificate2, chain);

    private readonly TlsTransportSocket _owner = owner;
}
