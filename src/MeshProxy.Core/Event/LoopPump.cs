using System.Runtime.CompilerServices;

namespace MeshProxy.Core.Event;

/// <summary>
/// The return type of an <c>async</c> method that nobody awaits: one of the long-running loops of a connection or an exchange. It says
/// itself when it is done; its state machine box is reused. An exception that it lets out is counted as a fault of the loop.
/// </summary>
/// <remarks>The same terms as <see cref="LoopTaskMethodBuilder{T}"/>.</remarks>
[AsyncMethodBuilder(typeof(LoopPumpMethodBuilder))]
internal readonly struct LoopPump;

internal struct LoopPumpMethodBuilder
{
    private LoopPumpBox? _box;

    public static LoopPumpMethodBuilder Create() => default;

    public readonly LoopPump Task => default;

    public readonly void Start<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine => stateMachine.MoveNext();

    public readonly void SetStateMachine(IAsyncStateMachine stateMachine)
    {
        // Only for boxes that are made elsewhere; ours are typed.
    }

    public readonly void SetResult() => _box?.Return();

    public readonly void SetException(Exception exception)
    {
        EventLoop.Current?.ReportFault(exception, "pump");
        _box?.Return();
    }

    public void AwaitOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : INotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.OnCompleted(Box(ref stateMachine).MoveNextAction);

    public void AwaitUnsafeOnCompleted<TAwaiter, TStateMachine>(ref TAwaiter awaiter, ref TStateMachine stateMachine)
        where TAwaiter : ICriticalNotifyCompletion
        where TStateMachine : IAsyncStateMachine => awaiter.UnsafeOnCompleted(Box(ref stateMachine).MoveNextAction);

    private LoopPumpBox Box<TStateMachine>(ref TStateMachine stateMachine)
        where TStateMachine : IAsyncStateMachine
    {
        if (_box is { } existing)
        {
            return existing;
        }

        var box = LoopPumpBox<TStateMachine>.Rent();
        _box = box; // before the copy: this builder is a field of the state machine
        box.StateMachine = stateMachine;
        return box;
    }
}

internal abstract class LoopPumpBox
{
    protected LoopPumpBox() => MoveNextAction = MoveNext;

    public Action MoveNextAction { get; }

    public abstract void Return();

    protected abstract void MoveNext();
}

internal sealed class LoopPumpBox<TStateMachine> : LoopPumpBox
    where TStateMachine : IAsyncStateMachine
{
    private const int MaxPooled = 4096;

    [ThreadStatic]
    private static LoopPumpBox<TStateMachine>? t_free;

    [ThreadStatic]
    private static int t_freeCount;

    public TStateMachine StateMachine = default!;

    private LoopPumpBox<TStateMachine>? _next;

    public static LoopPumpBox<TStateMachine> Rent()
    {
        var box = t_free;
        if (box is null)
        {
            return new LoopPumpBox<TStateMachine>();
        }

        t_free = box._next;
        t_freeCount--;
        box._next = null;
        return box;
    }

    public override void Return()
    {
        StateMachine = default!;
        if (t_freeCount < MaxPooled)
        {
            _next = t_free;
            t_free = this;
            t_freeCount++;
        }
    }

    protected override void MoveNext() => StateMachine.MoveNext();
}
