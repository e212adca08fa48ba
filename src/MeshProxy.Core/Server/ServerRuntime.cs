using System.Diagnostics;
using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Server;

/// <summary>A running server: threads, clusters, listeners, and the control side's work on them.</summary>
/// <remarks>Its public members may be called from any thread; they run on the control loop. The server calls them one after the other.</remarks>
internal sealed class ServerRuntime
{
    /// <summary>How long connections that were closed may take to be gone; longer only if a filter's call does not return.</summary>
    private const int SettleMs = 1000;

    private readonly MeshProxyOptions _options;
    private readonly StatsStore _store;
    private readonly ServerStats _stats;
    private readonly ILogger _logger;
    private readonly ServerThreads _threads;
    private readonly WorkerDiagnostics[] _diagnostics;
    private readonly AccessLogManager _accessLogs;
    private readonly ClusterManager _clusters;
    private readonly ListenerManager _listeners;
    private readonly LoopTimer _flush;
    private readonly long _startedAt = Stopwatch.GetTimestamp();
    private EquatableArray<ClusterConfig> _clusterConfigs;

    public ServerRuntime(
        MeshProxyOptions options, StatsStore store, ServerStats stats, ExtensionRegistries registries, ILoggerFactory loggers, IServiceProvider? services)
    {
        _options = options;
        _store = store;
        _stats = stats;
        _logger = loggers.CreateLogger("MeshProxy.Server");
        _threads = new ServerThreads(options, store, stats, loggers);
        _diagnostics = [.. _threads.Workers.Select(_ => new WorkerDiagnostics())];
        _accessLogs = new AccessLogManager(store, loggers);
        _clusters = new ClusterManager(
            new ClusterContext { Stats = store, Registries = registries, LoggerFactory = loggers, TlsImplementation = options.TlsImplementation, Services = services },
            [.. _threads.Workers.Select(w => w.Loop)],
            _threads.Control);
        _listeners = new ListenerManager(new ListenerContext
        {
            Control = _threads.Control,
            Workers = _threads.Workers,
            Diagnostics = _diagnostics,
            Stats = store,
            Clusters = _clusters,
            Registries = registries,
            LoggerFactory = loggers,
            TlsImplementation = options.TlsImplementation,
            Services = services,
            AccessLogs = _accessLogs,
            DrainTime = options.DrainTime,
        });
        _listeners.Stats.WorkersStarted.Set(1);
        _flush = new LoopTimer(_threads.Control, static state => ((ServerRuntime)state!).Flush(), this);
        _threads.Control.Post(static state => ((ServerRuntime)state!).ArmFlush(), this);
    }

    /// <summary>Makes a validated config the present one.</summary>
    public Task ApplyAsync(ServerConfig config) => OnControlAsync(() => ApplyCoreAsync(config));

    public IReadOnlyList<NetworkAddress> BoundAddresses(string name) => _listeners.BoundAddresses(name);

    public async Task<ServerDiagnostics> GetDiagnosticsAsync()
    {
        var parts = await Task.WhenAll(_threads.Workers.Select(worker => worker.Loop.RunAsync(() => new ServerDiagnostics(
            worker.ActiveConnections,
            worker.Loop.ArmedTimers,
            worker.Loop.Slabs.SlabsInUse,
            _diagnostics[worker.Index].ActiveStreams,
            _diagnostics[worker.Index].OutstandingFilterCalls,
            worker.Loop.RegisteredSockets)
        {
            SlabBytesInUse = worker.Loop.Slabs.BytesInUse,
        }))).ConfigureAwait(false);
        return parts.Aggregate((a, b) => new ServerDiagnostics(
            a.ActiveConnections + b.ActiveConnections,
            a.ArmedTimers + b.ArmedTimers,
            a.SlabsInUse + b.SlabsInUse,
            a.ActiveStreams + b.ActiveStreams,
            a.OutstandingFilterCalls + b.OutstandingFilterCalls,
            a.RegisteredSockets + b.RegisteredSockets)
        {
            SlabBytesInUse = a.SlabBytesInUse + b.SlabBytesInUse,
        });
    }

