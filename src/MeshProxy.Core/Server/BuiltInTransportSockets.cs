using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.Server;

/// <summary>The transport sockets that every server knows, beside plain bytes.</summary>
internal static class BuiltInTransportSockets
{
    public static void Register(DownstreamTransportSocketRegistry downstream, UpstreamTransportSocketRegistry upstream)
    {
        downstream.Add<DownstreamTlsContextConfig>(
            TlsTransportSockets.Name, new DownstreamTlsContextConfigValidator(), TlsTransportSockets.Downstream);
        upstream.Add<UpstreamTlsContextConfig>(
            TlsTransportSockets.Name, new UpstreamTlsContextConfigValidator(), TlsTransportSockets.Upstream);
    }
}
