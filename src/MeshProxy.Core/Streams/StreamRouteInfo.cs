using MeshProxy.Core.Addresses;

namespace MeshProxy.Core.Streams;

/// <summary>The part of a <see cref="StreamInfo"/> that only a stream which goes somewhere needs: route, upstream, timings, bytes on the wire.</summary>
internal sealed class StreamRouteInfo
{
    public StreamTimings Timings;

    public BytesMeter DownstreamBytes;

    public BytesMeter UpstreamBytes;

    public string? RouteName;

    public string? VirtualHostName;

    public string? VirtualClusterName;

    public string? UpstreamClusterName;

    public NetworkAddress? UpstreamHost;

    public NetworkAddress? UpstreamLocalAddress;

    public NetworkAddress? UpstreamRemoteAddress;

    public ulong UpstreamConnectionId;

    public StreamProtocol UpstreamProtocol;

    public TlsInfo? UpstreamTls;

    public string? UpstreamTransportFailureReason;

    public int AttemptCount;

    public void Reset()
    {
        Timings = default;
        DownstreamBytes = default;
        UpstreamBytes = default;
        RouteName = null;
        VirtualHostName = null;
        VirtualClusterName = null;
        UpstreamClusterName = null;
        UpstreamHost = null;
        UpstreamLocalAddress = null;
        UpstreamRemoteAddress = null;
        UpstreamConnectionId = default;
        UpstreamProtocol = default;
        UpstreamTls = null;
        UpstreamTransportFailureReason = null;
        AttemptCount = default;
    }
}
