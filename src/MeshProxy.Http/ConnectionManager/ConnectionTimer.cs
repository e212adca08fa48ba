using MeshProxy.Core.Event;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Idle timeout and maximum duration of a downstream connection. Activity does not move it: it looks when it fires.</summary>
internal sealed class ConnectionTimer(Http1ServerConnection connection, HttpWorker worker) : LoopTimer(worker.Loop)
{
    private readonly long _endsAtMs = worker.Shared.MaxConnectionDurationMs > 0
        ? worker.Loop.NowMs + worker.Shared.MaxConnectionDurationMs
        : long.MaxValue;

    private bool _ended;

    public void Schedule()
    {
        var now = worker.Loop.NowMs;
        var idle = worker.Shared.IdleTimeoutMs;
        var idleAt = idle <= 0 ? long.MaxValue : connection.IsIdle ? connection.IdleSinceMs + idle : now + idle;
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
            connection.CloseWhenIdle();
        }
        else if (connection.IsIdle && shared.IdleTimeoutMs > 0 && now >= connection.IdleSinceMs + shared.IdleTimeoutMs)
        {
            shared.Stats.IdleTimeout.Increment();
            connection.CloseWhenIdle();
        }

        if (connection.IsOpen)
        {
            Schedule();
        }
    }
}
