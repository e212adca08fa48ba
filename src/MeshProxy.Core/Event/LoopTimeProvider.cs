namespace MeshProxy.Core.Event;

/// <summary>A loop's time for code that takes a <see cref="TimeProvider"/> (Polly): timers fire on the loop's thread.</summary>
/// <remarks>Timers may be created, changed and disposed of from any thread; from a foreign one the change arrives as a message.</remarks>
public sealed class LoopTimeProvider : TimeProvider
{
    private readonly EventLoop _loop;

    public LoopTimeProvider(EventLoop loop)
    {
        ArgumentNullException.ThrowIfNull(loop);
        _loop = loop;
    }

    /// <value>Microseconds.</value>
    public override long TimestampFrequency => 1_000_000;

    public override long GetTimestamp() => _loop.Clock.NowUs;

    public override DateTimeOffset GetUtcNow() => _loop.Clock.UtcNow;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        var timer = new ProvidedTimer(_loop, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    private sealed class ProvidedTimer(EventLoop loop, TimerCallback callback, object? state) : LoopTimer(loop), ITimer
    {
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private long _periodMs = -1;
        private volatile bool _disposed;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            var dueMs = ToMilliseconds(dueTime, nameof(dueTime));
            var periodMs = ToMilliseconds(period, nameof(period));
            if (_disposed)
            {
                return false;
            }

            if (Loop.IsCurrent)
            {
                Apply(dueMs, periodMs);
                return true;
            }

            return Loop.Post(
                static message =>
                {
                    var (timer, due, every) = ((ProvidedTimer, long, long))message!;
                    timer.Apply(due, every);
                },
                (this, dueMs, periodMs));
        }

        public void Dispose()
        {
            if (_disposed)
            {
                return;
            }

            _disposed = true;
            if (Loop.IsCurrent)
            {
                Cancel();
            }
            else
            {
                Loop.Post(static timer => ((ProvidedTimer)timer!).Cancel(), this);
            }
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        protected override void OnElapsed()
        {
            if (_disposed)
            {
                return;
            }

            if (_periodMs > 0)
            {
                Arm(_periodMs);
            }

            if (_context is null)
            {
                callback(state);
            }
            else
            {
                ExecutionContext.Run(_context, static timer => ((ProvidedTimer)timer!).Invoke(), this);
            }
        }

        private static long ToMilliseconds(TimeSpan time, string name)
        {
            if (time == Timeout.InfiniteTimeSpan)
            {
                return -1;
            }

            ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero, name);
            return (time.Ticks + TimeSpan.TicksPerMillisecond - 1) / TimeSpan.TicksPerMillisecond;
        }

        private void Invoke() => callback(state);

        private void Apply(long dueMs, long periodMs)
        {
            if (_disposed)
            {
                return;
            }

            _periodMs = periodMs;
            if (dueMs < 0)
            {
                Cancel();
            }
            else
            {
                Arm(dueMs);
            }
        }
    }
}
