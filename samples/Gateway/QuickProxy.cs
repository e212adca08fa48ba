using System.Globalization;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Gateway;

/// <summary>A proxy without any file: one listener, one cluster.</summary>
internal static class QuickProxy
{
    private const string Cluster = "upstream";

    public static async Task<int> RunAsync(GatewaySettings settings, QuickSettings quick, CancellationToken cancellation)
    {
        using var loggers = GatewayHost.CreateLoggerFactory();
        var hosts = quick.Upstream.Split(',', StringSplitOptions.RemoveEmptyEntries);
        var builder = GatewayHost.CreateBuilder(settings)
            .Listener("quick", quick.Listen, listener => listener.FilterChain(chain => Configure(chain, quick)))
            .Cluster(Cluster, cluster =>
            {
                cluster.Endpoints(hosts);
                if (quick.UpstreamHttp2)
                {
                    cluster.Http2();
                }

                if (quick.UpstreamTls is { } tls)
                {
                    cluster.Configure(config => config with { TransportSocket = QuickTransport.Upstream(tls, hosts) });
                }
            });
        return await GatewayHost.RunAsync(
            () => builder.Build(loggers),
            server => Console.WriteLine(
                $"listening on {string.Join(", ", server.GetListenerAddresses("quick"))}, forwarding {(quick.Tcp ? "tcp" : "http")} to {quick.Upstream}"),
            cancellation);
    }

    private static void Configure(FilterChainBuilder chain, QuickSettings quick)
    {
        if (quick.Tls is { } tls)
        {
            chain.Configure(config => config with { TransportSocket = QuickTransport.Downstream(tls, !quick.Tcp) });
        }

        if (quick.Tcp)
        {
            chain.TcpProxy("quick", Cluster);
            return;
        }

        chain.HttpConnectionManager("quick", http => http
            .With(config => config with
            {
                UseRemoteAddress = true,
                UpgradeConfigs = [new("websocket")],

                // TLS on one side only is what the flags are for, and HTTP/2 servers refuse a scheme that is not their connection's.
                SchemeHeaderTransformation = new() { MatchUpstream = true },
            })
            .VirtualHost("all", ["*"], host =>
            {
                if (quick.HealthPath is { } path)
                {
                    host.DirectResponse(path, 200, "OK\n");
                }

                for (var i = 0; i < quick.Routes; i++)
                {
                    host.Prefix(string.Create(CultureInfo.InvariantCulture, $"/service-{i}/"), Cluster);
                }

                host.Prefix("/", Cluster);
            }));
    }
}
