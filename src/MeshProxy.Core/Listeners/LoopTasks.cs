using MeshProxy.Core.Event;

namespace MeshProxy.Core.Listeners;

/// <summary>How the control side talks to loops: runs something there and waits for it with a task.</summary>
internal static class LoopTasks
{
    /// <summary>Runs a function on a loop. Fails with <see cref="ObjectDisposedException"/> if the loop has stopped.</summary>
    public static Task<T> RunAsync<T>(this EventLoop loop, Func<T> function)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        var accepted = loop.Post(
            _ =>
            {
                try
                {
                    completion.SetResult(function());
                }
                catch (Exception exception)
                {
                    completion.SetException(exception);
                }
            },
            null);
        if (!accepted)
        {
            completion.SetException(new ObjectDisposedException(loop.Name));
        }

        return completion.Task;
    }

    public static Task RunAsync(this EventLoop loop, Action action) => loop.RunAsync(() =>
    {
        action();
        return true;
    });

    /// <summary>Runs an asynchronous function that begins on a loop, and comes back to it after each of its awaits.</summary>
    public static async Task<T> RunTaskAsync<T>(this EventLoop loop, Func<Task<T>> function) =>
        await (await loop.RunAsync(function).ConfigureAwait(false)).ConfigureAwait(false);

    /// <summary>Runs an action on every worker at the same time; completes when all have run it.</summary>
    public static Task RunOnAllAsync(this IReadOnlyList<ConnectionHandler> workers, Action<ConnectionHandler> action) =>
        Task.WhenAll(workers.Select(worker => worker.Loop.RunAsync(() => action(worker))));
}
