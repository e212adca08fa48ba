using MeshProxy.Core.Event;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

// A host app that blocks every thread of its pool and keeps it so, with a proxy in its process.
// dotnet MeshProxy.BlockedPoolHost.dll UPSTREAM EVENT-LOOP; the end of its standard input stops it.
using var server = new MeshProxyBuilder()
    .Configure(options =>
    {
        options.Concurrency = 1;
        options.EventLoop = Enum.Parse<EventLoopKind>(args[1], ignoreCase: true);
    })
    .Listener("ingress", "127.0.0.1:0", listener => listener.FilterChain(chain => chain
        .HttpConnectionManager("ingress", http => http.RouteAllTo("service"))))
    .Cluster("service", cluster => cluster.Endpoints(args[0]))
    .Build();
server.StartAsync().GetAwaiter().GetResult();

ThreadPool.SetMaxThreads(Environment.ProcessorCount, Environment.ProcessorCount);
var release = new ManualResetEventSlim();
for (var i = 0; i < 64; i++)
{
    ThreadPool.UnsafeQueueUserWorkItem(_ => release.Wait(), null);
}

// Proof that nothing runs on the pool any more: this item would, otherwise.
var ran = new ManualResetEventSlim();
ThreadPool.UnsafeQueueUserWorkItem(_ => ran.Set(), null);
Console.WriteLine($"{(ran.Wait(TimeSpan.FromSeconds(1)) ? "not blocked" : "blocked")}, listening on {server.GetListenerAddress("ingress")}");
Console.In.ReadToEnd();
Console.WriteLine(ran.IsSet ? "the pool ran something meanwhile" : "blocked to the end");
release.Set();
