using MeshProxy.Core.Config;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.Network.ProxyProtocol;

/// <summary>What a client's PROXY header leaves for the upstream's header.</summary>
internal sealed record ProxyProtocolOptions(ProxyProtocolTlv[] Tlvs)
{
    /// <summary>Under Envoy's name; set for the connection by the listener filter.</summary>
    public static readonly FilterStateKey<ProxyProtocolOptions> Key = new("envoy.network.proxy_protocol_options");

    /// <summary>Whether a configuration lets a TLV through. A checksum is of one header, and never is.</summary>
    public static bool Passes(ProxyProtocolPassThroughTlvsConfig? config, byte type) =>
        config is not null && type != ProxyProtocolParser.Crc32CType
        && (config.MatchType == ProxyProtocolTlvMatch.IncludeAll || config.TlvType.AsSpan().Contains(type));

    public override string ToString() => $"{Tlvs.Length} TLVs";
}
