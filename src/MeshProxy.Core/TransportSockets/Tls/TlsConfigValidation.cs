using System.Text;
using System.Text.RegularExpressions;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Checks a listener's TLS.</summary>
internal sealed class DownstreamTlsContextConfigValidator : IConfigValidator<DownstreamTlsContextConfig>
{
    public void Validate(DownstreamTlsContextConfig config, ConfigErrors errors)
    {
        var common = config.CommonTlsContext;
        var at = errors.Field("common_tls_context");
        var count = errors.Count;
        TlsConfigValidation.ValidateCommon(common, at);
        errors.Require(
            !config.RequireClientCertificate || common.ValidationContext is not null || common.SecretProvider is not null,
            "require_client_certificate",
            "needs common_tls_context.validation_context: whom to let in");
        if (errors.Count == count && common.SecretProvider is null)
        {
            TlsStateBuilder.Build(config, common, at);
        }
    }
}

/// <summary>Checks a cluster's TLS.</summary>
internal sealed class UpstreamTlsContextConfigValidator : IConfigValidator<UpstreamTlsContextConfig>
{
    private const int MaxNameBytes = 255;

    public void Validate(UpstreamTlsContextConfig config, ConfigErrors errors)
    {
        var common = config.CommonTlsContext;
        var at = errors.Field("common_tls_context");
        var count = errors.Count;
        TlsConfigValidation.ValidateCommon(common, at);
        errors.Require(!config.AllowRenegotiation, "allow_renegotiation", "is not supported: leave it false");
        errors.Require(
            config.Sni.Length <= MaxNameBytes && !config.Sni.Any(static c => c is <= ' ' or > '~'), "sni", "must be a host name of at most 255 ASCII characters");
        at.Require(common.TlsCertificates.Count <= 1, "tls_certificates", "a cluster shows at most one certificate");
        var validation = common.ValidationContext;
        var systemRoots = validation?.TrustedCa is null && validation?.TrustChainVerification is not TrustChainVerification.AcceptUntrusted;
        var namesNothing = config is { Sni.Length: 0, AutoHostSni: false, AutoSniSanValidation: false }
            && (validation is null || (validation.MatchTypedSubjectAltNames.IsEmpty && validation.VerifyCertificateHash.IsEmpty && validation.VerifyCertificateSpki.IsEmpty));
        errors.Require(
            !systemRoots || !namesNothing || common.SecretProvider is not null,
            "sni",
            "is required with the system's roots, or any server of the world would pass: set sni, auto_host_sni or auto_sni_san_validation, or in "
                + "common_tls_context.validation_context a trusted_ca, a name to match or a pin, or trust_chain_verification: ACCEPT_UNTRUSTED");
        if (errors.Count == count && common.SecretProvider is null)
        {
            TlsStateBuilder.Build(config, common, at);
        }
    }
}

/// <summary>What both directions share.</summary>
internal static class TlsConfigValidation
{
    private const int MaxDepth = 100;

    public static void ValidateCommon(CommonTlsContextConfig config, ConfigErrors errors)
    {
        ValidateParameters(config.TlsParams, errors.Field("tls_params"));
        var total = 0;
        for (var i = 0; i < config.AlpnProtocols.Count; i++)
        {
            var bytes = Encoding.UTF8.GetByteCount(config.AlpnProtocols[i]);
            total += bytes + 1;
            errors.Field("alpn_protocols", i).Require(bytes is >= 1 and <= 255, "", "must have 1 to 255 bytes");
        }

        errors.Require(total <= ushort.MaxValue, "alpn_protocols", "is too long for a handshake");
        if (config.ValidationContext is { } validation)
        {
            ValidateContext(validation, errors.Field("validation_context"));
        }
    }

