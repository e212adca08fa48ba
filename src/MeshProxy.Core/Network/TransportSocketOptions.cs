using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.Network;

/// <summary>What one upstream connection wants of its transport socket otherwise than the cluster's config says.</summary>
/// <remarks>Immutable and compared by value: connections of a pool are shared by requests whose options are equal.</remarks>
public sealed record TransportSocketOptions
{
    /// <summary>The name to ask for (Envoy: <c>auto_sni</c>).</summary>
    /// <value>Null: the config's.</value>
    public string? ServerNameOverride { get; init; }

    /// <summary>Names of which the peer's certificate must hold one (Envoy: <c>auto_san_validation</c>).</summary>
    /// <value>Empty: the config's matchers.</value>
    public EquatableArray<string> VerifySubjectAltNames { get; init; }

    /// <summary>The protocols to offer, best first.</summary>
    /// <value>Empty: the config's.</value>
    public EquatableArray<string> ApplicationProtocols { get; init; }

    /// <summary>The client that this connection is made for, where it serves no other (PROXY protocol).</summary>
    /// <value>Null: nobody in particular.</value>
    public NetworkAddress? DownstreamRemoteAddress { get; init; }

    /// <summary>The address that this client had connected to.</summary>
    public NetworkAddress? DownstreamLocalAddress { get; init; }

    /// <summary>What the client's own PROXY header said besides; null for nothing.</summary>
    internal ProxyProtocol.ProxyProtocolOptions? ProxyProtocol { get; init; }
}
