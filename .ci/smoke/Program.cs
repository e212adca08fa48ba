// The app that .ci/pack-smoke builds against the packages: it fails if a public type is missing or a dependency is not declared.
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

await using var server = new MeshProxyBuilder()
    .Configure(options => options.Concurrency = 1)
    .Listener("ingress", "127.0.0.1:0", listener => listener.FilterChain(chain => chain
        .HttpConnectionManager("ingress", http => http
            .VirtualHost("all", ["*"], host => host.DirectResponse("/hello", 200, "hello from the packages").Prefix("/", "nowhere")))))
    .Cluster("nowhere", cluster => cluster.Endpoints("127.0.0.1:1"))
    .Build();
await server.StartAsync();

var address = server.GetListenerAddress("ingress");
using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
var answer = await client.GetStringAsync($"http://{address}/hello");
using var refused = await client.GetAsync($"http://{address}/other");
if (answer != "hello from the packages" || (int)refused.StatusCode != 503)
{
    Console.Error.WriteLine($"answered '{answer}' and {refused.StatusCode}");
    return 1;
}

Console.WriteLine($"packages work: {address} answered '{answer}'");
return 0;
