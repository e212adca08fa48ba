using MeshProxy.Http.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

var app = Host.CreateApplicationBuilder(args);
app.Services.AddMeshProxy(proxy => proxy
    .Listener("ingress", "127.0.0.1:10000", listener => listener.FilterChain(chain => chain
        .HttpConnectionManager("ingress", http => http
            .Filter(_ => new MyFilter())
            .VirtualHost("all", ["*"], host => host.Prefix("/orders", "orders", TimeSpan.FromSeconds(2))))))
    .Cluster("orders", cluster => cluster.Endpoints("127.0.0.1:9000", "127.0.0.1:9001")));
await app.Build().RunAsync();
