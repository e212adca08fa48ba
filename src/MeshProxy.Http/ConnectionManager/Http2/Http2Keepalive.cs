using MeshProxy.Core.Event;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>Asks by PING, at intervals, whether the client is still there (Envoy: <c>connection_keepalive</c>).</summary>
/// <remarks><c>connection_idle_interval</c> has no meaning here: it is about opening streams.</remarks>
internal sealed class Http2Keepalive(Http2ServerConnection connection, EventLoop loop, KeepaliveSettings settings) : LoopTimer(loop)
{
    private ulong _payload;
    private bool _awaitsAnswer;

    public void Start()
    {
        var intervalMs = settings.Interval.TotalMilliseconds;
        Arm((long)(intervalMs * (1 + (Random.Shared.NextDouble() * settings.IntervalJitter / 100))));
    }

    public void OnAck(ulong payload)
    {
        if (_awaitsAnswer && payload == _payload)
        {
            _awaitsAnswer = false;
            Start();
        }
    }

    protected override void OnElapsed()
    {
        if (_awaitsAnswer)
        {
            connection.OnKeepaliveTimeout();
            return;
        }

        _payload++;
        _awaitsAnswer = true;
        connection.Codec.SendPing(_payload);
        Arm((long)settings.Timeout.TotalMilliseconds);
    }
}
