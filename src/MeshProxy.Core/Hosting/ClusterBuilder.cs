using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.Core.TransportSockets.ProxyProtocol;

namespace MeshProxy.Core.Hosting;

/// <summary>Writes a cluster down.</summary>
public sealed class ClusterBuilder
{
    private readonly MeshProxyBuilder _proxy;
    private readonly string _path;
    private readonly List<LbEndpointConfig> _endpoints = [];
    private ClusterConfig _config;

    internal ClusterBuilder(MeshProxyBuilder proxy, ClusterConfig config, string path)
    {
        _proxy = proxy;
        _config = config;
        _path = path;
    }

    internal MeshProxyBuilder Proxy => _proxy;

    /// <summary>Adds endpoints of equal weight.</summary>
    /// <param name="addresses"><c>127.0.0.1:80</c>, <c>[::1]:80</c>, <c>unix:/path</c>, <c>unix:@name</c> or <c>internal:name</c>.</param>
    public ClusterBuilder Endpoints(params string[] addresses)
    {
        ArgumentNullException.ThrowIfNull(addresses);
        foreach (var address in addresses)
        {
            Endpoint(address);
        }

        return this;
    }

    /// <summary>Adds an endpoint.</summary>
    /// <param name="address">As for <see cref="Endpoints"/>.</param>
    /// <param name="weight">Its share, at least 1.</param>
    public ClusterBuilder Endpoint(string address, uint weight = 1) =>
        _proxy.ParseAddress(address, $"{_path}.load_assignment.endpoints[0].lb_endpoints[{_endpoints.Count}].endpoint.address") is { } parsed
            ? Endpoint(parsed, weight)
            : this;

    /// <summary>Adds an endpoint.</summary>
    /// <param name="address">Its address.</param>
    /// <param name="weight">Its share, at least 1.</param>
    public ClusterBuilder Endpoint(NetworkAddress address, uint weight = 1) =>
        Endpoint(new LbEndpointConfig { Address = address, LoadBalancingWeight = weight });

    /// <summary>Adds an endpoint that is written as a record.</summary>
    public ClusterBuilder Endpoint(LbEndpointConfig endpoint)
    {
        ArgumentNullException.ThrowIfNull(endpoint);
        _endpoints.Add(endpoint);
        return this;
    }

    /// <summary>How long to wait for a new connection; 5 seconds if not said.</summary>
    public ClusterBuilder ConnectTimeout(TimeSpan timeout) => Configure(cluster => cluster with { ConnectTimeout = timeout });

    /// <summary>Speaks TLS to the endpoints: <c>c.Tls(t => t.Sni("orders.internal").TrustedCa("ca.pem"))</c>.</summary>
    public ClusterBuilder Tls(Action<UpstreamTlsBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var tls = new UpstreamTlsBuilder();
        configure(tls);
        return Tls(tls.Build());
    }

    /// <summary>Speaks TLS to the endpoints.</summary>
    public ClusterBuilder Tls(UpstreamTlsContextConfig tls) =>
        Configure(cluster => cluster with { TransportSocket = new ExtensionConfig(TlsTransportSockets.Name, tls) });

    /// <summary>Begins each connection with a PROXY protocol header that tells of the client. Call it after what sets the transport socket:
    /// the header goes before that.</summary>
    /// <param name="config">Null: version 1.</param>
    public ClusterBuilder ProxyProtocol(ProxyProtocolConfig? config = null) => Configure(cluster => cluster with
    {
        TransportSocket = new ExtensionConfig(
            UpstreamProxyProtocolSocketFactory.Name,
            new ProxyProtocolUpstreamTransportConfig { Config = config ?? new ProxyProtocolConfig(), TransportSocket = cluster.TransportSocket }),
    });

    /// <summary>Changes any setting: <c>c.Configure(c => c with { ... })</c>.</summary>
    public ClusterBuilder Configure(Func<ClusterConfig, ClusterConfig> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _config = change(_config);
        return this;
    }

    internal ClusterConfig Build() => _endpoints.Count == 0
        ? _config
        : _config with
        {
            LoadAssignment = [.. new[] { new LocalityLbEndpointsConfig { LbEndpoints = _endpoints.ToArray() } }, .. _config.LoadAssignment],
        };
}
