using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Tests.NetworkFilters;

/// <summary>The least of a server that network filters need: clusters and stats.</summary>
internal sealed class FilterServer
{
    public FilterServer(IReadOnlyList<EventLoop> loops, params ClusterConfig[] clusters)
    {
        Stats = new StatsStore(loops.Count);
        Clusters = new ClusterManager(new ClusterContext { Stats = Stats }, loops);
        Clusters.Update([.. clusters], apply =>
        {
            for (var i = 0; i < loops.Count; i++)
            {
                apply(i);
            }
        });
        Context = new NetworkFilterFactoryContext(Clusters, new ExtensionRegistries())
        {
            Stats = Stats.Root,
            ListenerStats = Stats.Root.Scope("listener.test"),
            Workers = loops,
            LoggerFactory = NullLoggerFactory.Instance,
            IsDraining = static () => false,
        };
    }

    public StatsStore Stats { get; }

    public ClusterManager Clusters { get; }

    public NetworkFilterFactoryContext Context { get; }

    public long Counter(string name) => ((Counter?)Stats.Find(name))?.Value ?? -1;

    public long Gauge(string name) => ((Gauge?)Stats.Find(name))?.Value ?? -1;

    public static ClusterConfig Cluster(string name, params NetworkAddress[] hosts) => new()
    {
        Name = name,
        LoadAssignment = [new LocalityLbEndpointsConfig { LbEndpoints = [.. hosts.Select(h => new LbEndpointConfig { Address = h })] }],
    };
}

/// <summary>Accepts connections on a loop and runs a filter chain over each, as a listener does.</summary>
internal sealed class FilterHost : ISocketHandler
{
    private readonly EventLoop _loop;
    private readonly ISocketOps _ops;
    private readonly int _socket;
    private readonly INetworkFilterFactory[] _factories;
    private readonly ConnectionOptions _options;

    /// <summary>On the loop.</summary>
    public FilterHost(EventLoop loop, NetworkAddress address, INetworkFilterFactory[] factories, ConnectionOptions? options = null)
    {
        _loop = loop;
        _factories = factories;
        _options = options ?? ConnectionOptions.Default;
        _ops = loop.SocketsFor(address);
        _ops.Create(address, out _socket).ShouldBe(SocketStatus.Ok);
        _ops.Bind(_socket, address).ShouldBe(SocketStatus.Ok);
        _ops.Listen(_socket, 1024).ShouldBe(SocketStatus.Ok);
        Address = address is SocketAddress ? _ops.GetLocalAddress(_socket)! : address;
        _ops.Register(loop, _socket, this, PollMode.Level);
    }

    public NetworkAddress Address { get; }

    /// <summary>Connections in the order of accept.</summary>
    public List<Connection> Connections { get; } = [];

    /// <summary>What was known of each connection when its filters were done, in the order of ending.</summary>
    public List<StreamInfo> Ended { get; } = [];

    public void Close() => _ops.Close(_loop, _socket);

    public void OnReady(Readiness readiness)
    {
        while (_ops.Accept(_socket, out var socket, out var peer) == SocketStatus.Ok)
        {
            var connection = new Connection(_loop, _ops, socket, Address, peer, _options);
            Connections.Add(connection);
            connection.Start();
            _ = Serve(connection);
        }
    }

    private async LoopPump Serve(Connection connection)
    {
        var info = new StreamInfo();
        info.Start(_loop.UtcNow, _loop.NowUs);
        var filters = _factories.Select(f => f.Create(_loop)).ToArray();
        await new NetworkFilterChain(connection, info, filters).RunAsync();
        connection.Close(CloseType.FlushWrite);
        Ended.Add(info);
    }
}
