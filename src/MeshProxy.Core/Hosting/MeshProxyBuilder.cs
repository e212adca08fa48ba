using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Server;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Hosting;

/// <summary>Writes a server's config down: listeners, clusters, custom filters, options.</summary>
/// <remarks>
/// <code>
/// proxy.Listener("ingress", "127.0.0.1:10000", l => l
///          .FilterChain(c => c.TcpProxy("tcp", cluster: "orders")))
///      .Cluster("orders", c => c.Endpoints("127.0.0.1:9000", "127.0.0.1:9001"));
/// </code>
/// Nothing is checked before the end: <see cref="Build"/> then reports every error at once. Not thread-safe.
/// </remarks>
public sealed class MeshProxyBuilder
{
    private readonly List<ListenerConfig> _listeners = [];
    private readonly List<ClusterConfig> _clusters = [];

    /// <param name="options">Where the options begin; they are copied.</param>
    public MeshProxyBuilder(MeshProxyOptions? options = null) => Options = options?.Clone() ?? new MeshProxyOptions();

    /// <summary>Threads, limits, drain times.</summary>
    public MeshProxyOptions Options { get; }

    /// <summary>What the server will know by name. Further packages add theirs.</summary>
    internal ExtensionRegistries Registries { get; } = BuiltInExtensions.CreateRegistries();

    /// <summary>What was wrong with the writing itself, such as an address that is none.</summary>
    internal ConfigErrors Errors { get; } = new();

    /// <summary>Changes the options.</summary>
    public MeshProxyBuilder Configure(Action<MeshProxyOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        configure(Options);
        return this;
    }

    /// <summary>Adds a listener.</summary>
    /// <param name="name">Unique among the listeners.</param>
    /// <param name="address"><c>127.0.0.1:80</c>, <c>[::1]:80</c>, <c>unix:/path</c>, <c>unix:@name</c> or <c>internal:name</c>.</param>
    /// <param name="configure">Its filter chains and what else is not default.</param>
    public MeshProxyBuilder Listener(string name, string address, Action<ListenerBuilder> configure) =>
        ParseAddress(address, $"static_resources.listeners[{_listeners.Count}].address") is { } parsed ? Listener(name, parsed, configure) : this;

    /// <inheritdoc cref="Listener(string, string, Action{ListenerBuilder})"/>
    public MeshProxyBuilder Listener(string name, NetworkAddress address, Action<ListenerBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new ListenerBuilder(
            this, new ListenerConfig { Name = name, Address = address }, $"static_resources.listeners[{_listeners.Count}]");
        configure(builder);
        return Listener(builder.Build());
    }

    /// <summary>Adds a listener that is written as a record.</summary>
    public MeshProxyBuilder Listener(ListenerConfig listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        _listeners.Add(listener);
        return this;
    }

    /// <summary>Adds a cluster.</summary>
    /// <param name="name">Unique among the clusters.</param>
    /// <param name="configure">Its endpoints and what else is not default.</param>
    public MeshProxyBuilder Cluster(string name, Action<ClusterBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        var builder = new ClusterBuilder(this, new ClusterConfig { Name = name }, $"static_resources.clusters[{_clusters.Count}]");
        configure(builder);
        return Cluster(builder.Build());
    }

    /// <summary>Adds a cluster that is written as a record.</summary>
    public MeshProxyBuilder Cluster(ClusterConfig cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        _clusters.Add(cluster);
        return this;
    }

    /// <summary>Makes a network filter known by a name, with a config record of its own.</summary>
    /// <param name="name">For example <c>acme.filters.network.audit</c>. It replaces what had the name before.</param>
    /// <param name="create">Makes the factory for each use of the filter; runs on the control side. The factory's <c>Create</c> then runs
    /// for each connection, on its worker.</param>
    /// <param name="isTerminal">Whether the filter owns the connection's bytes, and so stands last.</param>
    /// <param name="validator">Checks the config beyond what its type says.</param>
    public MeshProxyBuilder AddNetworkFilter<TConfig>(
        string name,
        Func<TConfig, NetworkFilterFactoryContext, INetworkFilterFactory> create,
        bool isTerminal = false,
        IConfigValidator<TConfig>? validator = null)
        where TConfig : class
    {
        Registries.Get<NetworkFilterRegistry>().Add(name, validator, create, isTerminal);
        return this;
    }

    /// <summary>Makes a network filter without config known by a name.</summary>
    /// <param name="name">For example <c>acme.filters.network.audit</c>. It replaces what had the name before.</param>
    /// <param name="create">Makes an instance for each connection, on its worker.</param>
    /// <param name="isTerminal">Whether the filter owns the connection's bytes, and so stands last.</param>
    public MeshProxyBuilder AddNetworkFilter(string name, Func<EventLoop, INetworkFilterBase> create, bool isTerminal = false)
    {
        ArgumentNullException.ThrowIfNull(create);
        Registries.Get<NetworkFilterRegistry>().Add(name, _ => new DelegateNetworkFilterFactory(create, isTerminal), isTerminal);
        return this;
    }

    /// <summary>Makes a listener filter known by a name, with a config record of its own.</summary>
    /// <param name="name">It replaces what had the name before.</param>
    /// <param name="create">Makes the factory for each use of the filter; runs on the control side.</param>
    /// <param name="validator">Checks the config beyond what its type says.</param>
    public MeshProxyBuilder AddListenerFilter<TConfig>(
        string name, Func<TConfig, ListenerFilterFactoryContext, IListenerFilterFactory> create, IConfigValidator<TConfig>? validator = null)
        where TConfig : class
    {
        Registries.Get<ListenerFilterRegistry>().Add(name, validator, create);
        return this;
    }

    /// <summary>Makes a listener filter without config known by a name.</summary>
    /// <param name="name">It replaces what had the name before.</param>
    /// <param name="create">Makes an instance for each connection, on its worker.</param>
    public MeshProxyBuilder AddListenerFilter(string name, Func<EventLoop, IListenerFilter> create)
    {
        ArgumentNullException.ThrowIfNull(create);
        Registries.Get<ListenerFilterRegistry>().Add(name, _ => new DelegateListenerFilterFactory(create));
        return this;
    }

    /// <summary>The listeners and clusters so far, for <see cref="MeshProxyServer.UpdateAsync"/>, which validates them.</summary>
    /// <exception cref="ConfigException">An address could not be read; all of these errors are in it.</exception>
    public ServerConfig BuildConfig()
    {
        Errors.ThrowIfAny();
        return CollectConfig();
    }

    /// <summary>Makes the server. It is not started.</summary>
    /// <exception cref="ConfigException">There are errors; all of them are in it.</exception>
    public MeshProxyServer Build(ILoggerFactory? loggerFactory = null, IServiceProvider? services = null) =>
        new(Options, CollectConfig(), Registries, loggerFactory, services, Errors.All);

    /// <summary>Reads an address; a wrong one is remembered as an error.</summary>
    private ServerConfig CollectConfig() => new() { Listeners = _listeners.ToArray(), Clusters = _clusters.ToArray() };

    internal NetworkAddress? ParseAddress(string address, string path)
    {
        try
        {
            return NetworkAddress.Parse(address);
        }
        catch (FormatException exception)
        {
            Errors.Add(path, exception.Message);
            return null;
        }
    }
}
