using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.FilterChain;

namespace MeshProxy.Http.Hosting;

/// <summary>What MeshProxy.Http adds to the builders.</summary>
public static class MeshProxyHttpExtensions
{
    /// <summary>Ends the filter chain with an HTTP connection manager (envoy.filters.network.http_connection_manager).</summary>
    /// <param name="chain">The chain.</param>
    /// <param name="statPrefix">Names the manager in the stats: <c>http.STAT_PREFIX.*</c>.</param>
    /// <param name="configure">Adds filters and routes. The router is added last by itself.</param>
    public static FilterChainBuilder HttpConnectionManager(
        this FilterChainBuilder chain, string statPrefix, Action<HttpConnectionManagerBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(chain);
        ArgumentNullException.ThrowIfNull(configure);
        HttpExtensions.Register(chain.Proxy.Registries);
        var builder = new HttpConnectionManagerBuilder(statPrefix);
        configure(builder);
        return chain.Filter(ConnectionManager.HttpConnectionManager.FilterName, builder.Build());
    }

    /// <summary>Registers an HTTP filter that takes a config record, so that connection managers can name it.</summary>
    /// <param name="proxy">The builder.</param>
    /// <param name="name">The filter's name, such as <c>acme.evangelist</c>.</param>
    /// <param name="create">Makes the filter for one stream, on its worker.</param>
    /// <param name="validator">Checks the config at start and at each update; an error names the path.</param>
    public static MeshProxyBuilder AddHttpFilter<TConfig>(
        this MeshProxyBuilder proxy,
        string name,
        Func<TConfig, HttpFilterFactoryContext, HttpFilter> create,
        IConfigValidator<TConfig>? validator = null)
        where TConfig : class
    {
        ArgumentNullException.ThrowIfNull(proxy);
        HttpExtensions.Register(proxy.Registries)
            .Add<TConfig>(name, validator, (config, context) => new DelegateHttpFilterFactory(() => create(config, context)));
        return proxy;
    }

    /// <summary>Registers an HTTP filter without config.</summary>
    public static MeshProxyBuilder AddHttpFilter(this MeshProxyBuilder proxy, string name, Func<HttpFilterFactoryContext, HttpFilter> create)
    {
        ArgumentNullException.ThrowIfNull(proxy);
        HttpExtensions.Register(proxy.Registries).Add(name, context => new DelegateHttpFilterFactory(() => create(context)));
        return proxy;
    }
}
