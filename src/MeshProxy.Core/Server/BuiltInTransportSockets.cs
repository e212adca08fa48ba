using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.Server;

/// <summary>The transport sockets that every server knows, beside plain bytes.</summary>
internal static class BuiltInTransportSockets
{
    public static void Register(DownstreamTransportSocketRegistry downstream, UpstreamTransportSocketRegistry upstream)
    {
        downstream.Add<DownstreamTlsContextConfig>(
            DownstreamTlsSocketFactory.Name, new DownstreamTlsContextConfigValidator(), static (config, context) => new DownstreamTlsSocketFactory(config, context));
        upstream.Add<UpstreamTlsContextConfig>(
            UpstreamTlsSocketFactory.Name, new UpstreamTlsContextConfigValidator(), static (config, context) => new UpstreamTlsSocketFactory(config, context));
    }
}
