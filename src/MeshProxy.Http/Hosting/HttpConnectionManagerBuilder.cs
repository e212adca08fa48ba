using MeshProxy.Core.Config;
using MeshProxy.Http.Config;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Router;

namespace MeshProxy.Http.Hosting;

/// <summary>Builds an HTTP connection manager: filters in the order in which they were added, then the router; virtual hosts.</summary>
public sealed class HttpConnectionManagerBuilder
{
    private readonly string _statPrefix;
    private readonly List<ExtensionConfig> _filters = [];
    private readonly List<VirtualHostConfig> _virtualHosts = [];
    private Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> _configure = static config => config;

    internal HttpConnectionManagerBuilder(string statPrefix)
    {
        _statPrefix = statPrefix;
    }

    /// <summary>Adds a registered filter by name, with its config record if it takes one.</summary>
    public HttpConnectionManagerBuilder Filter(string name, object? config = null)
    {
        _filters.Add(new ExtensionConfig(name, config));
        return this;
    }

    /// <summary>Adds a filter that a delegate makes for each stream (or once for many, if it is an <see cref="IReusableFilter"/>).</summary>
    public HttpConnectionManagerBuilder Filter(Func<HttpFilterFactoryContext, HttpFilter> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        return Filter(InlineHttpFilter.FilterName, new InlineHttpFilter(create));
    }

    /// <summary>Adds a virtual host.</summary>
    /// <param name="name">Unique in this connection manager.</param>
    /// <param name="domains">Exact names, <c>*.suffix</c>, <c>prefix.*</c> or <c>*</c>.</param>
    /// <param name="configure">Adds the routes.</param>
    public HttpConnectionManagerBuilder VirtualHost(string name, string[] domains, Action<VirtualHostBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new VirtualHostBuilder();
        configure(builder);
        _virtualHosts.Add(builder.Build(name, domains));
        return this;
    }

    /// <summary>Routes everything to one cluster.</summary>
    public HttpConnectionManagerBuilder RouteAllTo(string cluster) =>
        VirtualHost("all", ["*"], host => host.Prefix("/", cluster));

    /// <summary>Changes any other setting: <c>c => c with { UseRemoteAddress = true }</c>.</summary>
    public HttpConnectionManagerBuilder With(Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var before = _configure;
        _configure = config => configure(before(config));
        return this;
    }

    internal HttpConnectionManagerConfig Build() => _configure(new HttpConnectionManagerConfig
    {
        StatPrefix = _statPrefix,
        RouteConfig = new RouteConfiguration { Name = _statPrefix, VirtualHosts = [.. _virtualHosts] },
        HttpFilters = [.. _filters, new ExtensionConfig(RouterFilterFactory.FilterName)],
    });
}
