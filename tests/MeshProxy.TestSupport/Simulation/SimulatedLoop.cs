using MeshProxy.Core.Event;

namespace MeshProxy.TestSupport.Simulation;

/// <summary>The real event loop over simulated sockets and virtual time.</summary>
internal sealed class SimulatedLoop
{
    private readonly SimulatedPoller _poller;

    public SimulatedLoop(SimulatedNetwork network, int index)
    {
        Network = network;
        _poller = new SimulatedPoller(network);
        Loop = new EventLoop(new EventLoopOptions
        {
            Index = index,
            Name = $"simulated loop {index}",
            Poller = _poller,
            Sockets = new SimulatedSocketOps(network),
            Clock = network.Clock,
        });
    }

    public SimulatedNetwork Network { get; }

    public EventLoop Loop { get; }

    internal bool HasWork => Loop.HasPendingWork || _poller.HasEvents
        || (Loop.Timers.TryGetNextTick(out var tick) && tick * 1000 <= Network.Clock.NowUs);

    /// <summary>A loop on a network of its own.</summary>
    public static SimulatedLoop Create(SimulatedNetworkOptions? options = null) => new SimulatedNetwork(options).CreateLoop();

    /// <summary>Runs an action as a callback of the loop. An exception of the action reaches the caller.</summary>
    public void Run(Action action)
    {
        Exception? thrown = null;
        Loop.RunCallback(
            _ =>
            {
                try
                {
                    action();
                }
                catch (Exception exception)
                {
                    thrown = exception;
                }
            },
            null);
        if (thrown is not null)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(thrown);
        }
    }

    /// <summary>Runs a function as a callback of the loop.</summary>
    public T Run<T>(Func<T> function)
    {
        T result = default!;
        Run(() =>
        {
            result = function();
        });
        return result;
    }

    public void RunUntilIdle() => Network.RunUntilIdle();

    public void Advance(TimeSpan time) => Network.Advance(time);

    /// <summary>Runs the simulation until a task of the loop has completed, moving the time on where nothing else happens.</summary>
    /// <exception cref="TimeoutException">It has not completed within <paramref name="limit"/> of virtual time (default: 1 hour).</exception>
    public T RunUntilComplete<T>(Task<T> task, TimeSpan? limit = null)
    {
        RunUntilComplete((Task)task, limit);
        return task.GetAwaiter().GetResult();
    }

    /// <inheritdoc cref="RunUntilComplete{T}(Task{T}, TimeSpan?)"/>
    public void RunUntilComplete(Task task, TimeSpan? limit = null)
    {
        RunUntilIdle();
        var endUs = Network.Clock.NowUs + (long)(limit ?? TimeSpan.FromHours(1)).TotalMicroseconds;
        while (!task.IsCompleted)
        {
            if (!Network.AdvanceToNext(endUs))
            {
                throw new TimeoutException("the task does not complete in the simulation");
            }
        }

        task.GetAwaiter().GetResult();
    }
}
