using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Threading.Tasks.Sources;

namespace MeshProxy.Core.Event;

/// <summary>
/// Builds <c>async ValueTask&lt;T&gt;</c> methods whose state machine box comes from a stack of the present thread, so that a pump that
/// really waits allocates nothing in steady state.
/// </summary>
/// <remarks>
/// Only for methods in which every await is an engine awaitable or a user's filter call: boxes are single-threaded, the
/// ExecutionContext is not captured, and continuations run inline. The stock pooling builder keeps one box a thread, which is not
/// enough for a loop that carries thousands of pumps.
/// </remarks>
internal struct LoopTaskMethodBuilder<T>
{
    private LoopTaskBox<T>? _box;
    private T _result;
    private Exception? _exception;

    public static LoopTaskMethodBuilder<T> Create() => default;

    public readonly ValueTask<T> Task =>
        _box is not null ? new ValueTask<T>(_box, _box.Version)
        : _exception is not null ? ValueTask.FromException<T>(_exception)
        : new ValueTask<T>(_result);

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
        // Only for boxes that are made elsewhere; ours are typed.
    }

    public void SetResult(T result)
    {
        if (_box is null)
        {
            _result = result;
        }
        else
        {
            _box.Complete(result, exception: null);
        }
    }

    public void SetException(Exception exception)
    {
        if (_box is null)
        {
            _exception = exception;
        }
        else
        {
            _box.Complete(default!, exception);
        }
    }

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Box(ref stateMachine).MoveNextAction);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Box(ref stateMachine).MoveNextAction);

    private LoopTaskBox<T> Box<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is { } existing)
        {
            return existing;
        }

        var box = LoopTaskBox<T, TStateMachine>.Rent();
        _box = box; // before the copy: this builder is a field of the state machine
        box.StateMachine = stateMachine;
        return box;
    }
}

/// <summary>The same for <c>async ValueTask</c> methods.</summary>
/// <remarks>The terms of <see cref="LoopTaskMethodBuilder{T}"/>.</remarks>
internal struct LoopTaskMethodBuilder
{
    private LoopTaskBox<bool>? _box;
    private Exception? _exception;

    public static LoopTaskMethodBuilder Create() => default;

    public readonly ValueTask Task =>
        _box is not null ? new ValueTask(_box, _box.Version)
        : _exception is not null ? ValueTask.FromException(_exception)
        : default;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
        // Only for boxes that are made elsewhere; ours are typed.
    }

    public readonly void SetResult() => _box?.Complete(true, exception: null);

    public void SetException(Exception exception)
    {
        if (_box is null)
        {
            _exception = exception;
        }
        else
        {
            _box.Complete(false, exception);
        }
    }

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Box(ref stateMachine).MoveNextAction);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Box(ref stateMachine).MoveNextAction);

    private LoopTaskBox<bool> Box<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is { } existing)
        {
            return existing;
        }

        var box = LoopTaskBox<bool, TStateMachine>.Rent();
        _box = box; // before the copy: this builder is a field of the state machine
        box.StateMachine = stateMachine;
        return box;
    }
}

/// <summary>The part of a box that its awaiter sees.</summary>
internal abstract class LoopTaskBox<T> : IValueTaskSource<T>, IValueTaskSource
{
    private static readonly Action<object?> s_completed = static _ => { };

    private Action<object?>? _continuation;
    private object? _continuationState;
    private T _result = default!;
    private Exception? _exception;

    protected LoopTaskBox() => MoveNextAction = MoveNext;

    public Action MoveNextAction { get; }

    public short Version { get; private set; }

    public void Complete(T result, Exception? exception)
    {
        _result = result;
        _exception = exception;
        var continuation = _continuation;
        _continuation = s_completed;
        continuation?.Invoke(_continuationState);
    }

    public T GetResult(short token)
    {
        CheckToken(token);
        var result = _result;
        var exception = _exception;
        _result = default!;
        _exception = null;
        _continuation = null;
        _continuationState = null;
        Version++;
        Return();
        if (exception is not null)
        {
            ExceptionDispatchInfo.Throw(exception);
        }

        return result;
    }

    void IValueTaskSource.GetResult(short token) => GetResult(token);

    public ValueTaskSourceStatus GetStatus(short token)
    {
        CheckToken(token);
        return !ReferenceEquals(_continuation, s_completed) ? ValueTaskSourceStatus.Pending
            : _exception is null ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Faulted;
    }

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        CheckToken(token);
        if (ReferenceEquals(_continuation, s_completed))
        {
            continuation(state);
            return;
        }

        _continuationState = state;
        _continuation = continuation;
    }

    protected abstract void MoveNext();

    protected abstract void Return();

    private void CheckToken(short token)
    {
        if (token != Version)
        {
            ThrowToken();
        }
    }

    [DoesNotReturn]
    private static void ThrowToken() => throw new InvalidOperationException("This ValueTask was already consumed.");
}

internal sealed class LoopTaskBox<T, TStateMachine> : LoopTaskBox<T>
    where TStateMachine : IAsyncStateMachine
{
    private const int MaxPooled = 4096;

    [ThreadStatic]
    private static LoopTaskBox<T, TStateMachine>? t_free;

    [ThreadStatic]
    private static int t_freeCount;

    public TStateMachine StateMachine = default!;

    private LoopTaskBox<T, TStateMachine>? _next;

    public static LoopTaskBox<T, TStateMachine> Rent()
    {
        var box = t_free;
        if (box is null)
        {
            return new LoopTaskBox<T, TStateMachine>();
        }

        t_free = box._next;
        t_freeCount--;
        box._next = null;
        return box;
    }

    protected override void MoveNext() => StateMachine.MoveNext();

    protected override void Return()
    {
        StateMachine = default!;
        if (t_freeCount < MaxPooled)
        {
            _next = t_free;
            t_free = this;
            t_freeCount++;
        }
    }
}
