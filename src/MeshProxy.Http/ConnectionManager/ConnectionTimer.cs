using MeshProxy.Core.Event;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Idle timeout and maximum duration of a downstream connection. Activity does not move it: it looks when it fires.</summary>
internal sealed class ConnectionTimer(DownstreamConnection connection, HttpWorker worker) : LoopTimer(worker.Loop)
{
    private readonly long _endsAtMs = worker.Shared.MaxConnectionDurationMs > 0
        ? worker.Loop.NowMs + worker.Shared.MaxConnectionDurationMs
        : long.MaxValue;

    private bool _ended;
    private bool _idleEnded;

    private long _firstBytesAtMs = long.MaxValue;

    public static bool IsNeeded(HttpConnectionManager shared) =>
        shared.IdleTimeoutMs > 0 || shared.MaxConnectionDurationMs > 0 || shared.HeadTimeoutMs < long.MaxValue;

    public void Schedule()
    {
        var now = worker.Loop.NowMs;
        var idle = worker.Shared.IdleTimeoutMs;
        var idleAt = idle <= 0 || _idleEnded ? long.MaxValue : connection.IsIdle ? connection.IdleSinceMs + idle : now + idle;
        if (connection.IsUndecided)
        {
            if (_firstBytesAtMs == long.MaxValue)
            {
                _firstBytesAtMs = worker.Shared.HeadTimeoutMs is < long.MaxValue and var limit ? now + limit : long.MaxValue;
            }

            idleAt = Math.Min(idleAt, _firstBytesAtMs);
        }

        var at = Math.Min(idleAt, _ended ? long.MaxValue : _endsAtMs);
        if (at < long.MaxValue)
        {
            Arm(Math.Max(1, at - now));
        }
    }

    protected override void OnElapsed()
    {
        var now = worker.Loop.NowMs;
        var shared = worker.Shared;
        if (now >= _endsAtMs && !_ended)
        {
            _ended = true;
            shared.Stats.MaxDurationReached.Increment();
            connection.Drain();
        }
        else if (connection.IsUndecided && now >= _firstBytesAtMs)
        {
            // No protocol to answer by.
            shared.Stats.HeaderTimeout.Increment();
            connection.Drain();
        }
        else if (connection.IsIdle && !_idleEnded && shared.IdleTimeoutMs > 0 && now >= connection.IdleSinceMs + shared.IdleTimeoutMs)
        {
            _idleEnded = true;
            shared.Stats.IdleTimeout.Increment();
            connection.Drain();
        }

        if (connection.IsOpen)
        {
            Schedule();
        }
    }
}
