using MeshProxy.Core.Config;
using MeshProxy.Core.Server;
using MeshProxy.Core.Tests.Server;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Tests.Hosting;

public sealed class AddMeshProxyTests
{
    [Fact]
    public async Task Host_WithAProxy_ServesFromStartToStop()
    {
        using var upstream = new TinyUpstream("pong");
        using var host = Host(services => services.AddMeshProxy(proxy => proxy
            .Listener("ingress", "127.0.0.1:0", l => l
                .FilterChain(c => c.TcpProxy("tcp", cluster: "orders")))
            .Cluster("orders", c => c.Endpoints(upstream.Address))));
        await host.StartAsync().WaitAsync(ServerHarness.Patience);
        var address = host.Services.GetRequiredService<MeshProxyServer>().GetListenerAddress("ingress");
        using (var client = await Client.ConnectAsync(address))
        {
            (await client.ReceiveAsync(4)).ShouldBe("pong");
        }

        await host.StopAsync().WaitAsync(ServerHarness.Patience);
        await Should.ThrowAsync<System.Net.Sockets.SocketException>(() => Client.ConnectAsync(address));
    }

    [Fact]
    public async Task Host_WithTwoProxies_RunsBoth()
    {
        using var host = Host(services => services
            .AddMeshProxy(proxy => proxy.Listener("one", "127.0.0.1:0", l => l.FilterChain(c => c.TerminalFilter("greet", _ => new EchoFilter("1")))))
            .AddMeshProxy(proxy => proxy.Listener("two", "127.0.0.1:0", l => l.FilterChain(c => c.TerminalFilter("greet", _ => new EchoFilter("2"))))));
        await host.StartAsync().WaitAsync(ServerHarness.Patience);
        var servers = host.Services.GetServices<MeshProxyServer>().ToArray();
        servers.Length.ShouldBe(2);
        using var one = await Client.ConnectAsync(servers[0].GetListenerAddress("one"));
        using var two = await Client.ConnectAsync(servers[1].GetListenerAddress("two"));
        (await one.ReceiveAsync(1)).ShouldBe("1");
        (await two.ReceiveAsync(1)).ShouldBe("2");
        one.Dispose();
        two.Dispose();
        await host.StopAsync().WaitAsync(ServerHarness.Patience);
    }

    [Fact]
    public async Task Host_WithAWrongConfig_FailsToStartWithAllErrors()
    {
        using var host = Host(services => services
            .Configure<MeshProxyOptions>(options => options.Concurrency = -1)
            .AddMeshProxy(proxy => proxy.Listener("main", "127.0.0.1:0", l => l.FilterChain(c => c.TcpProxy("tcp", cluster: "nobody")))));
        var error = await Should.ThrowAsync<ConfigException>(() => host.StartAsync());
        error.Errors.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Services_OfTheApp_ReachTheFilters()
    {
        using var host = Host(services => services
            .AddSingleton(new Greeting("from the app"))
            .AddMeshProxy((proxy, provider) => proxy.Listener("main", "127.0.0.1:0", l => l
                .FilterChain(c => c.TerminalFilter("greet", _ => new EchoFilter(provider.GetRequiredService<Greeting>().Text))))));
        await host.StartAsync().WaitAsync(ServerHarness.Patience);
        using var client = await Client.ConnectAsync(host.Services.GetRequiredService<MeshProxyServer>().GetListenerAddress("main"));
        (await client.ReceiveAsync(12)).ShouldBe("from the app");
        client.Dispose();
        await host.StopAsync().WaitAsync(ServerHarness.Patience);
    }

    private static IHost Host(Action<IServiceCollection> configure)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Logging.ClearProviders();
        configure(builder.Services);
        return builder.Build();
    }

    private sealed record Greeting(string Text);

    /// <summary>Says one thing to whoever connects.</summary>
    private sealed class TinyUpstream : IDisposable
    {
        private readonly System.Net.Sockets.TcpListener _listener = new(System.Net.IPAddress.Loopback, 0);

        public TinyUpstream(string text)
        {
            _listener.Start();
            _ = ServeAsync(System.Text.Encoding.ASCII.GetBytes(text));
        }

        public string Address => _listener.LocalEndpoint.ToString()!;

        public void Dispose() => _listener.Stop();

        private async Task ServeAsync(byte[] text)
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync();
                await client.GetStream().WriteAsync(text);
            }
        }
    }
}
