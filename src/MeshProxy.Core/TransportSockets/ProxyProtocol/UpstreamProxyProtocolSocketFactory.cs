using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Network.ProxyProtocol;

namespace MeshProxy.Core.TransportSockets.ProxyProtocol;

/// <summary>Wraps a cluster's transport socket in one that writes a PROXY protocol header first (envoy.transport_sockets.upstream_proxy_protocol).</summary>
internal sealed class UpstreamProxyProtocolSocketFactory : ITransportSocketFactory
{
    public const string Name = "envoy.transport_sockets.upstream_proxy_protocol";

    private readonly ITransportSocketFactory? _inner;

    public UpstreamProxyProtocolSocketFactory(ProxyProtocolUpstreamTransportConfig config, TransportSocketFactoryContext context)
        : this(config.Config, context.Registries?.Find<UpstreamTransportSocketRegistry>()?.CreateFactory(config.TransportSocket, context))
    {
    }

    /// <param name="config">Which header.</param>
    /// <param name="inner">What comes after it; null for plain bytes. Disposed of with this.</param>
    public UpstreamProxyProtocolSocketFactory(ProxyProtocolConfig config, ITransportSocketFactory? inner)
    {
        Config = config;
        _inner = inner;
    }

    public ProxyProtocolConfig Config { get; }

    public bool IsSecure => _inner?.IsSecure ?? false;

    public bool TellsOfClient => true;

    public ITransportSocket Create(ITransportSocketCallbacks callbacks, TransportSocketOptions? options) =>
        new UpstreamProxyProtocolSocket(Config, callbacks, _inner?.Create(callbacks, options), options);

    /// <summary>The TLVs of the client's header that go into the upstream's.</summary>
    public static ProxyProtocolTlv[] Select(ProxyProtocolConfig config, ProxyProtocolOptions? client) =>
        client is null ? [] : [.. client.Tlvs.Where(tlv => ProxyProtocolOptions.Passes(config.PassThroughTlvs, tlv.Type))];

    public void Dispose() => _inner?.Dispose();
}
