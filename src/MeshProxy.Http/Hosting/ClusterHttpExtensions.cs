using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Hosting;

/// <summary>What MeshProxy.Http adds to <see cref="ClusterBuilder"/>: which version of HTTP the hosts speak. Without any of it, HTTP/1.1.</summary>
public static class ClusterHttpExtensions
{
    /// <summary>HTTP/2: by prior knowledge without TLS, by ALPN with it.</summary>
    /// <param name="cluster">The cluster.</param>
    /// <param name="options">Limits and windows; Envoy's defaults if null.</param>
    public static ClusterBuilder Http2(this ClusterBuilder cluster, Http2ProtocolOptions? options = null) =>
        cluster.HttpProtocol(config => config with
        {
            ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = options ?? new Http2ProtocolOptions() },
            UseDownstreamProtocolConfig = null,
            AutoConfig = null,
        });

    /// <summary>The version that each request came by.</summary>
    /// <inheritdoc cref="Http2"/>
    public static ClusterBuilder UseDownstreamProtocol(this ClusterBuilder cluster, Http2ProtocolOptions? options = null) =>
        cluster.HttpProtocol(config => config with
        {
            ExplicitHttpConfig = null,
            UseDownstreamProtocolConfig = new UseDownstreamHttpConfig { Http2ProtocolOptions = options },
            AutoConfig = null,
        });

    /// <summary>What the TLS handshake agrees on, HTTP/2 preferred. The cluster needs TLS.</summary>
    /// <inheritdoc cref="Http2"/>
    public static ClusterBuilder AutoHttp(this ClusterBuilder cluster, Http2ProtocolOptions? options = null) =>
        cluster.HttpProtocol(config => config with
        {
            ExplicitHttpConfig = null,
            UseDownstreamProtocolConfig = null,
            AutoConfig = new AutoHttpConfig { Http2ProtocolOptions = options },
        });

    /// <summary>Changes any setting of the cluster's HTTP options; what they begin with is explicit HTTP/1.1.</summary>
    public static ClusterBuilder HttpProtocol(this ClusterBuilder cluster, Func<HttpClusterProtocolOptions, HttpClusterProtocolOptions> change)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        ArgumentNullException.ThrowIfNull(change);
        HttpExtensions.RegisterProtocolOptions(cluster.Proxy.Registries);
        return cluster.Configure(config =>
        {
            var others = config.TypedExtensionProtocolOptions.Where(options => options.Name != HttpClusterProtocolOptions.ExtensionName);
            var mine = config.TypedExtensionProtocolOptions.FirstOrDefault(options => options.Name == HttpClusterProtocolOptions.ExtensionName)?.TypedConfig
                as HttpClusterProtocolOptions ?? new HttpClusterProtocolOptions
                {
                    ExplicitHttpConfig = new ExplicitHttpConfig { HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true } },
                };
            return config with
            {
                TypedExtensionProtocolOptions = [.. others, new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, change(mine))],
            };
        });
    }
}
