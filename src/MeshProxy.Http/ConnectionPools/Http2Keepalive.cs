using MeshProxy.Core.Event;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>Finds a dead peer by PING (Envoy: <c>connection_keepalive</c>): one every interval, and one beside a stream that begins after a long silence.</summary>
/// <remarks>Worker thread only. Any bytes from the peer say as much as its answer, and the answer comes in order: what counts is whether it comes in time.</remarks>
internal sealed class Http2Keepalive : LoopTimer
{
    private readonly Http2Codec _codec;
    private readonly Action _onTimeout;
    private readonly long _intervalMs;
    private readonly long _timeoutMs;
    private readonly long _idleMs;
    private readonly double _jitter;
    private long _lastReceivedMs;
    private ulong _payload;
    private bool _awaitsAck;

    public Http2Keepalive(EventLoop loop, KeepaliveSettings settings, Http2Codec codec, Action onTimeout)
        : base(loop)
    {
        _codec = codec;
        _onTimeout = onTimeout;
        _intervalMs = (long)settings.Interval.TotalMilliseconds;
        _timeoutMs = (long)settings.Timeout.TotalMilliseconds;
        _idleMs = (long)settings.ConnectionIdleInterval.TotalMilliseconds;
        _jitter = settings.IntervalJitter / 100;
        _lastReceivedMs = loop.NowMs;
    }

    public void Start()
    {
        if (_intervalMs > 0)
        {
            ArmInterval();
        }
    }

    /// <summary>Something has arrived.</summary>
    public void OnReceived() => _lastReceivedMs = Loop.NowMs;

    /// <summary>A stream begins: asks first whether anybody is there, if nothing was heard for long.</summary>
    public void OnStreamBegin()
    {
        if (_idleMs > 0 && !_awaitsAck && Loop.NowMs - _lastReceivedMs >= _idleMs)
        {
            SendPing();
        }
    }

    public void OnAck(ulong payload)
    {
        if (!_awaitsAck || payload != _payload)
        {
            return;
        }

        _awaitsAck = false;
        Cancel();
        Start();
    }

    protected override void OnElapsed()
    {
        if (_awaitsAck)
        {
            _onTimeout();
        }
        else
        {
            SendPing();
        }
    }

    private void SendPing()
    {
        _awaitsAck = true;
        _codec.SendPing(++_payload);
        Arm(_timeoutMs);
    }

    // Connections that were made together would else ask together for ever.
    private void ArmInterval() => Arm(_intervalMs + (long)(Random.Shared.NextDouble() * _jitter * _intervalMs));
}