    /// <summary>Stops accepting, drains, closes what is left, ends all threads.</summary>
    /// <param name="drainEnd">Completes when the drain has lasted long enough for somebody.</param>
    public async Task StopAsync(Task drainEnd)
    {
        await OnControlAsync(() => DrainAsync(drainEnd)).ConfigureAwait(false);
        await _threads.StopAsync(_store).ConfigureAwait(false);
        _accessLogs.Dispose();
        ServerLog.Stopped(_logger);
    }

    private Task OnControlAsync(Func<Task> action) => _threads.Control.RunTaskAsync(async () =>
    {
        await action();
        return true;
    });

    private async Task ApplyCoreAsync(ServerConfig config)
    {
        // 1. All that can fail, while nothing has changed yet.
        var update = await _listeners.PrepareAsync(config.Listeners);

        // 2. Clusters that are new or changed; those that go stay until no listener names them any more.
        var names = config.Clusters.Select(cluster => cluster.Name).ToHashSet(StringComparer.Ordinal);
        var leaving = _clusterConfigs.Where(cluster => !names.Contains(cluster.Name)).ToEquatableArray();
        await UpdateClustersAsync(config.Clusters.AddRange(leaving));

        // 3. Listeners.
        await _listeners.CommitAsync(update);

        // 4. Clusters that go.
        if (!leaving.IsEmpty)
        {
            await UpdateClustersAsync(config.Clusters);
        }

        _clusterConfigs = config.Clusters;
    }

    private Task UpdateClustersAsync(EquatableArray<ClusterConfig> clusters)
    {
        var acknowledged = Task.CompletedTask;
        _clusters.Update(clusters, apply => acknowledged = _threads.Workers.RunOnAllAsync(worker => apply(worker.Index)));
        return acknowledged;
    }

    private async Task DrainAsync(Task drainEnd)
    {
        _flush.Cancel();
        ServerLog.Draining(_logger, _options.DrainTime.TotalSeconds);
        await _listeners.StopAcceptingAsync();
        var empty = Task.WhenAll(_threads.Workers.Select(worker => WhenEmptyAsync(worker)));
        using var drainTime = new LoopDelay(_threads.Control, (long)_options.DrainTime.TotalMilliseconds);
        await Task.WhenAny(empty, drainTime.Task, drainEnd);
        if (!empty.IsCompleted)
        {
            await CloseAllAsync(empty);
        }

        // Idle upstream connections go with their clusters; those in use went with the downstream connections.
        await UpdateClustersAsync([]);
        _listeners.DisposeAll();
    }

    private async Task CloseAllAsync(Task empty)
    {
        var left = (await GetDiagnosticsAsync()).ActiveConnections;
        if (left > 0)
        {
            ServerLog.DrainCutShort(_logger, left);
        }

        await _threads.Workers.RunOnAllAsync(static worker => worker.CloseConnections(null));
        using var settle = new LoopDelay(_threads.Control, SettleMs);
        await Task.WhenAny(empty, settle.Task);
        if (!empty.IsCompleted)
        {
            ServerLog.Stuck(_logger, (await GetDiagnosticsAsync()).ActiveConnections);
        }
    }

    private static async Task WhenEmptyAsync(ConnectionHandler worker)
    {
        var empty = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await worker.Loop.RunAsync(() => worker.BeginDrainAll(() => empty.TrySetResult()));
        await empty.Task;
    }

    private void ArmFlush() => _flush.Arm((long)_options.StatsFlushInterval.TotalMilliseconds);

    private void Flush()
    {
        _stats.Uptime.Set((long)Stopwatch.GetElapsedTime(_startedAt).TotalSeconds);
        _store.Flush();
        ArmFlush();
    }

    /// <summary>A task that completes after a time on a loop.</summary>
    private sealed class LoopDelay : LoopTimer, IDisposable
    {
        private readonly TaskCompletionSource _elapsed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public LoopDelay(EventLoop loop, long delayMs)
            : base(loop) => Arm(delayMs);

        public Task Task => _elapsed.Task;

        public void Dispose() => Cancel();

        protected override void OnElapsed() => _elapsed.TrySetResult();
    }
}
