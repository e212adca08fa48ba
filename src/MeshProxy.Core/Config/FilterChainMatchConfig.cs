using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Config;

/// <summary>What a connection must have to get a filter chain (Envoy: <c>config.listener.v3.FilterChainMatch</c>). A criterion that is not
/// set fits every connection. Criteria are looked at in the order of the members here; at each the most specific value that fits
/// decides, and what it excluded is not looked at again.</summary>
/// <remarks>Immutable, compared by value.</remarks>
public sealed record FilterChainMatchConfig
{
    /// <summary>Fits every connection.</summary>
    public static FilterChainMatchConfig Any { get; } = new();

    /// <summary>1 to 65535 (Envoy: <c>destination_port</c>).</summary>
    public int? DestinationPort { get; init; }

    /// <summary>Ranges of the address that the client connected to; the longest prefix is the most specific (Envoy: <c>prefix_ranges</c>).</summary>
    public EquatableArray<CidrRange> PrefixRanges { get; init; }

    /// <summary>TLS server names in any case: whole ones, or <c>*.example.com</c> for every name under it. A star elsewhere is refused
    /// (Envoy: <c>server_names</c>).</summary>
    public EquatableArray<string> ServerNames { get; init; }

    /// <summary><c>raw_buffer</c> (nothing detected) or <c>tls</c> (Envoy: <c>transport_protocol</c>).</summary>
    /// <value>Empty: any.</value>
    public string TransportProtocol { get; init; } = "";

    /// <summary>ALPN names, such as <c>h2</c>. The first of the client's list that some chain asks for decides
    /// (Envoy: <c>application_protocols</c>).</summary>
    public EquatableArray<string> ApplicationProtocols { get; init; }

    /// <summary>Ranges of the peer of the socket itself, before the PROXY protocol names another source
    /// (Envoy: <c>direct_source_prefix_ranges</c>).</summary>
    public EquatableArray<CidrRange> DirectSourcePrefixRanges { get; init; }

    /// <summary>Whether the source is this host (Envoy: <c>source_type</c>).</summary>
    /// <value>Any.</value>
    public ConnectionSourceType SourceType { get; init; }

    /// <summary>Ranges of the source address (Envoy: <c>source_prefix_ranges</c>).</summary>
    public EquatableArray<CidrRange> SourcePrefixRanges { get; init; }

    /// <summary>1 to 65535 each (Envoy: <c>source_ports</c>).</summary>
    public EquatableArray<int> SourcePorts { get; init; }
}

/// <summary>Envoy: <c>FilterChainMatch.ConnectionSourceType</c>.</summary>
public enum ConnectionSourceType : byte
{
    /// <summary>Every source.</summary>
    Any,

    /// <summary>A loopback address, the same address as the destination's, a Unix socket or an internal address.</summary>
    SameIpOrLoopback,

    /// <summary>Every other source.</summary>
    External,
}