    /// <summary>An expression that must match all of a text, without backtracking.</summary>
    /// <exception cref="ArgumentException">It is none.</exception>
    /// <exception cref="NotSupportedException">It needs backtracking.</exception>
    public static Regex CreateRegex(string pattern) => new($"^(?:{pattern})\\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);

    private static void ValidateParameters(TlsParametersConfig config, ConfigErrors errors)
    {
        errors.RequireDefined(config.TlsMinimumProtocolVersion, "tls_minimum_protocol_version");
        errors.RequireDefined(config.TlsMaximumProtocolVersion, "tls_maximum_protocol_version");
        errors.Require(
            config is not { TlsMinimumProtocolVersion: TlsProtocolVersion.Tls13, TlsMaximumProtocolVersion: TlsProtocolVersion.Tls12 },
            "tls_maximum_protocol_version",
            "must not be below tls_minimum_protocol_version");
        if (config.CipherSuites.IsEmpty)
        {
            return;
        }

        errors.Require(
            !OperatingSystem.IsWindows() && !OperatingSystem.IsAndroid(), "cipher_suites", "cannot be set on this platform: the system decides; leave it out");
        for (var i = 0; i < config.CipherSuites.Count; i++)
        {
            errors.Field("cipher_suites", i).Require(
                TlsNames.TryParseCipher(config.CipherSuites[i], out _),
                "",
                $"'{config.CipherSuites[i]}' is not known; write it as TLS_AES_128_GCM_SHA256 or ECDHE-RSA-AES128-GCM-SHA256");
        }
    }

    private static void ValidateContext(CertificateValidationContextConfig config, ConfigErrors errors)
    {
        errors.RequireDefined(config.TrustChainVerification, "trust_chain_verification");
        errors.RequireRange(config.MaxVerifyDepth, 0, MaxDepth, "max_verify_depth");
        errors.Require(config.Crl is null || config.TrustedCa is not null, "crl", "needs trusted_ca");
        for (var i = 0; i < config.VerifyCertificateHash.Count; i++)
        {
            var hex = config.VerifyCertificateHash[i].Replace(":", "", StringComparison.Ordinal);
            errors.Field("verify_certificate_hash", i).Require(
                hex.Length == 64 && hex.All(char.IsAsciiHexDigit), "", "must be a SHA-256 in hex: 64 digits, with or without colons");
        }

        var hash = new byte[64];
        for (var i = 0; i < config.VerifyCertificateSpki.Count; i++)
        {
            errors.Field("verify_certificate_spki", i).Require(
                Convert.TryFromBase64String(config.VerifyCertificateSpki[i], hash, out var length) && length == 32, "", "must be a SHA-256 in base64: 44 characters");
        }

        for (var i = 0; i < config.MatchTypedSubjectAltNames.Count; i++)
        {
            var at = errors.Field("match_typed_subject_alt_names", i);
            at.RequireDefined(config.MatchTypedSubjectAltNames[i].SanType, "san_type");
            ValidateMatcher(config.MatchTypedSubjectAltNames[i].Matcher, at.Field("matcher"));
        }
    }

    private static void ValidateMatcher(StringMatcherConfig matcher, ConfigErrors errors)
    {
        if (!errors.Require(matcher.Count == 1, "", "set exactly one of exact, prefix, suffix, contains and safe_regex"))
        {
            return;
        }

        errors.Require(matcher.Prefix is not "", "prefix", "must not be empty");
        errors.Require(matcher.Suffix is not "", "suffix", "must not be empty");
        errors.Require(matcher.Contains is not "", "contains", "must not be empty");
        if (matcher.SafeRegex is not { } pattern)
        {
            return;
        }

        errors.Require(!matcher.IgnoreCase, "ignore_case", "does not go with safe_regex: write (?i)");
        try
        {
            _ = CreateRegex(pattern);
        }
        catch (Exception exception) when (exception is ArgumentException or NotSupportedException)
        {
            errors.Add("safe_regex", $"is not an expression that runs without backtracking: {exception.Message}");
        }
    }
}
