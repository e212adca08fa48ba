using System.Net.Security;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>Sets a context up by a config. Control side; what OpenSSL refuses becomes a config error.</summary>
internal static unsafe class OpenSslContextBuilder
{
    /// <summary>The longest list of authorities that a server sends along when it asks for a certificate.</summary>
    private const int MaxAuthorities = 64;

    /// <returns>Null if there was an error.</returns>
    public static OpenSslContext? Server(
        DownstreamTlsContextConfig config, TlsCertificate certificate, PeerVerifier? verifier, X509Certificate2Collection? roots, ConfigErrors errors)
    {
        var context = OpenSslContext.Create(isServer: true);
        var pointer = context.Pointer;
        if (!UseParameters(context, config.CommonTlsContext.TlsParams, errors) || !UseCertificate(context, certificate, errors))
        {
            context.Dispose();
            return null;
        }

        // Tickets only: their keys are the context's, made at random, the same for all workers and new with every rotation. So a ticket
        // never outlives the certificate and the verification that it was given under.
        context.Control(LibSsl.CtrlSessionCacheMode, LibSsl.SessionCacheOff);
        if (config.DisableStatelessSessionResumption)
        {
            LibSsl.SSL_CTX_set_options(pointer, LibSsl.OptionNoTicket);
            LibSsl.SSL_CTX_set_num_tickets(pointer, 0);
        }

        var id = "meshproxy"u8;
        fixed (byte* p = id)
        {
            LibSsl.SSL_CTX_set_session_id_context(pointer, p, (uint)id.Length);
        }

        LibSsl.SSL_CTX_set_alpn_select_cb(pointer, &OpenSslCallbacks.SelectProtocol, 0);
        if (verifier is not null)
        {
            var mode = LibSsl.VerifyPeer | (config.RequireClientCertificate ? LibSsl.VerifyFailIfNoPeerCertificate : 0);
            LibSsl.SSL_CTX_set_verify(pointer, mode, 0);
            LibSsl.SSL_CTX_set_cert_verify_callback(pointer, &OpenSslCallbacks.Verify, 0);
            AddAuthorities(pointer, roots);
        }

        return context;
    }

    /// <returns>Null if there was an error.</returns>
    public static OpenSslContext? Client(UpstreamTlsContextConfig config, TlsCertificate? certificate, ConfigErrors errors)
    {
        var context = OpenSslContext.Create(isServer: false);
        var pointer = context.Pointer;
        if (!UseParameters(context, config.CommonTlsContext.TlsParams, errors) || (certificate is not null && !UseCertificate(context, certificate, errors)))
        {
            context.Dispose();
            return null;
        }

        if (config.MaxSessionKeys > 0)
        {
            context.Control(LibSsl.CtrlSessionCacheMode, LibSsl.SessionCacheClient | LibSsl.SessionCacheNoInternal);
            LibSsl.SSL_CTX_sess_set_new_cb(pointer, &OpenSslCallbacks.NewSession);
        }
        else
        {
            context.Control(LibSsl.CtrlSessionCacheMode, LibSsl.SessionCacheOff);
        }

        LibSsl.SSL_CTX_set_verify(pointer, LibSsl.VerifyPeer, 0);
        LibSsl.SSL_CTX_set_cert_verify_callback(pointer, &OpenSslCallbacks.Verify, 0);
        LibSsl.SSL_CTX_set_cert_cb(pointer, &OpenSslCallbacks.CertificateAskedFor, 0);
        return context;
    }

    private static bool UseParameters(OpenSslContext context, TlsParametersConfig config, ConfigErrors errors)
    {
        var at = errors.Field("tls_params");
        var min = config.TlsMinimumProtocolVersion == TlsProtocolVersion.Tls13 ? LibSsl.Tls13 : LibSsl.Tls12;
        var max = config.TlsMaximumProtocolVersion == TlsProtocolVersion.Tls12 ? LibSsl.Tls12 : LibSsl.Tls13;
        var (newSuites, oldSuites) = SplitSuites(config.CipherSuites, at);
        if (newSuites is null || oldSuites is null)
        {
            return false;
        }

        if (!config.CipherSuites.IsEmpty)
        {
            // A version without a suite is not spoken.
            min = oldSuites.Count == 0 ? LibSsl.Tls13 : min;
            max = newSuites.Count == 0 ? LibSsl.Tls12 : max;
            if (!at.Require(min <= max, "cipher_suites", "has no cipher suite of the versions that tls_minimum_protocol_version and tls_maximum_protocol_version leave"))
            {
                return false;
            }
        }

        var ok = context.Control(LibSsl.CtrlSetMinVersion, min) == 1 && context.Control(LibSsl.CtrlSetMaxVersion, max) == 1;
        ok = ok && (newSuites.Count == 0 || LibSsl.SSL_CTX_set_ciphersuites(context.Pointer, string.Join(':', newSuites)) == 1);
        ok = ok && (oldSuites.Count == 0 || LibSsl.SSL_CTX_set_cipher_list(context.Pointer, string.Join(':', oldSuites)) == 1);
        return at.Require(ok, "", ok ? "" : "is refused by OpenSSL: " + OpenSslErrors.Describe());
    }

