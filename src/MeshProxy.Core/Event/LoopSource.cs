using System.Diagnostics;
using System.Threading.Tasks.Sources;

namespace MeshProxy.Core.Event;

/// <summary>
/// A reusable single-threaded awaitable: one waiter at a time, completed by whoever owns it.
/// </summary>
/// <remarks>
/// <see cref="CompleteInline"/> is for completions that the poller delivers. Engine code that causes one (a close, a timer, a pool
/// hand-over) uses <see cref="CompleteQueued"/>, which resumes the waiter from the ready queue, so that nothing re-enters a pump
/// that is on the stack.
/// </remarks>
internal sealed class LoopSource<T> : IValueTaskSource<T>, IValueTaskSource, ILoopItem
{
    private static readonly Action<object?> s_noWaiter = static _ => { };

    private readonly EventLoop _loop;
    private Action<object?>? _continuation;
    private object? _state;
    private T _result = default!;
    private bool _completed;
    private bool _queued;
    private short _version;

    public LoopSource(EventLoop loop) => _loop = loop;

    /// <summary>Whether somebody was handed a task that has not been completed.</summary>
    public bool IsPending { get; private set; }

    /// <summary>Whether nobody waits and no completion is on its way: its owner may serve another.</summary>
    public bool IsIdle => !IsPending && !_queued;

    /// <summary>Starts a wait.</summary>
    public ValueTask<T> WaitAsync()
    {
        Begin();
        return new ValueTask<T>(this, _version);
    }

    /// <summary>Starts a wait whose result does not matter.</summary>
    public ValueTask WaitForEndAsync()
    {
        Begin();
        return new ValueTask(this, _version);
    }

    private void Begin()
    {
        Debug.Assert(!IsPending && !_queued, "one wait at a time");
        IsPending = true;
        _completed = false;
        _continuation = null;
    }

    public void CompleteInline(T result)
    {
        Debug.Assert(IsPending);
        _result = result;
        IsPending = false;
        _completed = true;
        Resume();
    }

    /// <summary>Completes the wait, if there is one; the waiter runs from the ready queue.</summary>
    public void CompleteQueued(T result)
    {
        if (!IsPending)
        {
            return;
        }

        _result = result;
        IsPending = false;
        _queued = true;
        _loop.Enqueue(this);
    }

    void ILoopItem.Run()
    {
        _queued = false;
        _completed = true;
        Resume();
    }

    T IValueTaskSource<T>.GetResult(short token)
    {
        Debug.Assert(token == _version && _completed);
        var result = _result;
        _result = default!;
        _version++;
        _completed = false;
        return result;
    }

    void IValueTaskSource.GetResult(short token) => ((IValueTaskSource<T>)this).GetResult(token);

    ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => ((IValueTaskSource<T>)this).GetStatus(token);

    void IValueTaskSource.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        ((IValueTaskSource<T>)this).OnCompleted(continuation, state, token, flags);

    ValueTaskSourceStatus IValueTaskSource<T>.GetStatus(short token) =>
        _completed ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    void IValueTaskSource<T>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        Debug.Assert(_continuation is null, "one waiter at a time");
        if (_completed)
        {
            continuation(state);
            return;
        }

        _state = state;
        _continuation = continuation;
    }

    private void Resume()
    {
        var continuation = _continuation ?? s_noWaiter;
        var state = _state;
        _continuation = null;
        _state = null;
        continuation(state);
    }
}
