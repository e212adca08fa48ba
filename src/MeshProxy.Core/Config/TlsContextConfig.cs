namespace MeshProxy.Core.Config;

/// <summary>TLS of a listener's filter chain: the config of <c>envoy.transport_sockets.tls</c> there (Envoy: <c>DownstreamTlsContext</c>).</summary>
/// <remarks>Immutable, compared by value: certificates that a provider changes do not change the config.</remarks>
public sealed record DownstreamTlsContextConfig
{
    /// <summary>Certificates, versions, protocols (Envoy: <c>common_tls_context</c>).</summary>
    public CommonTlsContextConfig CommonTlsContext { get; init; } = CommonTlsContextConfig.Default;

    /// <summary>Whether a client without a certificate is refused; needs a validation context (Envoy: <c>require_client_certificate</c>).</summary>
    /// <value>False: with a validation context a certificate is asked for and, if one comes, checked.</value>
    public bool RequireClientCertificate { get; init; }

    /// <summary>Whether clients cannot take up an earlier session by a ticket (Envoy: <c>disable_stateless_session_resumption</c>).
    /// There is no other kind of resumption here.</summary>
    public bool DisableStatelessSessionResumption { get; init; }

    /// <summary>Whether a client that asks for a name which no certificate has is refused (no field of Envoy's).</summary>
    /// <value>False: it gets the first certificate, as in Envoy.</value>
    public bool RequireServerNameMatch { get; init; }

    /// <summary>Whether, when a name matches only certificates of a kind that the client cannot use, the other ones are looked at too
    /// (Envoy: <c>full_scan_certs_on_sni_mismatch</c>).</summary>
    public bool FullScanCertsOnSniMismatch { get; init; }
}

/// <summary>TLS of a cluster: the config of <c>envoy.transport_sockets.tls</c> there (Envoy: <c>UpstreamTlsContext</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record UpstreamTlsContextConfig
{
    /// <summary>Own certificate, whom to trust, versions, protocols (Envoy: <c>common_tls_context</c>).</summary>
    public CommonTlsContextConfig CommonTlsContext { get; init; } = CommonTlsContextConfig.Default;

    /// <summary>The server name to ask for, and to find in the certificate (Envoy: <c>sni</c>).</summary>
    /// <value>Empty: none.</value>
    public string Sni { get; init; } = "";

    /// <summary>Whether the endpoint's hostname is the server name (Envoy: <c>auto_host_sni</c>).</summary>
    public bool AutoHostSni { get; init; }

    /// <summary>Whether the certificate must be for the server name even where SAN matchers are given, in their place
    /// (Envoy: <c>auto_sni_san_validation</c>).</summary>
    public bool AutoSniSanValidation { get; init; }

    /// <summary>Always false: a server may not renegotiate (Envoy: <c>allow_renegotiation</c>).</summary>
    public bool AllowRenegotiation { get; init; }

    /// <summary>Sessions to keep for resumption, for each server; 0 turns it off. With SslStream any other number leaves it to the platform (Envoy: <c>max_session_keys</c>).</summary>
    /// <value>1.</value>
    public uint MaxSessionKeys { get; init; } = 1;
}

/// <summary>What both directions have (Envoy: <c>CommonTlsContext</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record CommonTlsContextConfig
{
    /// <summary>Nothing set.</summary>
    public static readonly CommonTlsContextConfig Default = new();

    /// <summary>Versions and cipher suites (Envoy: <c>tls_params</c>).</summary>
    public TlsParametersConfig TlsParams { get; init; } = TlsParametersConfig.Default;

    /// <summary>Own certificates; the first is the default one. A cluster has at most one (Envoy: <c>tls_certificates</c>).</summary>
    public EquatableArray<TlsCertificateConfig> TlsCertificates { get; init; }

    /// <summary>What a peer's certificate must be (Envoy: <c>validation_context</c>).</summary>
    /// <value>Null: a listener asks for no certificate; a cluster trusts the system's roots.</value>
    public CertificateValidationContextConfig? ValidationContext { get; init; }

    /// <summary>Gives certificates, and a validation context, that change while the server runs; in the place of those above
    /// (Envoy: <c>tls_certificate_sds_secret_configs</c>, <c>validation_context_sds_secret_config</c>). Compared by reference.</summary>
    public ITlsSecretProvider? SecretProvider { get; init; }

    /// <summary>Protocols to negotiate, best first: <c>h2</c>, <c>http/1.1</c> (Envoy: <c>alpn_protocols</c>).</summary>
    public EquatableArray<string> AlpnProtocols { get; init; }
}

/// <summary>Envoy: <c>TlsParameters</c>.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record TlsParametersConfig
{
    /// <summary>Nothing set.</summary>
    public static readonly TlsParametersConfig Default = new();

    /// <summary>The oldest version (Envoy: <c>tls_minimum_protocol_version</c>).</summary>
    /// <value>Auto: 1.2.</value>
    public TlsProtocolVersion TlsMinimumProtocolVersion { get; init; }

    /// <summary>The newest version (Envoy: <c>tls_maximum_protocol_version</c>).</summary>
    /// <value>Auto: 1.3.</value>
    public TlsProtocolVersion TlsMaximumProtocolVersion { get; init; }

    /// <summary>Cipher suites by IANA name (<c>TLS_AES_128_GCM_SHA256</c>) or OpenSSL's (<c>ECDHE-RSA-AES128-GCM-SHA256</c>), Linux and macOS
    /// only; with SslStream a list turns session resumption off (Envoy: <c>cipher_suites</c>).</summary>
    /// <value>Empty: the platform's.</value>
    public EquatableArray<string> CipherSuites { get; init; }
}

/// <summary>Envoy: <c>TlsParameters.TlsProtocol</c>. TLS 1.0 and 1.1 (RFC 8996) do not exist here.</summary>
public enum TlsProtocolVersion : byte
{
    Auto,

    Tls12,

    Tls13,
}
