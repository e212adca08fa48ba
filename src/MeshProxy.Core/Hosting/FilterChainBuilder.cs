using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters.ConnectionLimit;
using MeshProxy.Core.NetworkFilters.DirectResponse;
using MeshProxy.Core.NetworkFilters.Echo;
using MeshProxy.Core.NetworkFilters.LocalRateLimit;
using MeshProxy.Core.NetworkFilters.SniCluster;
using MeshProxy.Core.NetworkFilters.TcpProxy;
using MeshProxy.Core.TransportSockets.OpenSsl;

namespace MeshProxy.Core.Hosting;

/// <summary>Writes a filter chain down: which connections it serves, and its network filters in order, the last of which is terminal.</summary>
public sealed class FilterChainBuilder
{
    private readonly string _path;
    private FilterChainConfig _config;

    internal FilterChainBuilder(MeshProxyBuilder proxy, FilterChainConfig config, string path)
    {
        Proxy = proxy;
        _config = config;
        _path = path;
    }

    /// <summary>The builder that this chain is part of, for extensions of further packages.</summary>
    internal MeshProxyBuilder Proxy { get; }

    /// <summary>Which connections get this chain.</summary>
    public FilterChainBuilder Match(FilterChainMatchConfig match) => Configure(chain => chain with { FilterChainMatch = match });

    /// <summary>Serves TLS: <c>c.Tls(t => t.Certificate("cert.pem", "key.pem").Alpn("h2", "http/1.1"))</c>.</summary>
    public FilterChainBuilder Tls(Action<DownstreamTlsBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var tls = new DownstreamTlsBuilder();
        configure(tls);
        return Tls(tls.Build());
    }

    /// <summary>Serves TLS.</summary>
    public FilterChainBuilder Tls(DownstreamTlsContextConfig tls) =>
        Configure(chain => chain with { TransportSocket = new ExtensionConfig(TlsTransportSockets.Name, tls) });

    /// <summary>Adds a network filter by its name.</summary>
    /// <param name="name">For example <c>envoy.filters.network.tcp_proxy</c>.</param>
    /// <param name="config">Its config record; null if it has none. It must compare by value.</param>
    public FilterChainBuilder Filter(string name, object? config = null) =>
        Configure(chain => chain with { Filters = chain.Filters.Add(new ExtensionConfig(name, config)) });

    /// <summary>Adds a read or write filter of your own, made for each connection on its worker.</summary>
    /// <param name="name">A name that no other filter has.</param>
    /// <param name="create">Makes the instance.</param>
    public FilterChainBuilder Filter(string name, Func<EventLoop, INetworkFilterBase> create) => Inline(name, create, isTerminal: false);

    /// <summary>Adds a terminal filter of your own, made for each connection on its worker.</summary>
    /// <param name="name">A name that no other filter has.</param>
    /// <param name="create">Makes the instance.</param>
    public FilterChainBuilder TerminalFilter(string name, Func<EventLoop, ITerminalFilter> create) => Inline(name, create, isTerminal: true);

    /// <summary>Relays bytes to a cluster.</summary>
    /// <param name="statPrefix">Stats are <c>tcp.PREFIX.</c></param>
    /// <param name="cluster">The cluster's name.</param>
    public FilterChainBuilder TcpProxy(string statPrefix, string cluster) =>
        TcpProxy(new TcpProxyConfig { StatPrefix = statPrefix, Cluster = cluster });

    /// <summary>Relays bytes to a cluster, or to several by weight.</summary>
    public FilterChainBuilder TcpProxy(TcpProxyConfig config) => Filter(TcpProxyFilterFactory.Name, config);

    /// <summary>Lets the TcpProxy behind it go to the cluster that has the name in the client's TLS hello. The listener needs a TlsInspector.</summary>
    public FilterChainBuilder SniCluster() => Filter(SniClusterFilterFactory.Name);

    /// <summary>Sends back what arrives.</summary>
    public FilterChainBuilder Echo() => Filter(EchoFilterFactory.Name);

    /// <summary>Sends a fixed answer to each connection and closes it.</summary>
    /// <param name="response">Sent as UTF-8.</param>
    public FilterChainBuilder DirectResponse(string response) =>
        Filter(DirectResponseFilterFactory.Name, new DirectResponseConfig { Response = response });

    /// <summary>Closes connections past a number of open ones.</summary>
    public FilterChainBuilder ConnectionLimit(ConnectionLimitConfig config) => Filter(ConnectionLimitFilterFactory.Name, config);

    /// <summary>Closes connections past a rate.</summary>
    public FilterChainBuilder LocalRateLimit(LocalRateLimitConfig config) => Filter(LocalRateLimitFilterFactory.Name, config);

    /// <summary>Changes any setting: <c>c.Configure(c => c with { ... })</c>.</summary>
    public FilterChainBuilder Configure(Func<FilterChainConfig, FilterChainConfig> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _config = change(_config);
        return this;
    }

    internal FilterChainConfig Build() => _config;

    private FilterChainBuilder Inline(string name, Func<EventLoop, INetworkFilterBase> create, bool isTerminal)
    {
        if (Proxy.Registries.Find(ExtensionCategory.NetworkFilter, name) is not null)
        {
            Proxy.Errors.Add($"{_path}.filters[{_config.Filters.Count}].name", $"'{name}' is the name of another network filter");
            return this;
        }

        Proxy.AddNetworkFilter(name, create, isTerminal);
        return Filter(name);
    }
}
