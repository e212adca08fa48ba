using System.Net;
using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Streams;
using MeshProxy.Core.TransportSockets;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Router;
using MeshProxy.TestSupport.Simulation;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.TestSupport.Http;

/// <summary>
/// The whole HTTP exchange in memory and under virtual time: a real connection manager with a real router and connection pool on a
/// simulated loop. The test plays both peers with raw bytes:
/// <code>
/// var h = new HttpExchangeHarness();
/// var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\n\r\n");   // bytes to the proxy; runs until nothing is left to do
/// h.Upstream.ReceivedText                                       // what the proxy sent upstream
/// h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");    // bytes from the upstream
/// client.ReceivedText                                           // what the client got
/// h.Advance(TimeSpan.FromSeconds(15));                          // timers fire
/// h.ShouldBeClean();                                            // after everything has closed, nothing is left
/// </code>
/// Filters before the router are <see cref="DelegateFilter"/>s. <see cref="ShouldBeClean"/> ends every test: no stream, timer, slab, pending
/// request, circuit breaker unit or zombie may survive its connections, and no exception may have reached the loop.
/// </summary>
internal sealed class HttpExchangeHarness
{
    private static readonly NetworkAddress s_listen = new SocketAddress(IPAddress.Parse("10.0.0.1"), 80);
    private static readonly NetworkAddress s_upstream = new SocketAddress(IPAddress.Parse("10.0.0.2"), 8080);

    private readonly List<SimulatedPeer> _clients = [];
    private readonly ClusterManager _clusters;
    private readonly SimulatedLoop _loop;
    private readonly int _bufferLimitBytes;
    private readonly HashSet<int> _served = [];
    private readonly LineCollector _lines = new();
    private AccessLogManager? _accessLogs;
    private bool _draining;

    public HttpExchangeHarness(HttpExchangeOptions? options = null)
    {
        options ??= new HttpExchangeOptions();
        _bufferLimitBytes = options.BufferLimitBytes;
        _loop = SimulatedLoop.Create(options.Network);
        Upstreams = Network.ListenPeer(s_upstream);
        var registries = new ExtensionRegistries();
        var transports = new UpstreamTransportSocketRegistry();
        if (options.TransportSocket is { } transport)
        {
            transports.Add("test", _ => transport);
        }

        registries.Add(transports);
        _clusters = new ClusterManager(new ClusterContext { Stats = Stats, Registries = registries }, [Loop]);
        ApplyCluster(options.Cluster);
        registries.Add(Filters(options));
        Manager = new HttpConnectionManager(options.Manager(DefaultConfig(options) with
        {
            AccessLog = options.AccessLogFormat is { } format ? [new AccessLogConfig { Logger = "test", Format = format }] : [],
        }), new NetworkFilterFactoryContext(_clusters, registries)
        {
            Stats = Stats.Root,
            ListenerStats = Stats.Root.Scope("listener"),
            Workers = [Loop],
            LoggerFactory = NullLoggerFactory.Instance,
            IsDraining = () => _draining,
            AccessLogs = options.AccessLogFormat is null ? null : _accessLogs = new AccessLogManager(Stats, _lines),
        });
        _ = new Acceptor(this);
    }

    public StatsStore Stats { get; } = new(0);

    public SimulatedNetwork Network => _loop.Network;

    public EventLoop Loop => _loop.Loop;

    public HttpConnectionManager Manager { get; }

    public SimulatedListener Upstreams { get; }

    /// <summary>The newest upstream connection.</summary>
    public SimulatedPeer Upstream => Upstreams.Connections[^1];

    /// <summary>The newest downstream connection, as the proxy sees it.</summary>
    public Connection Downstream { get; private set; } = null!;

    public NetworkAddress UpstreamAddress => s_upstream;

    /// <summary>Faults of the loop that the test has provoked.</summary>
    public int ExpectedFaults { get; set; }

    public Cluster Cluster => _clusters.Snapshot["c"];

