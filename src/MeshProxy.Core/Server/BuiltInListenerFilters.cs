using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.ListenerFilters.HttpInspector;
using MeshProxy.Core.ListenerFilters.OriginalDst;
using MeshProxy.Core.ListenerFilters.ProxyProtocol;
using MeshProxy.Core.ListenerFilters.TlsInspector;

namespace MeshProxy.Core.Server;

/// <summary>The listener filters that every server knows.</summary>
internal static class BuiltInListenerFilters
{
    /// <summary>Registers them under Envoy's names.</summary>
    public static void Register(ListenerFilterRegistry registry)
    {
        registry.Add<TlsInspectorConfig>(TlsInspectorFactory.Name, new TlsInspectorConfigValidator(), static (c, x) => new TlsInspectorFactory(c, x));
        registry.Add(OriginalDstFilterFactory.Name, static _ => new OriginalDstFilterFactory());
        registry.Add(HttpInspectorFactory.Name, static x => new HttpInspectorFactory(x));
        registry.Add<ProxyProtocolListenerConfig>(
            ProxyProtocolFilterFactory.Name, new ProxyProtocolListenerConfigValidator(), static (c, x) => new ProxyProtocolFilterFactory(c, x));
    }
}
