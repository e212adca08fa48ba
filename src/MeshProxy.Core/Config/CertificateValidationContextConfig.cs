namespace MeshProxy.Core.Config;

/// <summary>What a peer's certificate must be (Envoy: <c>CertificateValidationContext</c>). Everything that is set must hold.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record CertificateValidationContextConfig
{
    /// <summary>PEM: the authorities to trust, and no others (Envoy: <c>trusted_ca</c>).</summary>
    /// <value>Null: a cluster trusts the system's roots; a listener checks no chain, so that pins or names are needed.</value>
    public DataSourceConfig? TrustedCa { get; init; }

    /// <summary>SHA-256 of the public key as base64, any one of which fits (Envoy: <c>verify_certificate_spki</c>).</summary>
    public EquatableArray<string> VerifyCertificateSpki { get; init; }

    /// <summary>SHA-256 of the certificate as hex, with or without colons, any one of which fits; together with
    /// <see cref="VerifyCertificateSpki"/> one of either (Envoy: <c>verify_certificate_hash</c>).</summary>
    public EquatableArray<string> VerifyCertificateHash { get; init; }

    /// <summary>Names of the certificate, any one of which fits (Envoy: <c>match_typed_subject_alt_names</c>). Needs a chain that is checked.</summary>
    /// <value>Empty: a listener asks for no name; a cluster for that of <c>sni</c>.</value>
    public EquatableArray<SubjectAltNameMatcherConfig> MatchTypedSubjectAltNames { get; init; }

    /// <summary>PEM: revocation lists. A list must exist for each authority whose certificates are checked (Envoy: <c>crl</c>).</summary>
    public DataSourceConfig? Crl { get; init; }

    /// <summary>Whether only the peer's own certificate is looked up in the lists (Envoy: <c>only_verify_leaf_cert_crl</c>).</summary>
    /// <value>False: all certificates of the chain but the root.</value>
    public bool OnlyVerifyLeafCertCrl { get; init; }

    /// <summary>Whether an expired certificate passes (Envoy: <c>allow_expired_certificate</c>).</summary>
    public bool AllowExpiredCertificate { get; init; }

    /// <summary>Whether the chain is checked at all (Envoy: <c>trust_chain_verification</c>).</summary>
    /// <value>VerifyTrustChain.</value>
    public TrustChainVerification TrustChainVerification { get; init; }

    /// <summary>How many certificates may stand between the peer's and the root; 0 to 100 (Envoy: <c>max_verify_depth</c>).</summary>
    /// <value>100.</value>
    public int MaxVerifyDepth { get; init; } = 100;

    /// <summary>This, and from <paramref name="defaults"/> what it leaves out. So what a provider says of authorities takes nothing away of
    /// what the config demands besides.</summary>
    internal CertificateValidationContextConfig Over(CertificateValidationContextConfig? defaults) => defaults is null ? this : new()
    {
        TrustedCa = TrustedCa ?? defaults.TrustedCa,
        VerifyCertificateSpki = VerifyCertificateSpki.IsEmpty ? defaults.VerifyCertificateSpki : VerifyCertificateSpki,
        VerifyCertificateHash = VerifyCertificateHash.IsEmpty ? defaults.VerifyCertificateHash : VerifyCertificateHash,
        MatchTypedSubjectAltNames = MatchTypedSubjectAltNames.IsEmpty ? defaults.MatchTypedSubjectAltNames : MatchTypedSubjectAltNames,
        Crl = Crl ?? defaults.Crl,
        OnlyVerifyLeafCertCrl = OnlyVerifyLeafCertCrl || defaults.OnlyVerifyLeafCertCrl,
        AllowExpiredCertificate = AllowExpiredCertificate || defaults.AllowExpiredCertificate,
        TrustChainVerification = TrustChainVerification == TrustChainVerification.VerifyTrustChain ? defaults.TrustChainVerification : TrustChainVerification,
        MaxVerifyDepth = Math.Min(MaxVerifyDepth, defaults.MaxVerifyDepth),
    };
}

/// <summary>Envoy: <c>CertificateValidationContext.TrustChainVerification</c>.</summary>
public enum TrustChainVerification : byte
{
    /// <summary>A chain that does not lead to a trusted authority is refused.</summary>
    VerifyTrustChain,

    /// <summary>Any certificate passes. What was found is kept for the logs (<c>validated</c>).</summary>
    AcceptUntrusted,
}

/// <summary>A name that a certificate must have (Envoy: <c>SubjectAltNameMatcher</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record SubjectAltNameMatcherConfig
{
    /// <summary>The kind of the name (Envoy: <c>san_type</c>).</summary>
    public SubjectAltNameType SanType { get; init; }

    /// <summary>What the name must look like; an exact DNS name also fits a wildcard of the certificate (Envoy: <c>matcher</c>).</summary>
    public required StringMatcherConfig Matcher { get; init; }
}

/// <summary>Envoy: <c>SubjectAltNameMatcher.SanType</c>.</summary>
public enum SubjectAltNameType : byte
{
    Dns,

    Uri,

    Email,

    IpAddress,
}
