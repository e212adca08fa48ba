using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Server;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Hosts a proxy in an app.</summary>
public static class MeshProxyServiceCollectionExtensions
{
    /// <summary>
    /// Adds a proxy that starts and stops with the host. It is a <see cref="MeshProxyServer"/> among the services, too. Called again it
    /// adds another proxy.
    /// </summary>
    /// <remarks>
    /// The options begin as <c>IOptions&lt;MeshProxyOptions&gt;</c> has them. Whatever is wrong with options or config fails the host's
    /// start with a <see cref="ConfigException"/> that has all errors. The host's shutdown timeout (30 seconds by default) bounds the drain.
    /// </remarks>
    public static IServiceCollection AddMeshProxy(this IServiceCollection services, Action<MeshProxyBuilder> configure)
    {
        ArgumentNullException.ThrowIfNull(configure);
        return services.AddMeshProxy((builder, _) => configure(builder));
    }

    /// <inheritdoc cref="AddMeshProxy(IServiceCollection, Action{MeshProxyBuilder})"/>
    /// <param name="services">The app's services.</param>
    /// <param name="configure">Writes the config, with the app's services at hand. Runs when the host starts.</param>
    public static IServiceCollection AddMeshProxy(this IServiceCollection services, Action<MeshProxyBuilder, IServiceProvider> configure)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configure);

        // A key of its own for each call ties the hosted service to its server.
        var key = new object();
        services.AddOptions<MeshProxyOptions>();
        services.AddKeyedSingleton(key, (provider, _) =>
        {
            var builder = new MeshProxyBuilder(provider.GetRequiredService<IOptions<MeshProxyOptions>>().Value);
            configure(builder, provider);
            return builder.Build(provider.GetService<ILoggerFactory>(), provider);
        });
        services.AddSingleton(provider => provider.GetRequiredKeyedService<MeshProxyServer>(key));
        services.AddSingleton<IHostedService>(provider => new MeshProxyHostedService(provider.GetRequiredKeyedService<MeshProxyServer>(key)));
        return services;
    }
}
