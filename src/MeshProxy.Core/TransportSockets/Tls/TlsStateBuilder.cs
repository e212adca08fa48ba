using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Loads what a TLS config names, and puts it together. The validators build too, and throw the result away: so what a config says
/// is found good or bad before anything changes.</summary>
/// <remarks>Control side. Errors are at the path of the common context.</remarks>
internal static class TlsStateBuilder
{
    private static bool s_isWarm;

    /// <returns>Null if there was an error.</returns>
    public static TlsServerState? Build(DownstreamTlsContextConfig config, CommonTlsContextConfig common, ConfigErrors errors) =>
        Load(config, common, errors) is { } parts ? new TlsServerState(parts.Config, parts.Certificates, parts.Verifier, parts.Roots) : null;

    /// <returns>Null if there was an error.</returns>
    public static TlsClientState? Build(UpstreamTlsContextConfig config, CommonTlsContextConfig common, ConfigErrors errors) =>
        Load(config, common, errors) is { } parts ? new TlsClientState(parts.Config, parts.Certificate, parts.Verifier) : null;

    /// <summary>What a listener's TLS is made of, whichever library does it.</summary>
    /// <returns>Null if there was an error.</returns>
    public static TlsServerParts? Load(DownstreamTlsContextConfig config, CommonTlsContextConfig common, ConfigErrors errors)
    {
        var before = errors.Count;
        var certificates = LoadCertificates(common, errors);
        errors.Require(!common.TlsCertificates.IsEmpty, "tls_certificates", "must not be empty: a listener needs a certificate");
        PeerVerifier? verifier = null;
        X509Certificate2Collection? roots = null;

        // Here, not in the validator alone: a provider may have left it out.
        errors.Require(
            !config.RequireClientCertificate || common.ValidationContext is not null,
            "validation_context",
            "is required with require_client_certificate: whom to let in");
        if (common.ValidationContext is { } context)
        {
            errors.Require(
                context.MatchTypedSubjectAltNames.IsEmpty || context.TrustedCa is not null,
                "validation_context.match_typed_subject_alt_names",
                "needs trusted_ca: a name proves nothing in a certificate that anybody could have made");
            errors.Require(
                !config.RequireClientCertificate || context.TrustedCa is not null || context.TrustChainVerification == TrustChainVerification.AcceptUntrusted
                    || !context.VerifyCertificateHash.IsEmpty || !context.VerifyCertificateSpki.IsEmpty,
                "validation_context.trusted_ca",
                "is required with require_client_certificate, or a pin, or trust_chain_verification: ACCEPT_UNTRUSTED: any certificate of anybody's making would pass");
            verifier = BuildVerifier(context, isClient: false, config.RequireClientCertificate, errors.Field("validation_context"), out roots);
        }

        return errors.Count == before ? new TlsServerParts(config with { CommonTlsContext = common }, certificates, verifier, roots) : null;
    }

    /// <summary>What a cluster's TLS is made of.</summary>
    /// <returns>Null if there was an error.</returns>
    public static TlsClientParts? Load(UpstreamTlsContextConfig config, CommonTlsContextConfig common, ConfigErrors errors)
    {
        var before = errors.Count;
        var certificates = LoadCertificates(common, errors);
        var verifier = BuildVerifier(
            common.ValidationContext ?? new CertificateValidationContextConfig(), isClient: true, required: true, errors.Field("validation_context"), out _);
        return errors.Count == before && verifier is not null
            ? new TlsClientParts(config with { CommonTlsContext = common }, certificates.FirstOrDefault(), verifier)
            : null;
    }

    private static List<TlsCertificate> LoadCertificates(CommonTlsContextConfig common, ConfigErrors errors)
    {
        var certificates = new List<TlsCertificate>();
        for (var i = 0; i < common.TlsCertificates.Count; i++)
        {
            if (TlsCertificateLoader.Load(common.TlsCertificates[i], errors.Field("tls_certificates", i)) is { } certificate)
            {
                certificates.Add(certificate);
            }
        }

        return certificates;
    }

    private static PeerVerifier? BuildVerifier(
        CertificateValidationContextConfig config, bool isClient, bool required, ConfigErrors errors, out X509Certificate2Collection? roots)
    {
        roots = null;
        if (config.TrustedCa is { } source)
        {
            roots = TlsCertificateLoader.LoadCertificates(source, errors.Field("trusted_ca"));
            if (roots is null)
            {
                return null;
            }
        }

        RevocationLists? revocation = null;
        if (config.Crl is { } crl)
        {
            var at = errors.Field("crl");
            if (crl.Read(at) is not { } data)
            {
                return null;
            }

            revocation = new RevocationLists();
            try
            {
                revocation.Add(data);
            }
            catch (FormatException exception)
            {
                at.Add(exception.Message);
                return null;
            }
        }

        // A cluster that says nothing trusts the system's roots; one that accepts anybody needs none.
        var trusted = roots ?? (isClient && config.TrustChainVerification == TrustChainVerification.VerifyTrustChain ? TlsCertificateLoader.SystemRoots : null);
        var verifier = new PeerVerifier(config, isClient, required, trusted, revocation);
        WarmUp(verifier, trusted);
        return verifier;
    }

    /// <summary>The first chain of a process has the platform read the system's certificates from disk, even where none of them is asked
    /// for: tens of milliseconds, which a worker is spared.</summary>
    private static void WarmUp(PeerVerifier verifier, X509Certificate2Collection? roots)
    {
        if (roots is not { Count: > 0 } || Interlocked.Exchange(ref s_isWarm, true))
        {
            return;
        }

        using var chain = new X509Chain { ChainPolicy = verifier.ChainPolicy.Clone() };
        chain.Build(roots[0]);
        _ = verifier.Verify(roots[0], chain, default);
    }
}

/// <summary>The config with what it names loaded.</summary>
/// <param name="Roots">Whom clients may have been certified by; null where no certificate is asked for.</param>
internal sealed record TlsServerParts(
    DownstreamTlsContextConfig Config, IReadOnlyList<TlsCertificate> Certificates, PeerVerifier? Verifier, X509Certificate2Collection? Roots);

/// <inheritdoc cref="TlsServerParts"/>
internal sealed record TlsClientParts(UpstreamTlsContextConfig Config, TlsCertificate? Certificate, PeerVerifier Verifier);
