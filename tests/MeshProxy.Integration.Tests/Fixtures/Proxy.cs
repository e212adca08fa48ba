using System.Globalization;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Server;
using MeshProxy.Core.Stats;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>
/// A running proxy on port 0. At its disposal, when the test's clients have closed, nothing may be left of them: connections, streams, timers,
/// buffers, filter calls, and the gauges that count them.
/// </summary>
internal sealed class Proxy : IAsyncDisposable
{
    /// <summary>The listener and the stat prefix of <see cref="HttpAsync"/> and <see cref="TcpAsync"/>.</summary>
    public const string Ingress = "ingress";

    /// <summary>The cluster of <see cref="HttpAsync"/> and <see cref="TcpAsync"/>.</summary>
    public const string Service = "service";

    private static readonly string[] ActiveGauges =
    [
        "downstream_rq_active", "downstream_rq_zombie", "downstream_cx_active", "downstream_cx_http1_active", "downstream_cx_http2_active",
        "downstream_cx_upgrades_active", "streams_active", "pending_send_bytes",
        "upstream_rq_active", "upstream_rq_pending_active", "upstream_cx_active",
    ];

    private readonly List<IDisposable> _owned = [];
    private readonly Lazy<HttpClient> _client;

    private Proxy(MeshProxyServer server)
    {
        Server = server;
        _client = new Lazy<HttpClient>(() => Own(CreateClient()));
    }

    public MeshProxyServer Server { get; }

    public int Port => PortOf(Ingress);

    /// <summary>A client of this proxy that is closed with it. It follows no redirects and keeps no cookies.</summary>
    public HttpClient Client => _client.Value;

    public static async Task<Proxy> StartAsync(Action<MeshProxyBuilder> configure, int concurrency = 2)
    {
        var builder = new MeshProxyBuilder().Configure(options =>
        {
            options.TlsImplementation = TestTls.Implementation;
            options.EventLoop = Settings.EventLoop;
            options.TlsImplementation = TestTls.Implementation;
            options.Concurrency = concurrency;
            options.DrainTime = TimeSpan.FromMinutes(10); // what ends a drain is the test, not the clock
        });
        configure(builder);
        var server = builder.Build();
        await server.StartAsync().WaitAsync(Settings.Patience);
        return new Proxy(server);
    }

    /// <summary>An HTTP proxy in front of one upstream.</summary>
    public static Task<Proxy> HttpAsync(
        string upstream,
        Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? with = null,
        Action<HttpConnectionManagerBuilder>? http = null,
        Action<ClusterBuilder>? cluster = null,
        Action<MeshProxyBuilder>? other = null,
        int concurrency = 2) => StartAsync(
        builder =>
        {
            other?.Invoke(builder);
            builder.Listener(Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.HttpConnectionManager(Ingress, manager =>
            {
                manager.With(with ?? (config => config));
                (http ?? (m => m.RouteAllTo(Service)))(manager);
            })))
            .Cluster(Service, c =>
            {
                c.Endpoints(upstream);
                cluster?.Invoke(c);
            });
        },
        concurrency);

    /// <summary>A TCP proxy in front of one upstream.</summary>
    public static Task<Proxy> TcpAsync(string upstream, Func<TcpProxyConfig, TcpProxyConfig>? with = null) => StartAsync(builder => builder
        .Listener(Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.TcpProxy(
            (with ?? (config => config))(new TcpProxyConfig { StatPrefix = Ingress, Cluster = Service }))))
        .Cluster(Service, cluster => cluster.Endpoints(upstream)));

    public int PortOf(string listener) => ((SocketAddress)Server.GetListenerAddress(listener)).Port;

    public Uri Uri(string path = "/") => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{Port}{path}"));

    public HttpClient CreateClient(Action<SocketsHttpHandler>? configure = null)
    {
        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false };
        configure?.Invoke(handler);
        return new HttpClient(handler) { BaseAddress = Uri(), Timeout = 2 * Settings.Patience };
    }

    public async Task<RawConnection> ConnectAsync(int? receiveBuffer = null) => await RawConnection.ConnectAsync(Port, receiveBuffer);

    /// <summary>Closes this with the proxy, before the leak check.</summary>
    public T Own<T>(T disposable)
        where T : IDisposable
    {
        _owned.Add(disposable);
        return disposable;
    }

    /// <summary>The value of a counter or gauge.</summary>
    public long Stat(string name) => (Server.Stats.Find(name) as CellStat)?.Value ?? throw new ArgumentException($"no stat {name}");

    /// <summary>Waits until a counter or gauge has this value: workers publish without a barrier.</summary>
    public Task StatIsAsync(string name, long value) =>
        Settings.EventuallyAsync(() => Stat(name) == value, () => $"{name} is {Stat(name)}, not {value}");

    /// <summary>Set by a test that has stopped the server itself: there is nobody left to ask what is left.</summary>
    public bool IsStopped { get; set; }

    /// <summary>Stops the server gracefully while <paramref name="meanwhile"/> runs, which ends the last connections.</summary>
    public async Task DrainAsync(Func<Task> meanwhile)
    {
        IsStopped = true;
        var stop = Server.StopAsync();
        await meanwhile();
        await stop.WaitAsync(Settings.Patience);
        GaugesInUse().ShouldBe("");
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            _owned.ForEach(owned => owned.Dispose());
            if (!IsStopped)
            {
                await NothingIsLeftAsync();
            }
        }
        finally
        {
            await Server.DisposeAsync().AsTask().WaitAsync(Settings.Patience);
        }
    }

    private async Task NothingIsLeftAsync()
    {
        // Taken before: the gauges of clusters leave the store with them.
        var gauges = FindGauges();
        await LeftAsync(left => left is { ActiveConnections: 0, ActiveStreams: 0, OutstandingFilterCalls: 0, SlabsInUse: 0 });

        // Idle upstream connections, and the timers of their pools, go with the clusters.
        await Server.UpdateAsync(new ServerConfig()).WaitAsync(Settings.Patience);
        await LeftAsync(left => left is { ActiveConnections: 0, ActiveStreams: 0, OutstandingFilterCalls: 0, SlabsInUse: 0, ArmedTimers: 0 });
        await Settings.EventuallyAsync(() => InUse(gauges).Length == 0, () => "left behind: " + InUse(gauges));
    }

    private string GaugesInUse() => InUse(FindGauges());

    private Gauge[] FindGauges() =>
        [.. Server.Stats.Snapshot().OfType<Gauge>().Where(gauge => ActiveGauges.Contains(gauge.Name[(gauge.Name.LastIndexOf('.') + 1)..]))];

    private static string InUse(Gauge[] gauges) =>
        string.Join(", ", gauges.Where(gauge => gauge.Value != 0).Select(gauge => $"{gauge.Name} {gauge.Value}"));

    private async Task LeftAsync(Func<ServerDiagnostics, bool> isClean)
    {
        // More than the delayed close of 1 second takes, less than a leak that a timeout hides.
        ServerDiagnostics? left = null;
        await Waiting.EventuallyAsync(
            async () => isClean(left = await Server.GetDiagnosticsAsync().WaitAsync(Settings.Patience)), () => $"left behind: {left}", Waiting.NoTimer);
    }
}
