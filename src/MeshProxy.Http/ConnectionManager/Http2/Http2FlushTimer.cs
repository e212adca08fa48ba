using MeshProxy.Core.Event;
using MeshProxy.Http.Codecs.Http2;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>Envoy's <c>stream_flush_timeout</c>, which is its stream_idle_timeout unless set: watches over the rest of a response whose request has ended.</summary>
internal sealed class Http2FlushTimer(Http2ServerStream stream, HttpWorker worker) : LoopTimer(worker.Loop)
{
    private Http2Stream? _codecStream;
    private long _queuedBytes;

    public void Start(Http2Stream codecStream)
    {
        _codecStream = codecStream;
        _queuedBytes = codecStream.QueuedBytes;
        if (worker.Shared.StreamIdleTimeoutMs > 0)
        {
            Arm(worker.Shared.StreamIdleTimeoutMs);
        }
    }

    protected override void OnElapsed()
    {
        if (_codecStream!.QueuedBytes < _queuedBytes)
        {
            Start(_codecStream);
        }
        else
        {
            stream.GiveUpFlush();
        }
    }
}
