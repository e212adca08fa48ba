using MeshProxy.Core.Streams;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>
/// Whether a client opens streams only to have them end again: work for us and none for it. Envoy's rule and numbers
/// (<c>overload.premature_reset_total_stream_count</c>, <c>overload.premature_reset_min_stream_lifetime_seconds</c>).
/// </summary>
internal struct PrematureResets
{
    private const int TotalStreams = 500;
    private const long MinLifetimeUs = 1_000_000;

    private int _ended;
    private int _premature;

    /// <summary>Over half of the streams were such, or will have been whatever follows.</summary>
    public readonly bool AreTooMany => _premature * 2L >= Math.Max(TotalStreams, _ended);

    public void OnRequestEnd(StreamInfo info, long nowUs)
    {
        _ended++;
        if (info.ResponseCode == 0 && nowUs - info.StartUs <= MinLifetimeUs)
        {
            _premature++;
        }
    }
}
