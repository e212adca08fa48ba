using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>Certificates of peers, between OpenSSL's form and the platform's.</summary>
internal static unsafe class OpenSslPeer
{
    /// <summary>What a peer has sent, as DER: its own certificate first.</summary>
    public static List<byte[]> ReadChain(nint store)
    {
        var own = LibCrypto.X509_STORE_CTX_get0_cert(store);
        var chain = new List<byte[]>();
        if (own == 0)
        {
            return chain;
        }

        chain.Add(Encode(own));
        var others = LibCrypto.X509_STORE_CTX_get0_untrusted(store);
        var count = others == 0 ? 0 : LibCrypto.OPENSSL_sk_num(others);
        for (var i = 0; i < count; i++)
        {
            var other = LibCrypto.OPENSSL_sk_value(others, i);
            if (other != own)
            {
                chain.Add(Encode(other));
            }
        }

        return chain;
    }

    /// <summary>Null if the peer has none in its session.</summary>
    public static byte[]? ReadOwn(nint ssl)
    {
        var certificate = LibSsl.SSL_get1_peer_certificate(ssl);
        if (certificate == 0)
        {
            return null;
        }

        var der = Encode(certificate);
        LibCrypto.X509_free(certificate);
        return der;
    }

    /// <summary>Builds the chain from what was sent and whom to trust, and decides. Nothing is fetched: the policy says so.</summary>
    /// <param name="error">What OpenSSL is told, which makes the alert; <see cref="LibCrypto.VerifyByApplication"/> where the peer is let in
    /// unchecked, so that a session that is taken up again remembers it.</param>
    public static PeerVerdict Verify(PeerVerifier verifier, List<byte[]> sent, in PeerNames names, out int error)
    {
        if (sent.Count == 0)
        {
            error = LibCrypto.VerifyRejected;
            return verifier.Verify(null, null, names);
        }

        using var certificate = X509CertificateLoader.LoadCertificate(sent[0]);
        using var chain = new X509Chain { ChainPolicy = verifier.ChainPolicy.Clone() };
        for (var i = 1; i < sent.Count; i++)
        {
            chain.ChainPolicy.ExtraStore.Add(X509CertificateLoader.LoadCertificate(sent[i]));
        }

        try
        {
            chain.Build(certificate);
            var verdict = verifier.Verify(certificate, chain, names);
            error = verdict.Accepted ? (verdict.Validated ? LibCrypto.VerifyOk : LibCrypto.VerifyByApplication) : Alert(verdict, chain);
            return verdict;
        }
        finally
        {
            foreach (var element in chain.ChainElements)
            {
                element.Certificate.Dispose();
            }

            foreach (var other in chain.ChainPolicy.ExtraStore)
            {
                other.Dispose();
            }
        }
    }

    private static int Alert(PeerVerdict verdict, X509Chain chain) => verdict.Outcome switch
    {
        PeerOutcome.NameMismatch => LibCrypto.VerifyHostnameMismatch,
        PeerOutcome.PinMismatch => LibCrypto.VerifyRejected,
        _ when verdict.IsRevoked => LibCrypto.VerifyRevoked,
        _ when Array.Exists(chain.ChainStatus, static status => status.Status == X509ChainStatusFlags.NotTimeValid) => LibCrypto.VerifyExpired,
        _ => LibCrypto.VerifyNoLocalIssuer,
    };

    private static byte[] Encode(nint certificate)
    {
        var der = new byte[LibCrypto.i2d_X509(certificate, null)];
        fixed (byte* p = der)
        {
            var at = p;
            _ = LibCrypto.i2d_X509(certificate, &at);
        }

        return der;
    }
}
