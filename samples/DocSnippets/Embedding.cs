using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Network;
using MeshProxy.Core.Server;
using MeshProxy.Core.Stats;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Samples.DocSnippets;

/// <summary>docs/embedding.md and docs/stats.md.</summary>
internal static class Embedding
{
    public static void Options(HostApplicationBuilder app)
    {
        app.Services.Configure<MeshProxyOptions>(options => options.Concurrency = 2);
        app.Services.AddMeshProxy((proxy, services) => proxy
            .Listener("tcp", "127.0.0.1:10000", listener => listener.FilterChain(chain => chain.TcpProxy("tcp", "orders")))
            .Cluster("orders", cluster => cluster.Endpoints(
                services.GetRequiredService<OrdersDirectory>().Addresses)));
    }

    public static async Task WithoutDependencyInjection(ILoggerFactory loggers, CancellationToken drainDeadline)
    {
        await using var server = new MeshProxyBuilder()
            .Configure(options => options.DrainTime = TimeSpan.FromSeconds(20))
            .Listener("tcp", "127.0.0.1:0", listener => listener.FilterChain(chain => chain.TcpProxy("tcp", "orders")))
            .Cluster("orders", cluster => cluster.Endpoints("127.0.0.1:9000"))
            .Build(loggers);
        await server.StartAsync();
        Console.WriteLine(server.GetListenerAddress("tcp")); // 127.0.0.1:41873
        await server.StopAsync(drainDeadline);
    }

    public static async Task Update(MeshProxyServer server, string[] addresses)
    {
        var hosts = addresses.Select(address => new LbEndpointConfig { Address = NetworkAddress.Parse(address) }).ToArray();
        await server.UpdateAsync(server.Config with
        {
            Clusters = server.Config.Clusters
                .Select(cluster => cluster.Name == "orders" ? cluster with { LoadAssignment = [new() { LbEndpoints = hosts }] } : cluster)
                .ToEquatableArray(),
        });
    }

    public static async Task Refused(MeshProxyServer server, ServerConfig config)
    {
        try
        {
            await server.UpdateAsync(config);
        }
        catch (ConfigException refused)
        {
            foreach (var error in refused.Errors)
            {
                Console.WriteLine($"{error.Path}: {error.Message}");
            }
        }
    }

    public static void Internal(MeshProxyBuilder proxy)
    {
        proxy
            .Listener("front", "127.0.0.1:10000", listener => listener.FilterChain(chain => chain.TcpProxy("front", "behind")))
            .Listener("behind", "internal:behind", listener => listener.FilterChain(chain => chain.Echo()))
            .Cluster("behind", cluster => cluster.Endpoints("internal:behind"));
    }

    public static void Stats(MeshProxyServer server)
    {
        using var meter = new StatsMeter(server.Stats, [new("proxy", "ingress")]);
        var total = server.Stats.Find("cluster.orders.upstream_cx_total") as Counter;
        foreach (var stat in server.Stats.Snapshot())
        {
            Console.WriteLine($"{stat.Name}: {(stat as CellStat)?.Value ?? (stat as Histogram)?.Cumulative.Count}");
        }

        _ = total;
    }

    internal sealed class OrdersDirectory
    {
        public string[] Addresses { get; } = ["127.0.0.1:9000"];
    }
}
