using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace MeshProxy.Core.Server;

/// <summary>A proxy: its worker threads, listeners and clusters. Several may live in one process.</summary>
/// <remarks>
/// All members may be called from any thread. <see cref="StartAsync"/> once, <see cref="UpdateAsync"/> as often as wanted,
/// <see cref="StopAsync"/> or <see cref="DisposeAsync"/> at the end; a stopped server is not started again.
/// </remarks>
public sealed class MeshProxyServer : IAsyncDisposable, IDisposable
{
    private readonly MeshProxyOptions _options;
    private readonly ExtensionRegistries _registries;
    private readonly ILoggerFactory _loggerFactory;
    private readonly IServiceProvider? _services;
    private readonly ILogger _logger;
    private readonly ServerStats _stats;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _drainEnd = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ServerConfig _config;
    private ServerRuntime? _runtime;
    private StatsMeter? _meter;
    private Task? _start;
    private Task? _stop;

    /// <summary>Makes a server that knows the built-in extensions of this package. A builder (<c>MeshProxyBuilder</c>) knows more.</summary>
    /// <exception cref="ConfigException">The options or the config have errors; all of them are in it.</exception>
    public MeshProxyServer(MeshProxyOptions options, ServerConfig config, ILoggerFactory? loggerFactory = null, IServiceProvider? services = null)
        : this(options, config, BuiltInExtensions.CreateRegistries(), loggerFactory, services)
    {
    }

    internal MeshProxyServer(
        MeshProxyOptions options,
        ServerConfig config,
        ExtensionRegistries registries,
        ILoggerFactory? loggerFactory = null,
        IServiceProvider? services = null,
        IEnumerable<ConfigError>? foundBefore = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(config);
        _options = options.Clone();
        _config = config;
        _registries = registries;
        _loggerFactory = loggerFactory ?? NullLoggerFactory.Instance;
        _services = services;
        _logger = _loggerFactory.CreateLogger("MeshProxy.Server");
        var errors = new ConfigErrors();
        foreach (var error in foundBefore ?? [])
        {
            errors.Add(error.Path, error.Message);
        }

        _options.Validate(errors.Field("options"));
        Validate(config, errors);
        errors.ThrowIfAny();
        Stats = new StatsStore(_options.Concurrency);
        _stats = new ServerStats(Stats.Root.Scope("server"));
        _stats.Concurrency.Set(_options.Concurrency);
        _stats.State.Set(3);
    }

    /// <summary>Counters, gauges and histograms, under Envoy's names.</summary>
    public StatsStore Stats { get; }

    /// <summary>The config that was applied last.</summary>
    public ServerConfig Config => Volatile.Read(ref _config);

    /// <summary>Starts the threads, binds all listeners and begins to serve. Completes when every worker has acknowledged.</summary>
    /// <exception cref="ListenException">An address cannot be had. The server has stopped then.</exception>
    /// <exception cref="InvalidOperationException">It was started or stopped before.</exception>
    public Task StartAsync(CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        lock (_lock)
        {
            if (_start is not null || _stop is not null)
            {
                throw new InvalidOperationException("a server is started once");
            }

            return _start = StartCoreAsync();
        }
    }

    /// <summary>
    /// Replaces listeners and clusters by another config while traffic goes on: what is equal stays untouched, what has gone or changed
    /// drains. Completes when every worker has acknowledged; updates apply one after the other.
    /// </summary>
    /// <exception cref="ConfigException">The config has errors; all of them are in it, and nothing has changed.</exception>
    /// <exception cref="ListenException">An address cannot be had; nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">The server is not running.</exception>
    public async Task UpdateAsync(ServerConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var errors = new ConfigErrors();
        Validate(config, errors);
        errors.ThrowIfAny();
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await Running.ApplyAsync(config).ConfigureAwait(false);
            Volatile.Write(ref _config, config);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>
    /// Stops accepting and drains: ends when no connection is left, when the drain time is over, or when the token says so, whichever comes
    /// first; connections that are left then are closed. Completes when all threads have ended. Repeating it waits for the same stop; any
    /// caller's token ends the drain.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        Task stop;
        lock (_lock)
        {
            stop = _stop ??= StopCoreAsync();
        }

        using (cancellationToken.UnsafeRegister(static state => ((MeshProxyServer)state!).EndDrain(), this))
        {
            await stop.ConfigureAwait(false);
        }
    }

    /// <summary>Stops without draining.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
    }

    /// <summary>Stops without draining, and blocks until all threads have ended. Not to be called on a worker.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>Where a listener is bound, with the port that the system chose where the config says 0; its first address.</summary>
    /// <exception cref="ArgumentException">There is no such listener, or it does not bind.</exception>
    /// <exception cref="InvalidOperationException">The server is not running.</exception>
    public NetworkAddress GetListenerAddress(string name) =>
        Running.BoundAddresses(name) is [var first, ..] ? first : throw new ArgumentException($"no listener '{name}' is bound", nameof(name));

    /// <summary>All addresses of a listener as they are bound, in the order of its config; none if there is no such listener.</summary>
    /// <exception cref="InvalidOperationException">The server is not running.</exception>
    public IReadOnlyList<NetworkAddress> GetListenerAddresses(string name) => Running.BoundAddresses(name);

    /// <summary>Asks every worker what lives on it. For tests and for hunting leaks.</summary>
    /// <exception cref="InvalidOperationException">The server is not running.</exception>
    public Task<ServerDiagnostics> GetDiagnosticsAsync() => Running.GetDiagnosticsAsync();

    private ServerRuntime Running => Volatile.Read(ref _runtime) ?? throw new InvalidOperationException("the server is not running");

    private void Validate(ServerConfig config, ConfigErrors errors) =>
        new ServerConfigValidator(_registries).Validate(config, errors.Field("static_resources"));

    private async Task StartCoreAsync()
    {
        var runtime = new ServerRuntime(_options, Stats, _stats, _registries, _loggerFactory, _services);
        try
        {
            await runtime.ApplyAsync(_config).ConfigureAwait(false);
        }
        catch
        {
            EndDrain();
            await runtime.StopAsync(_drainEnd.Task).ConfigureAwait(false);
            throw;
        }

        if (_options.PublishMeter)
        {
            _meter = new StatsMeter(Stats);
        }

        Volatile.Write(ref _runtime, runtime);
        _stats.Live.Set(1);
        _stats.State.Set(0);
        ServerLog.Started(_logger, _options.Concurrency, EventLoopFactory.Resolve(_options.EventLoop));
    }

    private async Task StopCoreAsync()
    {
        if (_start is { } start)
        {
            await start.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (Volatile.Read(ref _runtime) is not { } runtime)
        {
            return;
        }

        _stats.State.Set(1);
        await _turn.WaitAsync().ConfigureAwait(false);
        try
        {
            await runtime.StopAsync(_drainEnd.Task).ConfigureAwait(false);
        }
        finally
        {
            Volatile.Write(ref _runtime, null);
            _meter?.Dispose();
            _stats.Live.Set(0);
            _turn.Release();
        }
    }

    private void EndDrain() => _drainEnd.TrySetResult();
}
