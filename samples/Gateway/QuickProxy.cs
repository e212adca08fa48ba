using System.Globalization;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Gateway;

/// <summary>A proxy without any file: one listener, one cluster.</summary>
internal static class QuickProxy
{
    private const string Cluster = "upstream";

    public static async Task<int> RunAsync(
        GatewaySettings settings, string listen, string upstream, bool tcp, int routes, CancellationToken cancellation)
    {
        using var loggers = GatewayHost.CreateLoggerFactory();
        var builder = GatewayHost.CreateBuilder(settings)
            .Listener("quick", listen, listener => listener.FilterChain(chain => Configure(chain, tcp, routes)))
            .Cluster(Cluster, cluster => cluster.Endpoints(upstream.Split(',', StringSplitOptions.RemoveEmptyEntries)));
        return await GatewayHost.RunAsync(
            () => builder.Build(loggers),
            server => Console.WriteLine($"listening on {string.Join(", ", server.GetListenerAddresses("quick"))}, forwarding {(tcp ? "tcp" : "http")} to {upstream}"),
            cancellation);
    }

    private static void Configure(FilterChainBuilder chain, bool tcp, int routes)
    {
        if (tcp)
        {
            chain.TcpProxy("quick", Cluster);
            return;
        }

        chain.HttpConnectionManager("quick", http => http
            .With(config => config with
            {
                UseRemoteAddress = true,
                UpgradeConfigs = [new("websocket")],
            })
            .VirtualHost("all", ["*"], host =>
            {
                for (var i = 0; i < routes; i++)
                {
                    host.Prefix(string.Create(CultureInfo.InvariantCulture, $"/service-{i}/"), Cluster);
                }

                host.Prefix("/", Cluster);
            }));
    }
}
