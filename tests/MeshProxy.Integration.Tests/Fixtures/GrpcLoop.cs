using System.Buffers;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.Server;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Config;
using MeshProxy.Http.Grpc;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>A control loop with one cluster, and a gRPC client on it. At its disposal nothing may be left of the calls.</summary>
internal sealed class GrpcLoop : IAsyncDisposable
{
    public const string ClusterName = "service";

    private readonly StatsStore _stats = new(0);
    private readonly ClusterManager _clusters;

    private GrpcLoop()
    {
        Loop = EventLoopFactory.Create(Settings.EventLoop, -1, "mp-control");
        Loop.Start();
        var registries = BuiltInExtensions.CreateRegistries();
        MeshProxy.Http.Hosting.HttpExtensions.RegisterProtocolOptions(registries);
        _clusters = new ClusterManager(
            new ClusterContext { Stats = _stats, Registries = registries, TlsImplementation = TestTls.Implementation }, [], Loop);
    }

    public EventLoop Loop { get; }

    /// <summary>A client of the service that listens there.</summary>
    public static async Task<GrpcLoop> StartAsync(string address, UpstreamTlsContextConfig? tls = null)
    {
        var loop = new GrpcLoop();
        await loop.UpdateAsync([new ClusterConfig
        {
            Name = ClusterName,
            TransportSocket = tls is null ? null : new ExtensionConfig("envoy.transport_sockets.tls", tls),
            LoadAssignment = [new LocalityLbEndpointsConfig { LbEndpoints = [new LbEndpointConfig { Address = NetworkAddress.Parse(address) }] }],
            TypedExtensionProtocolOptions =
            [
                new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions
                {
                    ExplicitHttpConfig = new ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions() },
                }),
            ],
        }]);
        return loop;
    }

    /// <summary>The value of one of the cluster's counters.</summary>
    public long Counter(string name) => _stats.Root.Counter($"cluster.{ClusterName}.{name}").Value;

    /// <summary>A method of acme.Echo, whose messages are bytes.</summary>
    public static GrpcMethod<byte[], byte[]> Method(string name) =>
        new("acme.Echo", name, static (message, into) => into.Write(message), static bytes => bytes.ToArray());

    /// <summary>Runs on the loop, with a client.</summary>
    public async Task<T> RunAsync<T>(Func<GrpcClient, Task<T>> run, Func<GrpcClientOptions, GrpcClientOptions>? with = null)
    {
        var options = new GrpcClientOptions { ClusterName = ClusterName };
        return await Loop.RunTaskAsync(() => run(new GrpcClient(_clusters.ForControl(), with?.Invoke(options) ?? options)))
            .WaitAsync(2 * Settings.Patience);
    }

    public Task RunAsync(Func<GrpcClient, Task> run, Func<GrpcClientOptions, GrpcClientOptions>? with = null) => RunAsync(
        async client =>
        {
            await run(client);
            return true;
        },
        with);

    public async ValueTask DisposeAsync()
    {
        var requests = _stats.Root.Gauge($"cluster.{ClusterName}.upstream_rq_active");
        await UpdateAsync([]);
        var left = "";
        try
        {
            await Settings.EventuallyAsync(
                () => (left = LeftAsync().GetAwaiter().GetResult()) == "" && requests.Value == 0, () => $"left behind: {left}, {requests.Value} requests");
        }
        finally
        {
            await Loop.StopAsync();
        }
    }

    private async Task<string> LeftAsync() => await Loop.RunAsync(() =>
        Loop is { Slabs.SlabsInUse: 0, ArmedTimers: 0, RegisteredSockets: 0, Faults: 0 }
            ? ""
            : $"{Loop.Slabs.SlabsInUse} slabs, {Loop.ArmedTimers} timers, {Loop.RegisteredSockets} sockets, {Loop.Faults} faults");

    private async Task UpdateAsync(EquatableArray<ClusterConfig> clusters) => await Loop.RunAsync(() =>
    {
        _clusters.Update(clusters, static _ => { });
        return true;
    });
}
