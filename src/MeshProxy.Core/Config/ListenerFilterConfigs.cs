namespace MeshProxy.Core.Config;

/// <summary>Tells TLS from plain bytes, and reads the server name and the ALPN protocols of a ClientHello
/// (<c>envoy.filters.listener.tls_inspector</c>).</summary>
public sealed record TlsInspectorConfig
{
    /// <summary>The most bytes that a ClientHello may have with its record headers, from 256 to 16384; a connection with a longer one is closed
    /// (Envoy: <c>max_client_hello_size</c>).</summary>
    /// <value>16 KiB.</value>
    public int MaxClientHelloSize { get; init; } = 16 * 1024;

    /// <summary>Whether a connection that begins as a ClientHello and then breaks its rules is closed; otherwise it is taken for plain bytes
    /// (Envoy: <c>close_connection_on_client_hello_parsing_errors</c>).</summary>
    /// <value>False.</value>
    public bool CloseConnectionOnClientHelloParsingErrors { get; init; }
}

/// <summary>Reads the PROXY protocol header in front of a connection's bytes, version 1 or 2: the addresses in it become those of the
/// connection (<c>envoy.filters.listener.proxy_protocol</c>).</summary>
/// <remarks>Whoever can connect can claim any address: let only trusted balancers reach the listener.</remarks>
public sealed record ProxyProtocolListenerConfig
{
    /// <summary>Which TLVs become dynamic metadata (Envoy: <c>rules</c>).</summary>
    public EquatableArray<ProxyProtocolRuleConfig> Rules { get; init; }

    /// <summary>Whether connections without a header are served, with their own addresses. The specification forbids it, since a client
    /// then decides (Envoy: <c>allow_requests_without_proxy_protocol</c>).</summary>
    /// <value>False: they are closed.</value>
    public bool AllowRequestsWithoutProxyProtocol { get; init; }

    /// <summary>Which TLVs are kept for the upstream's header (Envoy: <c>pass_through_tlvs</c>).</summary>
    /// <value>Null: none.</value>
    public ProxyProtocolPassThroughTlvsConfig? PassThroughTlvs { get; init; }

    /// <summary>Versions whose header closes the connection. Where connections without a header are allowed, such a header is taken
    /// for the connection's own bytes. Not both of them (Envoy: <c>disallowed_versions</c>).</summary>
    public EquatableArray<ProxyProtocolVersion> DisallowedVersions { get; init; }

    /// <summary>Stats are <c>proxy_proto.PREFIX.</c> (Envoy: <c>stat_prefix</c>).</summary>
    /// <value>Empty: <c>proxy_proto.</c></value>
    public string StatPrefix { get; init; } = "";
}

/// <summary>Makes a field of dynamic metadata of a TLV (Envoy: <c>ProxyProtocol.Rule</c>).</summary>
public sealed record ProxyProtocolRuleConfig
{
    /// <summary>From 0 to 255 (Envoy: <c>tlv_type</c>).</summary>
    public required uint TlvType { get; init; }

    /// <summary>Where the value goes, as text; bytes that are not UTF-8 become U+FFFD (Envoy: <c>on_tlv_present</c>).</summary>
    public required ProxyProtocolKeyConfig OnTlvPresent { get; init; }
}

/// <summary>Envoy: <c>ProxyProtocol.KeyValuePair</c>.</summary>
public sealed record ProxyProtocolKeyConfig
{
    /// <summary>Envoy: <c>metadata_namespace</c>.</summary>
    /// <value>Empty: <c>envoy.filters.listener.proxy_protocol</c>.</value>
    public string MetadataNamespace { get; init; } = "";

    /// <summary>Not empty (Envoy: <c>key</c>).</summary>
    public required string Key { get; init; }
}

/// <summary>Envoy: <c>ProxyProtocolConfig.Version</c>.</summary>
public enum ProxyProtocolVersion : byte
{
    /// <summary>A line of text.</summary>
    V1,

    /// <summary>Binary, with TLVs.</summary>
    V2,
}

/// <summary>Envoy: <c>core.v3.ProxyProtocolPassThroughTLVs</c>.</summary>
public sealed record ProxyProtocolPassThroughTlvsConfig
{
    /// <summary>Envoy: <c>match_type</c>.</summary>
    /// <value>IncludeAll.</value>
    public ProxyProtocolTlvMatch MatchType { get; init; }

    /// <summary>Each from 0 to 255; read with <see cref="ProxyProtocolTlvMatch.Include"/> (Envoy: <c>tlv_type</c>).</summary>
    public EquatableArray<uint> TlvType { get; init; }
}

/// <summary>Envoy: <c>ProxyProtocolPassThroughTLVs.PassTLVsMatchType</c>.</summary>
public enum ProxyProtocolTlvMatch : byte
{
    IncludeAll,

    /// <summary>Those that are listed.</summary>
    Include,
}

/// <summary>Writes a PROXY protocol header to each upstream connection, before whatever the transport socket in it writes
/// (<c>envoy.transport_sockets.upstream_proxy_protocol</c>).</summary>
public sealed record ProxyProtocolUpstreamTransportConfig
{
    /// <summary>Envoy: <c>config</c>.</summary>
    /// <value>Version 1.</value>
    public ProxyProtocolConfig Config { get; init; } = new();

    /// <summary>What the connection's bytes go through, such as TLS (Envoy: <c>transport_socket</c>, required there).</summary>
    /// <value>Null: plain bytes.</value>
    public ExtensionConfig? TransportSocket { get; init; }
}

/// <summary>Envoy: <c>core.v3.ProxyProtocolConfig</c>.</summary>
public sealed record ProxyProtocolConfig
{
    /// <summary>Envoy: <c>version</c>.</summary>
    /// <value>V1.</value>
    public ProxyProtocolVersion Version { get; init; }

    /// <summary>Which TLVs of the client's header go into this one; only version 2 has them (Envoy: <c>pass_through_tlvs</c>).</summary>
    /// <value>Null: none.</value>
    public ProxyProtocolPassThroughTlvsConfig? PassThroughTlvs { get; init; }
}
