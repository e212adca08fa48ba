using System.Buffers.Binary;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>What kinds of certificate a client can use.</summary>
internal static class ClientHelloKeys
{
    private const int Tls13 = 0x0304;

    /// <summary>Whether it can use an ECDSA certificate.</summary>
    /// <param name="hello">A whole hello.</param>
    /// <param name="scheme">The signature that the certificate's key makes: in TLS 1.3 the curve is part of it (RFC 8446, section 4.2.3).</param>
    public static bool CanUseEcdsa(in ClientHelloParser hello, int scheme)
    {
        if (!Contains(hello.SignatureAlgorithmBytes, scheme))
        {
            return false;
        }

        if (hello.Offers(Tls13))
        {
            return true;
        }

        for (var suites = hello.CipherSuiteBytes; suites.Length >= 2; suites = suites[2..])
        {
            if (IsEcdsaSuite(BinaryPrimitives.ReadUInt16BigEndian(suites)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>ECDHE_ECDSA of RFC 5289, 7905, 7251 and 8422.</summary>
    private static bool IsEcdsaSuite(int suite) => suite is 0xC009 or 0xC00A or 0xC023 or 0xC024 or 0xC02B or 0xC02C or 0xC0AC or 0xC0AD or 0xC0AE or 0xC0AF or 0xCCA9;

    private static bool Contains(ReadOnlySpan<byte> pairs, int value)
    {
        for (; pairs.Length >= 2; pairs = pairs[2..])
        {
            if (BinaryPrimitives.ReadUInt16BigEndian(pairs) == value)
            {
                return true;
            }
        }

        return false;
    }
}
