using MeshProxy.Core.Upstream;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>What a cluster's config says of HTTP, resolved once for all workers.</summary>
/// <remarks>Immutable.</remarks>
internal sealed class UpstreamHttpOptions
{
    private UpstreamHttpOptions(ClusterInfo info)
    {
        var options = Find(info);
        var common = options?.CommonHttpProtocolOptions ?? info.Config.CommonHttpProtocolOptions;
        IdleTimeoutMs = (long)common.IdleTimeout.TotalMilliseconds;
        MaxRequestsPerConnection = common.MaxRequestsPerConnection ?? 0;
        UsesDownstreamProtocol = options?.UseDownstreamProtocolConfig is not null;
        Protocol = options?.AutoConfig is not null ? PoolProtocol.Auto
            : options?.ExplicitHttpConfig?.Http2ProtocolOptions is not null ? PoolProtocol.Http2
            : PoolProtocol.Http1;
        Http1 = Http1CodecOptions.Upstream(
            common,
            options?.ExplicitHttpConfig?.HttpProtocolOptions
                ?? options?.UseDownstreamProtocolConfig?.HttpProtocolOptions
                ?? options?.AutoConfig?.HttpProtocolOptions);
        Http2 = Http2CodecOptions.Upstream(
            common,
            options?.ExplicitHttpConfig?.Http2ProtocolOptions
                ?? options?.UseDownstreamProtocolConfig?.Http2ProtocolOptions
                ?? options?.AutoConfig?.Http2ProtocolOptions
                ?? new Http2ProtocolOptions(),
            info.Config.PerConnectionBufferLimitBytes);
        Http2Stats = new Http2Stats(info.Stats.Scope);
        if (options?.UpstreamHttpProtocolOptions is { } upstream)
        {
            AutoSni = upstream.AutoSni;
            AutoSanValidation = upstream.AutoSanValidation;
            ServerNameHeader = upstream.OverrideAutoSniHeader.Length > 0 ? HeaderName.Parse(upstream.OverrideAutoSniHeader) : HeaderNames.Host;
        }
    }

    /// <summary>Of all connections, unless <see cref="UsesDownstreamProtocol"/>.</summary>
    public PoolProtocol Protocol { get; }

    /// <summary>Each request goes on in the version in which it came.</summary>
    public bool UsesDownstreamProtocol { get; }

    public Http1CodecOptions Http1 { get; }

    public Http2CodecOptions Http2 { get; }

    public Http2Stats Http2Stats { get; }

    /// <summary>0: without end.</summary>
    public long IdleTimeoutMs { get; }

    /// <summary>0: no limit.</summary>
    public int MaxRequestsPerConnection { get; }

    public bool AutoSni { get; }

    public bool AutoSanValidation { get; }

    /// <summary>Names the server, if a request has it; else Host does.</summary>
    public HeaderName ServerNameHeader { get; } = HeaderNames.Host;

    public static UpstreamHttpOptions For(ClusterInfo info) => info.ProtocolOptions(static info => new UpstreamHttpOptions(info));

    private static HttpClusterProtocolOptions? Find(ClusterInfo info)
    {
        foreach (var options in info.Config.TypedExtensionProtocolOptions)
        {
            if (options.Name == HttpClusterProtocolOptions.ExtensionName)
            {
                return (HttpClusterProtocolOptions?)options.TypedConfig;
            }
        }

        return null;
    }
}