    /// <summary>For requests of the proxy's own.</summary>
    public WorkerClusters Clusters => _clusters.ForWorker(0);

    /// <summary>The access log so far.</summary>
    public IReadOnlyList<string> LogLines
    {
        get
        {
            _accessLogs!.Flush();
            return _lines.Lines;
        }
    }

    /// <summary>Gives the cluster another config: the old version drains.</summary>
    public void ApplyCluster(Func<ClusterConfig, ClusterConfig> change)
    {
        var config = change(new ClusterConfig
        {
            Name = "c",
            LoadAssignment = [new LocalityLbEndpointsConfig { LbEndpoints = [new LbEndpointConfig { Address = s_upstream }] }],
        });
        _clusters.Update([config], apply => _loop.Run(() => apply(0)));
    }

    /// <summary>A client that sends some bytes at once; runs until nothing is left to do.</summary>
    public SimulatedPeer Connect(string bytes = "")
    {
        var client = Network.ConnectPeer(s_listen);
        _clients.Add(client);
        Network.RunUntilIdle();
        Send(client, bytes);
        return client;
    }

    public void Send(SimulatedPeer peer, string bytes)
    {
        if (bytes.Length > 0)
        {
            peer.Send(bytes);
            Network.RunUntilIdle();
        }
    }

    /// <summary>Sends bytes from the newest upstream connection.</summary>
    public void Reply(string bytes) => Send(Upstream, bytes);

    public void Run() => Network.RunUntilIdle();

    /// <summary>Runs an action on the loop, as user code that comes back to its worker would.</summary>
    public void OnLoop(Action action)
    {
        _loop.Run(action);
        Run();
    }

    public void Advance(TimeSpan time) => Network.Advance(time);

    public void Drain() => _draining = true;

    public long Counter(string name) => Stats.Root.Counter(name).Value;

    public long Gauge(string name) => Stats.Root.Gauge(name).Value;

    /// <summary>Closes every peer's connection and requires that nothing is left.</summary>
    public void ShouldBeClean()
    {
        foreach (var client in _clients)
        {
            client.IsReadPaused = false;
            client.Close();
        }

        Run();
        foreach (var upstream in Upstreams.Connections)
        {
            upstream.IsReadPaused = false;
            upstream.Close();
        }

        Run();
        Advance(TimeSpan.FromSeconds(10));
        List<string> left = [];
        void Zero(string name, long value)
        {
            if (value != 0)
            {
                left.Add($"{name} = {value}");
            }
        }

        foreach (var gauge in new[] { "downstream_cx_active", "downstream_cx_http1_active", "downstream_cx_http2_active", "downstream_rq_active", "downstream_rq_zombie", "downstream_cx_upgrades_active" })
        {
            Zero(gauge, Gauge("http.t." + gauge));
        }

        foreach (var gauge in new[] { "upstream_cx_active", "upstream_rq_active", "upstream_rq_pending_active" })
        {
            Zero(gauge, Gauge("cluster.c." + gauge));
        }

        var resources = Cluster.Info.Resources;
        Zero("breaker: connections", resources.Connections.Current);
        Zero("breaker: pending", resources.PendingRequests.Current);
        Zero("breaker: requests", resources.Requests.Current);
        foreach (var host in Cluster.Hosts.Priorities.SelectMany(p => p.Hosts))
        {
            Zero("host: requests", host.Stats.ActiveRequests);
            Zero("host: connections", host.Stats.ActiveConnections);
        }

        Zero("connections served", _served.Count);
        foreach (var gauge in new[] { "http2.streams_active", "http2.pending_send_bytes" })
        {
            Zero(gauge, Gauge(gauge));
        }

        Zero("slabs", Loop.Slabs.SlabsInUse);
        Zero("timers", Loop.ArmedTimers);
        Zero("faults", Loop.Faults - ExpectedFaults);
        if (left.Count > 0)
        {
            throw new InvalidOperationException("left behind: " + string.Join(", ", left));
        }
    }

