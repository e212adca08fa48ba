using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Listeners;

/// <summary>Adds, updates and removes listeners while the workers go on.</summary>
/// <remarks>
/// Control loop only. An update has two halves, so that it can be given up as long as nothing was applied: <see cref="PrepareAsync"/>
/// builds and binds all that is new, <see cref="CommitAsync"/> shows it to the workers and drains what has gone.
/// </remarks>
internal sealed class ListenerManager
{
    private readonly ListenerContext _context;
    private readonly ListenerFactory _factory;
    private readonly ILogger _logger;
    private readonly Dictionary<string, Listener> _listeners = new(StringComparer.Ordinal);
    private readonly Dictionary<ListenSocketKey, ListenSockets> _sockets = [];
    private Dictionary<string, NetworkAddress[]> _bound = [];

    public ListenerManager(ListenerContext context)
    {
        _context = context;
        _factory = new ListenerFactory(context);
        _logger = context.LoggerFactory.CreateLogger("MeshProxy.Listeners");
        Stats = new ListenerManagerStats(context.Stats.Root.Scope("listener_manager"));
        Drains = new DrainManager(context, Stats, _logger);
    }

    public ListenerManagerStats Stats { get; }

    public DrainManager Drains { get; }

    /// <summary>All addresses that a listener is bound to, in the order of its config, as of the last commit. Any thread.</summary>
    public IReadOnlyList<NetworkAddress> BoundAddresses(string name) => Volatile.Read(ref _bound).GetValueOrDefault(name) ?? [];

    /// <summary>Builds what is new or changed and binds the addresses that nobody has yet. Applies nothing.</summary>
    /// <exception cref="ListenException">An address cannot be had.</exception>
    public async Task<ListenerUpdate> PrepareAsync(EquatableArray<ListenerConfig> configs)
    {
        var update = new ListenerUpdate();
        try
        {
            foreach (var config in configs.ToArray())
            {
                update.Names.Add(config.Name);
                var old = _listeners.GetValueOrDefault(config.Name);
                if (old?.Config != config)
                {
                    var inPlace = old is not null && IsSameButForChains(old.Config, config);
                    update.Changed.Add(new ListenerChange(old, _factory.Create(config, old, inPlace), inPlace));
                }

                foreach (var key in ListenSocketKey.Of(config))
                {
                    update.Keys.Add(key);
                    if (!_sockets.ContainsKey(key) && !update.NewSockets.ContainsKey(key))
                    {
                        update.NewSockets[key] = await ListenSockets.BindAsync(key, config.Name, _context.Workers);
                        await update.NewSockets[key].ListenAsync(config);
                    }
                }
            }
        }
        catch
        {
            Stats.CreateFailure.Increment();
            await AbandonAsync(update);
            throw;
        }

        return update;
    }

    /// <summary>Takes back what <see cref="PrepareAsync"/> has made.</summary>
    public async Task AbandonAsync(ListenerUpdate update)
    {
        foreach (var sockets in update.NewSockets.Values)
        {
            await sockets.CloseAsync();
        }

        foreach (var change in update.Changed)
        {
            var kept = change.InPlace ? change.Old!.AllChains.ToHashSet() : [];
            foreach (var chain in change.New.AllChains.Where(chain => !kept.Contains(chain)))
            {
                chain.Dispose();
            }

            if (!change.InPlace)
            {
                DisposeListener(change.New);
            }
        }
    }

    /// <summary>Shows an update to all workers; completes when each has acknowledged. What has gone drains from then on.</summary>
    public async Task CommitAsync(ListenerUpdate update)
    {
        var removed = _listeners.Values.Where(listener => !update.Names.Contains(listener.Name)).ToList();
        var closing = _sockets.Where(pair => !update.Keys.Contains(pair.Key)).Select(pair => pair.Value).ToList();
        foreach (var (key, sockets) in update.NewSockets)
        {
            _sockets.Add(key, sockets);
        }

        var targets = update.Changed
            .Select(change => (change.New, Sockets: ListenSocketKey.Of(change.New.Config).Select(key => _sockets[key]).ToArray()))
            .ToArray();
        await _context.Workers.RunOnAllAsync(worker =>
        {
            foreach (var (listener, sockets) in targets)
            {
                var target = worker.SetListener(listener);
                foreach (var socket in sockets)
                {
                    socket.SetTarget(target);
                }
            }

            // What clients have queued for an address that goes still gets what the address stood for.
            foreach (var sockets in closing)
            {
                sockets.Stop(worker.Index);
            }

            foreach (var listener in removed)
            {
                worker.RemoveListener(listener.Name);
            }
        });
        foreach (var sockets in closing)
        {
            _sockets.Remove(sockets.Key);
            await sockets.CloseAsync();
        }

        foreach (var change in update.Changed)
        {
            _listeners[change.New.Name] = change.New;
        }

        removed.ForEach(listener => _listeners.Remove(listener.Name));
        Volatile.Write(ref _bound, _listeners.ToDictionary(
            pair => pair.Key, pair => ListenSocketKey.Of(pair.Value.Config).Select(key => _sockets[key].Bound).ToArray()));
        await DrainReplacedAsync(update, removed);
    }

