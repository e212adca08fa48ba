namespace MeshProxy.Core.Event;

/// <summary>A one-shot timer on a loop's timing wheel (1 ms ticks). Embed it, arm it, cancel it: no allocation after construction.</summary>
/// <remarks>
/// Loop thread only. Derive and override <see cref="OnElapsed"/>, or pass a callback. It never fires early, and at most 1 ms late
/// plus what the loop's turn takes. Arming and cancelling any timer from a timer's callback is fine.
/// </remarks>
public class LoopTimer
{
    private const long MaxDelayMs = 1L << 50;

    private readonly Action<object?>? _callback;
    private readonly object? _state;

    /// <param name="loop">The loop on whose thread the timer lives.</param>
    /// <param name="callback">A static lambda, with its state.</param>
    /// <param name="state">What the callback gets.</param>
    public LoopTimer(EventLoop loop, Action<object?>? callback = null, object? state = null)
    {
        ArgumentNullException.ThrowIfNull(loop);
        Loop = loop;
        _callback = callback;
        _state = state;
    }

    public bool IsArmed => Slot >= 0;

    internal EventLoop Loop { get; }

    // The wheel's links: the head's Previous is the list's tail.
    internal LoopTimer? Next;
    internal LoopTimer? Previous;
    internal long Tick;
    internal int Slot = -1;

    /// <summary>Fires once after this many milliseconds, counted from the turn's clock; arming an armed timer moves it.</summary>
    /// <param name="delayMs">0 or less fires in the loop's next timers phase.</param>
    /// <exception cref="InvalidOperationException">The caller is not on the loop's thread.</exception>
    public void Arm(long delayMs)
    {
        Loop.ThrowIfNotCurrent();
        if (delayMs <= 0)
        {
            Loop.Timers.ArmImmediate(this);
        }
        else
        {
            // Rounded up to a whole tick, so that a timer armed late in a millisecond does not fire early.
            Loop.Timers.Arm(this, ((Loop.NowUs + 999) / 1000) + Math.Min(delayMs, MaxDelayMs));
        }
    }

    /// <summary>Sees to it that the timer does not fire, also in the timers phase under way. Does nothing if it is not armed.</summary>
    /// <exception cref="InvalidOperationException">The caller is not on the loop's thread.</exception>
    public void Cancel()
    {
        if (Slot >= 0)
        {
            Loop.ThrowIfNotCurrent();
            Loop.Timers.Remove(this);
        }
    }

    internal void Fire() => OnElapsed();

    /// <summary>The time has come. The timer is not armed any more, and may be armed again from here.</summary>
    protected virtual void OnElapsed() => _callback?.Invoke(_state);
}
