using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;

namespace MeshProxy.Http.Config;

/// <summary>Speaks HTTP with the client and routes requests; a terminal network filter
/// (<c>envoy.filters.network.http_connection_manager</c>).</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record HttpConnectionManagerConfig : IReferencesClusters
{
    /// <summary>The value of <see cref="ServerName"/> unless set.</summary>
    public const string DefaultServerName = "meshproxy";

    internal const int LargestMaxRequestHeadersKb = SlabPool.MaxSlabBytes / 1024;

    /// <summary>Stats are <c>http.PREFIX.</c>; not empty (Envoy: <c>stat_prefix</c>).</summary>
    public required string StatPrefix { get; init; }

    /// <summary>Envoy: <c>codec_type</c>.</summary>
    /// <value>Auto.</value>
    public CodecType CodecType { get; init; }

    /// <summary>Envoy: <c>route_config</c>.</summary>
    public required RouteConfiguration RouteConfig { get; init; }

    /// <summary>In the order of decoding; the last one is terminal, usually the router (Envoy: <c>http_filters</c>).</summary>
    public EquatableArray<ExtensionConfig> HttpFilters { get; init; }

    /// <summary>Limits of downstream connections and streams (Envoy: <c>common_http_protocol_options</c>).</summary>
    public HttpProtocolOptions CommonHttpProtocolOptions { get; init; } = new();

    /// <summary>What HTTP/1.1 accepts and writes (Envoy: <c>http_protocol_options</c>).</summary>
    public Http1ProtocolOptions HttpProtocolOptions { get; init; } = new();

    /// <summary>What HTTP/2 accepts, and its limits (Envoy: <c>http2_protocol_options</c>).</summary>
    public Http2ProtocolOptions Http2ProtocolOptions { get; init; } = new();

    // Limits and timeouts

    /// <summary>The most that a request's head may measure, in KiB, 1 to 64 (Envoy: 8192): a head lies in one piece of memory; 431 past it
    /// (Envoy: <c>max_request_headers_kb</c>).</summary>
    /// <value>60.</value>
    public int MaxRequestHeadersKb { get; init; } = 60;

    /// <summary>How long nothing may happen on a stream: 408, or 504 once the request is complete; a reset once the response has begun. Zero means no limit
    /// (Envoy: <c>stream_idle_timeout</c>).</summary>
    /// <value>5 minutes.</value>
    public TimeSpan StreamIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long the whole request may take to arrive: 408. Zero means no limit (Envoy: <c>request_timeout</c>).</summary>
    /// <value>Zero.</value>
    public TimeSpan RequestTimeout { get; init; }

    /// <summary>How long the head may take from its first byte on: 408. Zero means no limit (Envoy: <c>request_headers_timeout</c>).</summary>
    /// <value>Zero.</value>
    public TimeSpan RequestHeadersTimeout { get; init; }

    /// <summary>How long a draining connection still takes new streams (Envoy: <c>drain_timeout</c>). HTTP/1.1 has no notice to give:
    /// an idle connection is closed, a busy one after its response.</summary>
    /// <value>5 seconds.</value>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long to wait for the client's own close after ours, so that it can read the last answer. Zero closes at once
    /// (Envoy: <c>delayed_close_timeout</c>).</summary>
    /// <value>1 second.</value>
    public TimeSpan DelayedCloseTimeout { get; init; } = TimeSpan.FromSeconds(1);

    // Identity: what we say about ourselves and about the client

    /// <summary>The value of the <c>server</c> header (Envoy: <c>server_name</c>).</summary>
    /// <value><c>meshproxy</c>, where Envoy says <c>envoy</c>: a client should not take us for it.</value>
    public string ServerName { get; init; } = DefaultServerName;

    /// <summary>Envoy: <c>server_header_transformation</c>.</summary>
    /// <value>Overwrite.</value>
    public ServerHeaderTransformation ServerHeaderTransformation { get; init; }

    /// <summary>Appended to the <c>via</c> header of requests and responses (Envoy: <c>via</c>).</summary>
    /// <value>Empty: none.</value>
    public string Via { get; init; } = "";

    /// <summary>Whether to set <c>user-agent</c> where it lacks, and <c>x-envoy-downstream-service-cluster</c> (Envoy: <c>add_user_agent</c>).</summary>
    /// <value>False.</value>
    public bool AddUserAgent { get; init; }

    /// <summary>Whether the socket's peer is the client, as on an edge proxy, rather than what <c>x-forwarded-for</c> says
    /// (Envoy: <c>use_remote_address</c>).</summary>
    /// <value>False.</value>
    public bool UseRemoteAddress { get; init; }

    /// <summary>How many entries of <c>x-forwarded-for</c>, from the right, trusted proxies wrote (Envoy: <c>xff_num_trusted_hops</c>).</summary>
    /// <value>0.</value>
    public int XffNumTrustedHops { get; init; }

    /// <summary>Whether to leave <c>x-forwarded-for</c> as it came (Envoy: <c>skip_xff_append</c>).</summary>
    /// <value>False.</value>
    public bool SkipXffAppend { get; init; }

    /// <summary>Which clients count as internal; <c>x-envoy-*</c> of others is stripped (Envoy: <c>internal_address_config</c>).</summary>
    /// <value>None, as in Envoy since 1.33.</value>
    public InternalAddressConfig InternalAddressConfig { get; init; } = InternalAddressConfig.None;

    /// <summary>What becomes of <c>x-forwarded-client-cert</c> (Envoy: <c>forward_client_cert_details</c>).</summary>
    /// <value>Sanitize.</value>
    public ForwardClientCertDetails ForwardClientCertDetails { get; init; }

    /// <summary>What is told of the client's certificate where <see cref="ForwardClientCertDetails"/> is AppendForward or SanitizeSet
    /// (Envoy: <c>set_current_client_cert_details</c>).</summary>
    public SetCurrentClientCertDetailsConfig SetCurrentClientCertDetails { get; init; } = new();

    /// <summary>Whether a request without <c>x-request-id</c> gets one (Envoy: <c>generate_request_id</c>).</summary>
    /// <value>True.</value>
    public bool GenerateRequestId { get; init; } = true;

    /// <summary>Whether an external client's <c>x-request-id</c> is kept (Envoy: <c>preserve_external_request_id</c>).</summary>
    /// <value>False.</value>
    public bool PreserveExternalRequestId { get; init; }

    /// <summary>Whether responses carry <c>x-request-id</c> (Envoy: <c>always_set_request_id_in_response</c>).</summary>
    /// <value>False.</value>
    public bool AlwaysSetRequestIdInResponse { get; init; }

    // Path and host

    /// <summary>Whether to normalise the path by RFC 3986 before routing; 400 if it cannot be (Envoy: <c>normalize_path</c>).</summary>
    /// <value>False.</value>
    public bool NormalizePath { get; init; }

    /// <summary>Whether <c>//</c> becomes <c>/</c> before routing (Envoy: <c>merge_slashes</c>).</summary>
    /// <value>False.</value>
    public bool MergeSlashes { get; init; }

    /// <summary>What to do with <c>%2F</c> and <c>%5C</c> in the path, before normalising (Envoy: <c>path_with_escaped_slashes_action</c>).</summary>
    /// <value>KeepUnchanged, as Envoy's own default.</value>
    public PathWithEscapedSlashesAction PathWithEscapedSlashesAction { get; init; }

    /// <summary>Whether the listener's own port is taken off the host (Envoy: <c>strip_matching_host_port</c>).</summary>
    /// <value>False.</value>
    public bool StripMatchingHostPort { get; init; }

    /// <summary>Whether any port is taken off the host; not together with <see cref="StripMatchingHostPort"/>
    /// (Envoy: <c>strip_any_host_port</c>).</summary>
    /// <value>False.</value>
    public bool StripAnyHostPort { get; init; }

    /// <summary>Whether <c>example.com.</c> becomes <c>example.com</c> (Envoy: <c>strip_trailing_host_dot</c>).</summary>
    /// <value>False.</value>
    public bool StripTrailingHostDot { get; init; }

    /// <summary>What <c>:scheme</c> upstreams see (Envoy: <c>scheme_header_transformation</c>).</summary>
    /// <value>Null: what the client used.</value>
    public SchemeHeaderTransformation? SchemeHeaderTransformation { get; init; }

    // Protocol

    /// <summary>Which upgrades are let through, unless a route says otherwise (Envoy: <c>upgrade_configs</c>).</summary>
    /// <value>None.</value>
    public EquatableArray<UpgradeConfig> UpgradeConfigs { get; init; }

    /// <summary>Whether <c>Expect: 100-continue</c> goes upstream, rather than being answered here (Envoy: <c>proxy_100_continue</c>).</summary>
    /// <value>False.</value>
    public bool Proxy100Continue { get; init; }

    /// <summary>Whether an invalid request ends only its stream where it can, rather than the connection
    /// (Envoy: <c>stream_error_on_invalid_http_message</c>). Only for trusted clients. On HTTP/1.1 an invalid message always ends the connection.</summary>
    /// <value>False.</value>
    public bool StreamErrorOnInvalidHttpMessage { get; init; }

    /// <summary>A line for each request (Envoy: <c>access_log</c>).</summary>
    public EquatableArray<AccessLogConfig> AccessLog { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ClusterReference> ReferencedClusters()
    {
        foreach (var reference in RouteConfig?.ReferencedClusters() ?? [])
        {
            yield return reference with { Path = "route_config." + reference.Path };
        }

        for (var i = 0; i < HttpFilters.Count; i++)
        {
            foreach (var reference in (HttpFilters[i].TypedConfig as IReferencesClusters)?.ReferencedClusters() ?? [])
            {
                yield return reference with { Path = $"http_filters[{i}].typed_config.{reference.Path}" };
            }
        }
    }
}
