using MeshProxy.Core.Hosting;
using MeshProxy.Core.Server;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Gateway;

/// <summary>
/// The embedded demo: a gateway on 127.0.0.1:10000 (HTTP) and :10001 (TCP), and two upstream services that live in this process too, each of
/// them a small proxy whose last HTTP filter answers.
/// </summary>
internal static class Demo
{
    public static async Task<int> RunAsync(GatewaySettings settings, CancellationToken cancellation)
    {
        using var loggers = GatewayHost.CreateLoggerFactory();
        await using var upstreams = CreateUpstreams().Build(loggers);
        await upstreams.StartAsync(cancellation);
        return await GatewayHost.RunAsync(() => CreateGateway(settings, upstreams).Build(loggers), Welcome, cancellation);
    }

    private static MeshProxyBuilder CreateUpstreams()
    {
        var builder = new MeshProxyBuilder().Configure(options => options.Concurrency = 1);
        foreach (var name in (string[])["orders-1", "orders-2"])
        {
            builder.Listener(name, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                .HttpConnectionManager(name, http => http
                    .Filter(_ => new DemoServiceFilter(name))
                    .VirtualHost("all", ["*"], host => host.DirectResponse("/", 404)))));
        }

        return builder;
    }

    private static MeshProxyBuilder CreateGateway(GatewaySettings settings, MeshProxyServer upstreams) => GatewayHost.CreateBuilder(settings)
        .Listener("ingress", "127.0.0.1:10000", listener => listener.FilterChain(chain => chain
            .HttpConnectionManager("ingress", http => http
                .With(config => config with { UseRemoteAddress = true })
                .VirtualHost("demo", ["*"], host => host
                    .DirectResponse("/hello", 200, "hello from MeshProxy\n")
                    .Prefix("/slow", "orders", TimeSpan.FromSeconds(1))
                    .Prefix("/nowhere", "nowhere")
                    .Prefix("/", "orders")))))
        .Listener("tcp", "127.0.0.1:10001", listener => listener.FilterChain(chain => chain.TcpProxy("tcp", "orders")))
        .Cluster("orders", cluster => cluster.Endpoints(
            upstreams.GetListenerAddress("orders-1").ToString(), upstreams.GetListenerAddress("orders-2").ToString()))
        .Cluster("nowhere", cluster => cluster.Endpoints("127.0.0.1:1"));

    private static void Welcome(MeshProxyServer server) => Console.WriteLine("""
        MeshProxy demo. Ctrl-C stops it. Try:

          curl -i http://127.0.0.1:10000/orders/42     round robin over two upstreams; shows the headers that they got
          curl -i http://127.0.0.1:10000/hello         answered by the route itself
          curl -i http://127.0.0.1:10000/slow          the route's timeout of 1 s answers 504
          curl -i http://127.0.0.1:10000/nowhere       an upstream that refuses connections: 503
          curl -i http://127.0.0.1:10001/orders/42     the same services through tcp_proxy
        """);
}