    private static HttpConnectionManagerConfig DefaultConfig(HttpExchangeOptions options) => new()
    {
        StatPrefix = "t",
        RouteConfig = new RouteConfiguration
        {
            VirtualHosts =
            [
                new VirtualHostConfig
                {
                    Name = "v",
                    Domains = ["*"],
                    Routes =
                    [
                        options.RouteEntry(new RouteConfig
                        {
                            Match = new RouteMatchConfig { Prefix = "/" },
                            Route = options.Route(new RouteActionConfig { Cluster = "c" }),
                        }),
                        new RouteConfig { Match = new RouteMatchConfig { ConnectMatcher = true }, Route = new RouteActionConfig { Cluster = "c" } },
                    ],
                },
            ],
        },
        HttpFilters = [.. options.Filters.Select((_, i) => new ExtensionConfig("test" + i)), new ExtensionConfig(RouterFilterFactory.FilterName)],
    };

    private static HttpFilterRegistry Filters(HttpExchangeOptions options)
    {
        var registry = new HttpFilterRegistry();
        registry.Add(RouterFilterFactory.FilterName, static context => new RouterFilterFactory(context), isTerminal: true);
        for (var i = 0; i < options.Filters.Count; i++)
        {
            var create = options.Filters[i];
            registry.Add("test" + i, _ => new Factory(create));
        }

        return registry;
    }

    /// <summary>Keeps what is logged under the category "test".</summary>
    private sealed class LineCollector : ILoggerFactory, ILogger
    {
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lines)
                {
                    return [.. _lines];
                }
            }
        }

        public ILogger CreateLogger(string categoryName) => categoryName == "test" ? this : NullLogger.Instance;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines)
            {
                _lines.Add(formatter(state, exception).TrimEnd('\n'));
            }
        }
    }

    private sealed class Factory(Func<IStreamFilterBase> create) : IHttpFilterFactory
    {
        public IStreamFilterBase Create(EventLoop worker) => create();
    }

    /// <summary>A listener with one filter chain, whose only filter is the connection manager.</summary>
    private sealed class Acceptor : ISocketHandler
    {
        private readonly HttpExchangeHarness _owner;
        private readonly int _socket;

        public Acceptor(HttpExchangeHarness owner)
        {
            _owner = owner;
            var sockets = owner.Loop.Sockets;
            sockets.Create(s_listen, out _socket);
            sockets.Bind(_socket, s_listen);
            sockets.Listen(_socket, 128);
            owner._loop.Run(() => owner.Loop.Register(_socket, this, PollMode.Level));
        }

        public void OnReady(Readiness readiness)
        {
            var sockets = _owner.Loop.Sockets;
            while (sockets.Accept(_socket, out var socket, out var peer) == SocketStatus.Ok)
            {
                var connection = new Connection(
                    _owner.Loop, sockets, socket, s_listen, peer, new ConnectionOptions { BufferLimitBytes = _owner._bufferLimitBytes });
                _owner.Downstream = connection;
                var info = new StreamInfo();
                info.Start(_owner.Loop.UtcNow, _owner.Loop.NowUs);
                info.DownstreamRemoteAddress = info.DownstreamDirectRemoteAddress = peer;
                info.DownstreamLocalAddress = s_listen;
                info.ConnectionId = (ulong)connection.Id;
                connection.Start();
                _ = Serve(new NetworkFilterChain(connection, info, [((INetworkFilterFactory)_owner.Manager).Create(_owner.Loop)]));
            }
        }

        public void OnFault(Exception fault) => throw fault;

        private async LoopPump Serve(NetworkFilterChain chain)
        {
            var id = (int)chain.Connection.Id;
            _owner._served.Add(id);
            await chain.RunAsync();
            _owner._served.Remove(id);
            if (chain.Connection is { IsClosed: false, IsClosing: false } connection)
            {
                connection.Close(CloseType.FlushWrite);
            }
        }
    }
}
