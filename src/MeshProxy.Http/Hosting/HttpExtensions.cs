using MeshProxy.Core.Config;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Router;

namespace MeshProxy.Http.Hosting;

/// <summary>The one place that knows the extensions that this package brings.</summary>
internal static class HttpExtensions
{
    /// <summary>Adds them, unless they were added before.</summary>
    public static HttpFilterRegistry Register(ExtensionRegistries registries)
    {
        if (registries.Find<HttpFilterRegistry>() is { } known)
        {
            return known;
        }

        var filters = new HttpFilterRegistry();
        filters.Add(RouterFilterFactory.FilterName, static context => new RouterFilterFactory(context), isTerminal: true);
        filters.Add<InlineHttpFilter>(
            InlineHttpFilter.FilterName,
            validator: null,
            static (filter, context) => new DelegateHttpFilterFactory(() => filter.Create(context)));
        registries.Add(filters);
        RegisterProtocolOptions(registries);
        registries.Get<NetworkFilterRegistry>().Add<HttpConnectionManagerConfig>(
            HttpConnectionManager.FilterName,
            new HttpConnectionManagerConfigValidator(registries),
            static (config, context) => new HttpConnectionManager(config, context),
            isTerminal: true);
        return filters;
    }

    /// <summary>Adds the options that a cluster may have for HTTP, unless they were added before.</summary>
    public static void RegisterProtocolOptions(ExtensionRegistries registries)
    {
        var options = registries.Find<ProtocolOptionsRegistry>();
        if (options is null)
        {
            options = new ProtocolOptionsRegistry();
            registries.Add(options);
        }

        options.Add(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptionsValidator());
    }
}
