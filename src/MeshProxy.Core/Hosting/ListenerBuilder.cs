using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.ListenerFilters.HttpInspector;
using MeshProxy.Core.ListenerFilters.OriginalDst;
using MeshProxy.Core.ListenerFilters.ProxyProtocol;
using MeshProxy.Core.ListenerFilters.TlsInspector;

namespace MeshProxy.Core.Hosting;

/// <summary>Writes a listener down.</summary>
public sealed class ListenerBuilder
{
    private readonly MeshProxyBuilder _proxy;
    private readonly string _path;
    private ListenerConfig _config;

    internal ListenerBuilder(MeshProxyBuilder proxy, ListenerConfig config, string path)
    {
        _proxy = proxy;
        _config = config;
        _path = path;
    }

    /// <summary>Adds a filter chain. The first without a match serves every connection that no other chain fits better.</summary>
    public ListenerBuilder FilterChain(Action<FilterChainBuilder> configure) => FilterChain("", configure);

    /// <summary>Adds a filter chain with a name, which logs and errors show.</summary>
    public ListenerBuilder FilterChain(string name, Action<FilterChainBuilder> configure)
    {
        var chain = BuildChain(name, configure, $"{_path}.filter_chains[{_config.FilterChains.Count}]");
        return Configure(listener => listener with { FilterChains = listener.FilterChains.Add(chain) });
    }

    /// <summary>Sets the chain of connections that no other one fits.</summary>
    public ListenerBuilder DefaultFilterChain(Action<FilterChainBuilder> configure)
    {
        var chain = BuildChain("", configure, _path + ".default_filter_chain");
        return Configure(listener => listener with { DefaultFilterChain = chain });
    }

    /// <summary>Adds a listener filter by its name.</summary>
    /// <param name="name">For example <c>envoy.filters.listener.proxy_protocol</c>.</param>
    /// <param name="config">Its config record; null if it has none.</param>
    public ListenerBuilder ListenerFilter(string name, object? config = null) =>
        Configure(listener => listener with { ListenerFilters = listener.ListenerFilters.Add(new ExtensionConfig(name, config)) });

    /// <summary>Adds a listener filter of your own, made for each connection on its worker.</summary>
    /// <param name="name">A name that no other filter has.</param>
    /// <param name="create">Makes the instance.</param>
    public ListenerBuilder ListenerFilter(string name, Func<EventLoop, IListenerFilter> create)
    {
        if (_proxy.Registries.Find(ExtensionCategory.ListenerFilter, name) is not null)
        {
            _proxy.Errors.Add($"{_path}.listener_filters[{_config.ListenerFilters.Count}].name", $"'{name}' is the name of another listener filter");
            return this;
        }

        _proxy.AddListenerFilter(name, create);
        return ListenerFilter(name);
    }

    /// <summary>Tells TLS from plain bytes, and reads the server name and the ALPN protocols that chains match.</summary>
    /// <param name="config">Null: Envoy's defaults.</param>
    public ListenerBuilder TlsInspector(TlsInspectorConfig? config = null) => ListenerFilter(TlsInspectorFactory.Name, config ?? new TlsInspectorConfig());

    /// <summary>Tells HTTP/1.0, HTTP/1.1 and HTTP/2 without TLS apart, for chains that match <c>application_protocols</c>.</summary>
    public ListenerBuilder HttpInspector() => ListenerFilter(HttpInspectorFactory.Name);

    /// <summary>Takes the address that the client wanted to reach before iptables redirected it here for the connection's own. Linux only.</summary>
    /// <param name="useOriginalDst">Whether the connection goes on to the listener of that address, if there is one.</param>
    public ListenerBuilder OriginalDst(bool useOriginalDst = false) =>
        ListenerFilter(OriginalDstFilterFactory.Name).Configure(listener => listener with { UseOriginalDst = useOriginalDst });

    /// <summary>Reads a PROXY protocol header, version 1 or 2, and closes connections without one. Only for listeners that none but trusted
    /// balancers reach.</summary>
    /// <param name="config">Null: Envoy's defaults.</param>
    public ListenerBuilder ProxyProtocol(ProxyProtocolListenerConfig? config = null) =>
        ListenerFilter(ProxyProtocolFilterFactory.Name, config ?? new ProxyProtocolListenerConfig());

    /// <summary>Adds a further address with the same chains.</summary>
    /// <param name="address">As for the listener itself, and of the same kind.</param>
    public ListenerBuilder AdditionalAddress(string address) =>
        _proxy.ParseAddress(address, $"{_path}.additional_addresses[{_config.AdditionalAddresses.Count}]") is { } parsed
            ? Configure(listener => listener with { AdditionalAddresses = listener.AdditionalAddresses.Add(parsed) })
            : this;

    /// <summary>Limits the open connections over all workers; further ones are closed at once and counted.</summary>
    public ListenerBuilder MaxConnections(int count) => Configure(listener => listener with { MaxConnections = count });

    /// <summary>Adds an access log: a line for each connection.</summary>
    public ListenerBuilder AccessLog(AccessLogConfig accessLog) =>
        Configure(listener => listener with { AccessLog = listener.AccessLog.Add(accessLog) });

    /// <summary>Changes any setting: <c>l.Configure(c => c with { Ipv4Compat = true })</c>.</summary>
    public ListenerBuilder Configure(Func<ListenerConfig, ListenerConfig> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        _config = change(_config);
        return this;
    }

    internal ListenerConfig Build() => _config;

    private FilterChainConfig BuildChain(string name, Action<FilterChainBuilder> configure, string path)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new FilterChainBuilder(_proxy, new FilterChainConfig { Name = name }, path);
        configure(builder);
        return builder.Build();
    }
}