    /// <summary>Suites of TLS 1.3, and those before it, by OpenSSL's names.</summary>
    private static (List<string>? New, List<string>? Old) SplitSuites(EquatableArray<string> names, ConfigErrors errors)
    {
        var (newer, older) = (new List<string>(), new List<string>());
        for (var i = 0; i < names.Count; i++)
        {
            TlsNames.TryParseCipher(names[i], out TlsCipherSuite suite);
            var known = Marshal.PtrToStringUTF8(LibSsl.OPENSSL_cipher_name(suite.ToString()));
            if (!errors.Field("cipher_suites", i).Require(known is not null and not "(NONE)", "", $"'{names[i]}' is not known to OpenSSL"))
            {
                return default;
            }

            ((ushort)suite >> 8 == 0x13 ? newer : older).Add(known!);
        }

        return (newer, older);
    }

    private static bool UseCertificate(OpenSslContext context, TlsCertificate certificate, ConfigErrors errors)
    {
        var at = errors.Field("tls_certificates");
        LibCrypto.ERR_clear_error();
        var ok = Use(certificate.Leaf.RawDataMemory.Span, leaf => LibSsl.SSL_CTX_use_certificate(context.Pointer, leaf) == 1);
        foreach (var issuer in Chain(certificate))
        {
            ok = ok && Use(issuer.RawDataMemory.Span, x509 => context.Control(LibSsl.CtrlChainCertificate, 1, x509) == 1);
        }

        ok = ok && UseKey(context, certificate.Leaf) && LibSsl.SSL_CTX_check_private_key(context.Pointer) == 1;
        return at.Require(ok, "", ok ? "" : $"the certificate of {certificate.Leaf.Subject} or its key is refused by OpenSSL: {OpenSslErrors.Describe()}");
    }

    /// <summary>The intermediate ones in the order in which they are to be sent (RFC 5246, section 7.4.2), without a root.</summary>
    private static IEnumerable<X509Certificate2> Chain(TlsCertificate certificate)
    {
        var left = certificate.Intermediates.ToList();
        for (var at = certificate.Leaf; at is not null;)
        {
            var issuerName = at.IssuerName.RawData;
            at = left.Find(candidate => candidate.SubjectName.RawData.AsSpan().SequenceEqual(issuerName));
            if (at is null || at.SubjectName.RawData.AsSpan().SequenceEqual(at.IssuerName.RawData))
            {
                yield break;
            }

            left.Remove(at);
            yield return at;
        }
    }

    /// <summary>Hands the key over in memory. The copy on the way is pinned, so that nothing moves it, and wiped afterwards.</summary>
    private static bool UseKey(OpenSslContext context, X509Certificate2 certificate)
    {
        using AsymmetricAlgorithm? key = certificate.GetECDsaPrivateKey() ?? (AsymmetricAlgorithm?)certificate.GetRSAPrivateKey();
        var copy = GC.AllocateUninitializedArray<byte>(32 * 1024, pinned: true);
        try
        {
            if (key is null || !key.TryExportPkcs8PrivateKey(copy, out var length))
            {
                return false;
            }

            fixed (byte* p = copy)
            {
                var at = p;
                var native = LibCrypto.d2i_AutoPrivateKey(0, &at, new CLong(length));
                if (native == 0)
                {
                    return false;
                }

                var used = LibSsl.SSL_CTX_use_PrivateKey(context.Pointer, native);
                LibCrypto.EVP_PKEY_free(native);
                return used == 1;
            }
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }
    }

    private static void AddAuthorities(nint context, X509Certificate2Collection? roots)
    {
        if (roots is not { Count: > 0 and <= MaxAuthorities })
        {
            return;
        }

        foreach (var root in roots)
        {
            Use(root.RawDataMemory.Span, x509 => LibSsl.SSL_CTX_add_client_CA(context, x509) == 1);
        }
    }

    /// <summary>Gives a certificate in OpenSSL's form to something that takes a reference of its own.</summary>
    private static bool Use(ReadOnlySpan<byte> der, Func<nint, bool> use)
    {
        fixed (byte* p = der)
        {
            var at = p;
            var certificate = LibCrypto.d2i_X509(0, &at, new CLong(der.Length));
            if (certificate == 0)
            {
                return false;
            }

            var used = use(certificate);
            LibCrypto.X509_free(certificate);
            return used;
        }
    }
}
