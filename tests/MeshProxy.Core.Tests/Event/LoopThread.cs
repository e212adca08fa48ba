using System.Collections.Concurrent;
using MeshProxy.Core.Event;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Event;

/// <summary>A real loop on its own thread, stopped at the test's end.</summary>
internal sealed class LoopThread : IAsyncDisposable
{
    public LoopThread(EventLoopKind kind)
    {
        Loop = EventLoopFactory.Create(kind, 0, "test loop");
        Loop.Start();
    }

    public EventLoop Loop { get; }

    /// <summary>Runs a function on the loop and brings its result back.</summary>
    public Task<T> RunAsync<T>(Func<T> function)
    {
        var completion = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Loop.Post(_ =>
        {
            try
            {
                completion.SetResult(function());
            }
            catch (Exception exception)
            {
                completion.SetException(exception);
            }
        }, null).ShouldBeTrue();
        return completion.Task.WaitAsync(Waiting.Patience);
    }

    public Task RunAsync(Action action) => RunAsync(() =>
    {
        action();
        return true;
    });

    public async ValueTask DisposeAsync() => await Loop.StopAsync().WaitAsync(Waiting.Patience);
}

/// <summary>Records what a socket's handler gets, and acts on it.</summary>
internal sealed class RecordingHandler : ISocketHandler
{
    public BlockingCollection<Readiness> Events { get; } = [];

    public Action<Readiness>? Action { get; set; }

    /// <summary>Waits for an event that says one of these. An edge may be told twice: what comes before is passed over.</summary>
    public Readiness WaitFor(Readiness any)
    {
        while (Events.TryTake(out var readiness, Waiting.Patience))
        {
            if ((readiness & any) != 0)
            {
                return readiness;
            }
        }

        throw new TimeoutException($"no event says {any}");
    }

    public void OnReady(Readiness readiness)
    {
        Action?.Invoke(readiness);
        Events.Add(readiness);
    }
}
