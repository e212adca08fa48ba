using System.Globalization;
using MeshProxy.Core.Event;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.Stats;
using MeshProxy.Core.TransportSockets.Memory;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Server;

/// <summary>A server's threads: the control loop, the workers' loops, the watchdog.</summary>
internal sealed class ServerThreads
{
    private readonly Watchdog _watchdog;

    /// <summary>Makes and starts all of them; each worker's thread enters the stats store.</summary>
    public ServerThreads(MeshProxyOptions options, StatsStore store, ServerStats stats, ILoggerFactory loggers)
    {
        var logger = loggers.CreateLogger("MeshProxy.EventLoop");
        var loops = new List<EventLoop>();
        try
        {
            EventLoop Make(int index, string name)
            {
                var loop = EventLoopFactory.Create(options.EventLoop, index, name, logger, stats, options.MaxRetainedSlabBytes, (int)options.BusyTurnInterval.TotalMicroseconds);
                loops.Add(loop);
                Memory.Attach(loop);
                return loop;
            }

            Control = Make(-1, "mp-control");
            var connections = loggers.CreateLogger("MeshProxy.Connections");
            var workers = new ConnectionHandler[options.Concurrency];
            for (var i = 0; i < workers.Length; i++)
            {
                workers[i] = new ConnectionHandler(Make(i, string.Create(CultureInfo.InvariantCulture, $"mp-worker-{i}")), connections)
                {
                    Workers = workers,
                };
            }

            Workers = workers;
        }
        catch
        {
            loops.ForEach(static loop => loop.StopAsync());
            throw;
        }

        foreach (var loop in loops)
        {
            loop.Start();
        }

        foreach (var worker in Workers)
        {
            worker.Loop.Post(_ => store.EnterWorker(worker.Index), null);
        }

        _watchdog = new Watchdog([.. Workers.Select(w => w.Loop)], new WatchdogOptions
        {
            Miss = options.WatchdogMissTimeout,
            MegaMiss = options.WatchdogMegamissTimeout,
            Logger = logger,
            Stats = stats,
        });
        _watchdog.Start();
    }

    /// <summary>The server's internal listeners.</summary>
    public MemoryNetwork Memory { get; } = new();

    public EventLoop Control { get; }

    public IReadOnlyList<ConnectionHandler> Workers { get; }

    /// <summary>Ends the workers' threads, then the control thread.</summary>
    public async Task StopAsync(StatsStore store)
    {
        _watchdog.Dispose();
        foreach (var worker in Workers)
        {
            worker.Loop.Post(_ => store.LeaveWorker(), null);
        }

        await Task.WhenAll(Workers.Select(w => w.Loop.StopAsync())).ConfigureAwait(false);
        await Control.StopAsync().ConfigureAwait(false);
    }
}
