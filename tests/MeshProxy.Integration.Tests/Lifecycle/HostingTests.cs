using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Server;
using MeshProxy.Http.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Integration.Tests.Lifecycle;

/// <summary>A proxy as a hosted service of an app.</summary>
public sealed class HostingTests
{
    [Fact]
    public async Task Host_StartsAndStopsTheProxy()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        using var host = Build(proxy => Configure(proxy, upstream.Address));
        await host.StartAsync();
        var server = host.Services.GetRequiredService<MeshProxyServer>();
        var port = ((SocketAddress)server.GetListenerAddress("ingress")).Port;

        using (var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }))
        {
            (await client.GetStringAsync($"http://127.0.0.1:{port}/hosted")).ShouldStartWith("GET /hosted");
        }

        await host.StopAsync();
        Should.Throw<InvalidOperationException>(() => server.GetListenerAddress("ingress"));
    }

    [Fact]
    public async Task Host_WithTwoProxies_StartsBoth()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddMeshProxy(proxy => Configure(proxy, upstream.Address));
        builder.Services.AddMeshProxy(proxy => Configure(proxy, upstream.Address));
        using var host = builder.Build();
        await host.StartAsync();
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        var servers = host.Services.GetServices<MeshProxyServer>().ToArray();

        servers.Length.ShouldBe(2);
        foreach (var server in servers)
        {
            var port = ((SocketAddress)server.GetListenerAddress("ingress")).Port;
            (await client.GetStringAsync($"http://127.0.0.1:{port}/")).ShouldStartWith("GET /");
        }

        client.Dispose();
        await host.StopAsync();
    }

    [Fact]
    public async Task Host_WithErrors_FailsItsStartWithAllOfThemAndTheirPaths()
    {
        using var host = Build(proxy => proxy
            .Configure(options => options.Concurrency = 0)
            .Listener("ingress", "not an address", _ => { })
            .Listener("other", "127.0.0.1:0", listener => listener.FilterChain(chain => chain.HttpConnectionManager("", http => http.RouteAllTo("nowhere"))))
            .Cluster("service", cluster => cluster.ConnectTimeout(TimeSpan.FromSeconds(-1)).Endpoints("127.0.0.1:1")));

        var exception = await Should.ThrowAsync<ConfigException>(() => host.StartAsync());

        var paths = exception.Errors.Select(error => error.Path).ToArray();
        paths.ShouldContain("options.concurrency");
        paths.ShouldContain("static_resources.listeners[0].address");
        paths.ShouldContain(path => path.EndsWith("stat_prefix", StringComparison.Ordinal));
        paths.ShouldContain("static_resources.clusters[0].connect_timeout");
        exception.Message.ShouldContain("nowhere");
    }

    [Fact]
    public async Task Host_WhoseAddressIsTaken_FailsItsStart()
    {
        await using var taken = new RawUpstream();
        using var host = Build(proxy => proxy
            .Listener("ingress", taken.Address, listener => listener.FilterChain(chain => chain.Echo())));

        var exception = await Should.ThrowAsync<MeshProxy.Core.Listeners.ListenException>(() => host.StartAsync());

        exception.Message.ShouldContain(taken.Address);
    }

    private static void Configure(MeshProxyBuilder proxy, string upstream) => proxy
        .Configure(options => options.EventLoop = Settings.EventLoop)
        .Listener("ingress", "127.0.0.1:0", listener => listener.FilterChain(chain => chain
            .HttpConnectionManager("ingress", http => http.RouteAllTo("service"))))
        .Cluster("service", cluster => cluster.Endpoints(upstream));

    private static IHost Build(Action<MeshProxyBuilder> configure)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddMeshProxy(configure);
        return builder.Build();
    }
}
