using MeshProxy.Core.Upstream;
using MeshProxy.Http.Codecs.Http1;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>What a cluster's config says of HTTP, resolved once for all workers.</summary>
internal sealed class UpstreamHttpOptions
{
    private UpstreamHttpOptions(ClusterInfo info)
    {
        var common = info.Config.CommonHttpProtocolOptions;
        IdleTimeoutMs = (long)common.IdleTimeout.TotalMilliseconds;
        MaxRequestsPerConnection = common.MaxRequestsPerConnection ?? 0;
        Http1 = Http1CodecOptions.Upstream(common);
    }

    public Http1CodecOptions Http1 { get; }

    /// <summary>0: without end.</summary>
    public long IdleTimeoutMs { get; }

    /// <summary>0: no limit.</summary>
    public int MaxRequestsPerConnection { get; }

    public static UpstreamHttpOptions For(ClusterInfo info) => info.ProtocolOptions(static info => new UpstreamHttpOptions(info));
}
