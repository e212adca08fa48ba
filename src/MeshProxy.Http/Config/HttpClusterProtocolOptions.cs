using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>
/// Which version of HTTP a cluster's hosts speak, and how (Envoy: <c>extensions.upstreams.http.v3.HttpProtocolOptions</c>, in a cluster's
/// <c>typed_extension_protocol_options</c>). Exactly one of <see cref="ExplicitHttpConfig"/>, <see cref="UseDownstreamProtocolConfig"/> and
/// <see cref="AutoConfig"/> is set.
/// </summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record HttpClusterProtocolOptions : INeedsSecureTransport
{
    /// <summary>The name under which a cluster has these options.</summary>
    public const string ExtensionName = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";

    /// <summary>Limits whatever the version (Envoy: <c>common_http_protocol_options</c>).</summary>
    /// <value>Null: the cluster's own, <see cref="ClusterConfig.CommonHttpProtocolOptions"/>.</value>
    public HttpProtocolOptions? CommonHttpProtocolOptions { get; init; }

    /// <summary>What a connection takes over from the request that it is made for (Envoy: <c>upstream_http_protocol_options</c>).</summary>
    /// <value>Null: nothing.</value>
    public UpstreamHttpProtocolOptions? UpstreamHttpProtocolOptions { get; init; }

    /// <summary>Always the same version (Envoy: <c>explicit_http_config</c>).</summary>
    public ExplicitHttpConfig? ExplicitHttpConfig { get; init; }

    /// <summary>The version that the request came by (Envoy: <c>use_downstream_protocol_config</c>).</summary>
    public UseDownstreamHttpConfig? UseDownstreamProtocolConfig { get; init; }

    /// <summary>What the TLS handshake agrees on by ALPN, HTTP/2 preferred (Envoy: <c>auto_config</c>). The cluster needs TLS.</summary>
    public AutoHttpConfig? AutoConfig { get; init; }

    /// <inheritdoc/>
    bool INeedsSecureTransport.NeedsSecureTransport => AutoConfig is not null;
}

/// <summary>Envoy: <c>HttpProtocolOptions.ExplicitHttpConfig</c>. Exactly one is set.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record ExplicitHttpConfig
{
    /// <summary>HTTP/1.1 (Envoy: <c>http_protocol_options</c>).</summary>
    public Http1ProtocolOptions? HttpProtocolOptions { get; init; }

    /// <summary>HTTP/2: by prior knowledge without TLS, by ALPN with it (Envoy: <c>http2_protocol_options</c>).</summary>
    public Http2ProtocolOptions? Http2ProtocolOptions { get; init; }
}

/// <summary>Envoy: <c>HttpProtocolOptions.UseDownstreamHttpConfig</c>.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record UseDownstreamHttpConfig
{
    /// <summary>For requests that came by HTTP/1 (Envoy: <c>http_protocol_options</c>).</summary>
    /// <value>Null: as in a cluster without options.</value>
    public Http1ProtocolOptions? HttpProtocolOptions { get; init; }

    /// <summary>For requests that came by HTTP/2 (Envoy: <c>http2_protocol_options</c>).</summary>
    /// <value>Null: the defaults.</value>
    public Http2ProtocolOptions? Http2ProtocolOptions { get; init; }
}

/// <summary>Envoy: <c>HttpProtocolOptions.AutoHttpConfig</c>.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record AutoHttpConfig
{
    /// <summary>For connections that agreed on HTTP/1.1, or on nothing (Envoy: <c>http_protocol_options</c>).</summary>
    /// <value>Null: as in a cluster without options.</value>
    public Http1ProtocolOptions? HttpProtocolOptions { get; init; }

    /// <summary>For connections that agreed on h2 (Envoy: <c>http2_protocol_options</c>).</summary>
    /// <value>Null: the defaults.</value>
    public Http2ProtocolOptions? Http2ProtocolOptions { get; init; }
}

/// <summary>Envoy: <c>config.core.v3.UpstreamHttpProtocolOptions</c>.</summary>
/// <remarks>Immutable, compared by value. Without TLS it changes nothing.</remarks>
public sealed record UpstreamHttpProtocolOptions
{
    /// <summary>Whether the handshake asks for the request's host, in place of the name that the TLS config has (Envoy: <c>auto_sni</c>).
    /// Connections are then shared only among requests for the same host.</summary>
    /// <value>False.</value>
    public bool AutoSni { get; init; }

    /// <summary>Whether the server's certificate must hold the request's host (Envoy: <c>auto_san_validation</c>). The TLS config must have a trusted CA.</summary>
    /// <value>False.</value>
    public bool AutoSanValidation { get; init; }

    /// <summary>The header that names the host for both, in place of Host (Envoy: <c>override_auto_sni_header</c>). If a request has none, Host counts.</summary>
    /// <value>Empty: Host.</value>
    public string OverrideAutoSniHeader { get; init; } = "";
}