    /// <summary>Stops accepting on all addresses and closes them. Connections go on.</summary>
    public async Task StopAcceptingAsync()
    {
        // First of all: a response that goes out while the sockets close should already say goodbye.
        foreach (var chain in _listeners.Values.SelectMany(listener => listener.AllChains))
        {
            chain.BeginDrain();
        }

        var all = _sockets.Values.ToList();
        await _context.Workers.RunOnAllAsync(worker => all.ForEach(sockets => sockets.Stop(worker.Index)));
        foreach (var sockets in all)
        {
            await sockets.CloseAsync();
        }

        Stats.Stopped.Add(_listeners.Count);
    }

    /// <summary>Disposes of all listeners; no worker has a connection any more. Their stats stay, for whoever reads them after the stop.</summary>
    public void DisposeAll()
    {
        Drains.Stop();
        foreach (var listener in _listeners.Values)
        {
            foreach (var chain in listener.AllChains)
            {
                chain.Dispose();
            }

            DisposeFilters(listener);
        }

        _listeners.Clear();
        _sockets.Clear();
        Stats.Active.Set(0);
    }

    private static bool IsSameButForChains(ListenerConfig a, ListenerConfig b) =>
        (a with { FilterChains = default, DefaultFilterChain = null }) == (b with { FilterChains = default, DefaultFilterChain = null });

    private static void DisposeListener(Listener listener)
    {
        DisposeFilters(listener);
        listener.Stats.Dispose();
    }

    private static void DisposeFilters(Listener listener)
    {
        foreach (var filter in listener.ListenerFilters)
        {
            filter.Dispose();
        }

        foreach (var log in listener.AccessLogs)
        {
            log.Dispose();
        }
    }

    private async Task DrainReplacedAsync(ListenerUpdate update, List<Listener> removed)
    {
        foreach (var change in update.Changed)
        {
            Stats.CreateSuccess.Increment();
            if (change.Old is null)
            {
                Stats.Added.Increment();
                ListenerLog.Listening(_logger, change.New.Name, string.Join(", ", BoundAddresses(change.New.Name)));
                continue;
            }

            Stats.Modified.Increment();
            if (change.InPlace)
            {
                Stats.InPlaceUpdated.Increment();
                var gone = change.Old.AllChains.Except(change.New.AllChains).ToList();
                if (gone.Count > 0)
                {
                    await Drains.DrainAsync(change.Old.Name, gone, wholeListener: false, static () => { });
                }
            }
            else
            {
                var old = change.Old;
                await Drains.DrainAsync(old.Name, [.. old.AllChains], wholeListener: true, () => DisposeListener(old));
            }
        }

        foreach (var listener in removed)
        {
            Stats.Removed.Increment();
            ListenerLog.Removed(_logger, listener.Name);
            await Drains.DrainAsync(listener.Name, [.. listener.AllChains], wholeListener: true, () => DisposeListener(listener));
        }

        Stats.Active.Set(_listeners.Count);
    }
}

/// <summary>What an update of the listeners consists of, between its two halves.</summary>
internal sealed class ListenerUpdate
{
    public HashSet<string> Names { get; } = new(StringComparer.Ordinal);

    public HashSet<ListenSocketKey> Keys { get; } = [];

    public List<ListenerChange> Changed { get; } = [];

    public Dictionary<ListenSocketKey, ListenSockets> NewSockets { get; } = [];
}

/// <summary>One listener that is new or changed.</summary>
/// <param name="InPlace">Only filter chains differ; equal ones went over to the new version.</param>
internal sealed record ListenerChange(Listener? Old, Listener New, bool InPlace);
