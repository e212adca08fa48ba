using MeshProxy.Http.Hosting;
using MeshProxy.Samples.CustomFilter;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

// dotnet run --project samples/CustomFilter [MESSAGE] [ADDRESS] [UPSTREAM]
var message = args.ElementAtOrDefault(0) ?? "try MeshProxy today";
var address = args.ElementAtOrDefault(1) ?? "127.0.0.1:10000";
var upstream = args.ElementAtOrDefault(2) ?? "127.0.0.1:9000";

var app = Host.CreateApplicationBuilder();
app.Services.AddMeshProxy(proxy => proxy
    .AddHttpFilter<EvangelistConfig>(
        EvangelistFilter.FilterName,
        (config, context) => new EvangelistFilter(config, context.LoggerFactory.CreateLogger(EvangelistFilter.FilterName)),
        new EvangelistConfigValidator())
    .Listener("ingress", address, listener => listener.FilterChain(chain => chain
        .HttpConnectionManager("ingress", http => http
            .Filter(EvangelistFilter.FilterName, new EvangelistConfig { Message = message })
            .RouteAllTo("service"))))
    .Cluster("service", cluster => cluster.Endpoints(upstream)));
await app.Build().RunAsync();
