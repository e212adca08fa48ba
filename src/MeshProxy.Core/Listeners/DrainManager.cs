using MeshProxy.Core.Event;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Listeners;

/// <summary>Waits for connections of what was removed to end, closes them when the drain time is over, then disposes of what they used.</summary>
/// <remarks>Control loop only.</remarks>
internal sealed class DrainManager(ListenerContext context, ListenerManagerStats stats, ILogger logger)
{
    private readonly HashSet<DrainTask> _tasks = [];

    public int Count => _tasks.Count;

    /// <summary>Begins to drain chains that no worker gives to new connections any more.</summary>
    /// <param name="what">For the log.</param>
    /// <param name="wholeListener">Whether their listener goes with them.</param>
    /// <param name="whenDone">Disposes of what the connections used.</param>
    public async Task DrainAsync(string what, IReadOnlyList<FilterChain> chains, bool wholeListener, Action whenDone)
    {
        foreach (var chain in chains)
        {
            chain.BeginDrain();
        }

        (wholeListener ? stats.Draining : stats.FilterChainsDraining).Add(wholeListener ? 1 : chains.Count);
        var task = new DrainTask(this, what, chains, wholeListener, whenDone) { Left = chains.Count * context.Workers.Count };
        _tasks.Add(task);
        task.Arm((long)context.DrainTime.TotalMilliseconds);
        await context.Workers.RunOnAllAsync(worker =>
        {
            foreach (var chain in chains)
            {
                worker.BeginDrain(chain, () => context.Control.Post(static state => ((DrainTask)state!).OneLess(), task));
            }
        });
        if (chains.Count == 0)
        {
            Finish(task);
        }
    }

    /// <summary>Gives up all drains: their connections are closed by whoever stops the server.</summary>
    public void Stop()
    {
        foreach (var task in _tasks.ToArray())
        {
            Finish(task);
        }
    }

    private void Finish(DrainTask task)
    {
        if (!_tasks.Remove(task))
        {
            return;
        }

        task.Cancel();
        (task.WholeListener ? stats.Draining : stats.FilterChainsDraining).Sub(task.WholeListener ? 1 : task.Chains.Count);
        foreach (var chain in task.Chains)
        {
            DisposeOf(chain, task.What);
        }

        task.WhenDone();
    }

    private void DisposeOf(IDisposable thing, string what)
    {
        try
        {
            thing.Dispose();
        }
        catch (Exception exception)
        {
            ListenerLog.DisposeFailed(logger, what, exception);
        }
    }

    private async Task CloseAsync(DrainTask task)
    {
        ListenerLog.DrainTimeOver(logger, task.What);
        await context.Workers.RunOnAllAsync(worker =>
        {
            foreach (var chain in task.Chains)
            {
                worker.CloseConnections(chain);
            }
        });
    }

    private sealed class DrainTask(
        DrainManager manager, string what, IReadOnlyList<FilterChain> chains, bool wholeListener, Action whenDone)
        : LoopTimer(manager.Control)
    {
        public string What { get; } = what;

        public IReadOnlyList<FilterChain> Chains { get; } = chains;

        public bool WholeListener { get; } = wholeListener;

        public Action WhenDone { get; } = whenDone;

        /// <summary>Workers that still have connections, once for each chain.</summary>
        public int Left { get; set; }

        public void OneLess()
        {
            if (--Left == 0)
            {
                manager.Finish(this);
            }
        }

        protected override void OnElapsed() => _ = manager.CloseAsync(this);
    }

    private EventLoop Control => context.Control;
}
