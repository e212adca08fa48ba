using MeshProxy.Core.Config;
using MeshProxy.Core.Event;

namespace MeshProxy.Core.ListenerFilters.ProxyProtocol;

/// <summary>What all connections of one configured proxy_protocol filter share.</summary>
internal sealed class ProxyProtocolFilterFactory(ProxyProtocolListenerConfig config, ListenerFilterFactoryContext context) : IListenerFilterFactory
{
    public const string Name = "envoy.filters.listener.proxy_protocol";

    public ProxyProtocolListenerConfig Config { get; } = config;

    public ProxyProtocolStats Stats { get; } =
        new(context.Stats.Scope(config.StatPrefix.Length == 0 ? "proxy_proto" : "proxy_proto." + config.StatPrefix));

    /// <summary>Whether any TLV is kept.</summary>
    public bool WantsTlvs { get; } = config.Rules.Count > 0 || config.PassThroughTlvs is not null;

    public bool Allows(ProxyProtocolVersion version) => !Config.DisallowedVersions.AsSpan().Contains(version);

    public IListenerFilter Create(EventLoop worker) => new ProxyProtocolFilter(this);

    public void Dispose()
    {
    }
}
