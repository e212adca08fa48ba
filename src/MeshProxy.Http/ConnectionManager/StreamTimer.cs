using MeshProxy.Core.Event;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Grpc;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// A stream's deadlines on one timer: head, whole request, idle, route and the stream's whole life. Activity only moves a field; the
/// timer looks at the fields when it fires.
/// </summary>
internal sealed class StreamTimer(ActiveStream stream, HttpWorker worker) : LoopTimer(worker.Loop)
{
    private const long Never = long.MaxValue;

    private long _armedFor = Never;
    private long _headAt = Never;
    private long _headIdleAt = Never;
    private long _requestAt = Never;
    private long _routeAt = Never;
    private long _endAt = Never;
    private long _startedAt;
    private long _lastActivity;
    private long _idleMs;

    /// <summary>Whether the stream's whole life is limited.</summary>
    public bool HasMaxDuration => _endAt != Never;

    /// <summary>A part of a head has come. More of it does not move the deadlines.</summary>
    public void StartHead()
    {
        if (_armedFor != Never)
        {
            return;
        }

        var now = worker.Loop.NowMs;
        var shared = worker.Shared;
        _headAt = shared.RequestHeadersTimeoutMs > 0 ? now + shared.RequestHeadersTimeoutMs : Never;
        _headIdleAt = shared.StreamIdleTimeoutMs > 0 ? now + shared.StreamIdleTimeoutMs : Never;
        ArmFor(Math.Min(_headAt, _headIdleAt));
    }

    /// <summary>The head is whole.</summary>
    public void Start(bool endStream)
    {
        var shared = worker.Shared;
        var now = worker.Loop.NowMs;
        _headAt = _headIdleAt = Never;
        _requestAt = !endStream && shared.RequestTimeoutMs > 0 ? now + shared.RequestTimeoutMs : Never;
        _endAt = shared.MaxStreamDurationMs > 0 ? now + shared.MaxStreamDurationMs : Never;
        _routeAt = Never;
        _startedAt = now;
        _lastActivity = now;
        _idleMs = shared.StreamIdleTimeoutMs;
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

    /// <summary>Limits the stream's whole life, from its beginning on; null takes the limit off.</summary>
    public void SetMaxDuration(long? milliseconds)
    {
        _endAt = milliseconds is { } limit ? _startedAt + limit : Never;
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
        _headAt = _headIdleAt = Never;
    }

    protected override void OnElapsed()
    {
        _armedFor = Never;
        var now = worker.Loop.NowMs;
        var stats = worker.Shared.Stats;
        if (now >= _headAt)
        {
            stats.HeaderTimeout.Increment();
            stream.OnHeadTimeout(ResponseCodeDetails.RequestHeaderTimeout);
        }
        else if (now >= _headIdleAt)
        {
            stats.RequestIdleTimeout.Increment();
            stream.OnHeadTimeout(ResponseCodeDetails.StreamIdleTimeout);
        }
        else if (now >= _endAt)
        {
            stats.MaxDurationRequest.Increment();
            _endAt = Never;
            Expire("downstream duration timeout", ResponseFlags.DurationTimeout, ResponseCodeDetails.MaxDurationTimeout, GrpcStatusCode.DeadlineExceeded);
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
            Expire("request timeout", ResponseFlags.None, ResponseCodeDetails.RequestOverallTimeout);
        }
        else if (_idleMs > 0 && now >= _lastActivity + _idleMs)
        {
            stats.RequestIdleTimeout.Increment();
            _idleMs = 0;
            Expire("stream timeout", ResponseFlags.StreamIdleTimeout, ResponseCodeDetails.StreamIdleTimeout);
        }

        if (stream.IsLive)
        {
            Rearm();
        }
    }

    /// <summary>408 to a request that is not complete, 504 after that, as Envoy does; a reset if the response has begun.</summary>
    private void Expire(string body, ResponseFlags flag, string details, GrpcStatusCode? grpcStatus = null)
    {
        stream.StreamInfo.AddResponseFlag(flag);
        if (stream.ResponseStarted)
        {
            stream.StreamInfo.ResponseCodeDetails = details;
            stream.ResetStream();
        }
        else
        {
            stream.SendLocalReply(stream.RequestEnded ? 504 : 408, body, details, grpcStatus);
        }
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
