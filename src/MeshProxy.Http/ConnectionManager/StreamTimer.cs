using MeshProxy.Core.Event;
using MeshProxy.Core.Streams;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// A stream's deadlines on one timer: head, whole request, idle, route and the stream's whole life. Activity only moves a field; the
/// timer looks at the fields when it fires.
/// </summary>
internal sealed class StreamTimer(ActiveStream stream, HttpWorker worker) : LoopTimer(worker.Loop)
{
    private const long Never = long.MaxValue;

    private long _armedFor;
    private long _headAt = Never;
    private long _requestAt = Never;
    private long _routeAt = Never;
    private long _endAt = Never;
    private long _lastActivity;
    private long _idleMs;

    /// <summary>The first byte of a head has come.</summary>
    public void StartHead()
    {
        var limit = worker.Shared.RequestHeadersTimeoutMs;
        if (limit > 0)
        {
            _headAt = worker.Loop.NowMs + limit;
            ArmFor(_headAt);
        }
    }

    /// <summary>The head is whole.</summary>
    public void Start(bool endStream)
    {
        var shared = worker.Shared;
        var now = worker.Loop.NowMs;
        _headAt = Never;
        _requestAt = !endStream && shared.RequestTimeoutMs > 0 ? now + shared.RequestTimeoutMs : Never;
        _endAt = shared.MaxStreamDurationMs > 0 ? now + shared.MaxStreamDurationMs : Never;
        _routeAt = Never;
        _lastActivity = now;
        _idleMs = shared.StreamIdleTimeoutMs;
        _armedFor = Never;
        Rearm();
    }

    public void Touch() => _lastActivity = worker.Loop.NowMs;

    public void OnRequestEnd() => _requestAt = Never;

    /// <summary>The route's own idle timeout takes the place of the connection manager's.</summary>
    public void SetIdleTimeout(long idleMs)
    {
        _idleMs = idleMs;
        Rearm();
    }

    public void SetRouteTimeout(long timeoutMs)
    {
        _routeAt = timeoutMs > 0 ? worker.Loop.NowMs + timeoutMs : Never;
        Rearm();
    }

    public void Stop()
    {
        Cancel();
        _armedFor = Never;
        _headAt = Never;
    }

    protected override void OnElapsed()
    {
        _armedFor = Never;
        var now = worker.Loop.NowMs;
        var stats = worker.Shared.Stats;
        if (now >= _headAt)
        {
            stats.HeaderTimeout.Increment();
            _headAt = Never;
            stream.OnHeadTimeout();
        }
        else if (now >= _endAt)
        {
            stats.MaxDurationRequest.Increment();
            _endAt = Never;
            Expire(stream.ResponseStarted ? 0 : 408, "max duration timeout", ResponseFlags.DurationTimeout, ResponseCodeDetails.MaxDurationTimeout);
        }
        else if (now >= _routeAt)
        {
            _routeAt = Never;
            stream.OnRouteTimeout();
        }
        else if (now >= _requestAt)
        {
            stats.RequestTimeout.Increment();
            _requestAt = Never;
            Expire(408, "request timeout", ResponseFlags.None, ResponseCodeDetails.RequestOverallTimeout);
        }
        else if (_idleMs > 0 && now >= _lastActivity + _idleMs)
        {
            stats.RequestIdleTimeout.Increment();
            _idleMs = 0;
            Expire(stream.RequestEnded ? 504 : 408, "stream timeout", ResponseFlags.StreamIdleTimeout, ResponseCodeDetails.StreamIdleTimeout);
        }

        if (stream.IsLive)
        {
            Rearm();
        }
    }

    private void Expire(int status, string body, ResponseFlags flag, string details)
    {
        stream.StreamInfo.AddResponseFlag(flag);
        stream.SendLocalReply(status, body, details);
    }

    private void Rearm()
    {
        var at = Math.Min(Math.Min(_requestAt, _routeAt), _endAt);
        if (_idleMs > 0)
        {
            at = Math.Min(at, _lastActivity + _idleMs);
        }

        ArmFor(at);
    }

    private void ArmFor(long at)
    {
        // A timer that fires early only looks at the fields and goes on, so a later deadline needs no move.
        if (at < _armedFor)
        {
            _armedFor = at;
            Arm(at - worker.Loop.NowMs);
        }
    }
}
