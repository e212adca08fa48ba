using MeshProxy.Core.Stats;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Counts what a peer makes us do, and says when it is too much. Each method returns an error that is set if so.</summary>
internal sealed class Http2FloodGuard(Http2ProtocolOptions options, Http2Stats stats)
{
    private const int MaxExtensionFramesPerStream = 100;
    private const int SpareWindowUpdates = 5;
    private const long MsPerSecond = 1000;

    private long _priorityFrames;
    private long _windowUpdates;
    private long _extensionFrames;
    private long _dataFramesSent;
    private int _emptyInARow;
    private Outbound _waiting;
    private Outbound _older;
    private Outbound _newer;
    private int _resets;
    private long _forgivenAtMs;

    /// <summary>Streams opened on this connection, so far.</summary>
    public long StreamsOpened { get; set; }

    public void OnDataSent() => _dataFramesSent++;

    /// <summary>A HEADERS, CONTINUATION or DATA frame has come.</summary>
    public Http2Error OnPayload(int bytes, bool endStream)
    {
        if (bytes > 0 || endStream)
        {
            _emptyInARow = 0;
            return default;
        }

        return ++_emptyInARow > options.MaxConsecutiveInboundFramesWithEmptyPayload
            ? Flood(stats.InboundEmptyFramesFlood, Http2ResponseCodeDetails.InboundEmptyFrameFlood, "too many empty frames in a row")
            : default;
    }

    public Http2Error OnPriority() => ++_priorityFrames > options.MaxInboundPriorityFramesPerStream * (1 + StreamsOpened)
        ? Flood(stats.InboundPriorityFramesFlood, Http2ResponseCodeDetails.Flood, "too many PRIORITY frames")
        : default;

    public Http2Error OnWindowUpdate() =>
        ++_windowUpdates > SpareWindowUpdates + (2 * (StreamsOpened + (options.MaxInboundWindowUpdateFramesPerDataFrameSent * _dataFramesSent)))
            ? Flood(stats.InboundWindowUpdateFramesFlood, Http2ResponseCodeDetails.Flood, "too many WINDOW_UPDATE frames")
            : default;

    public Http2Error OnExtension() => ++_extensionFrames > MaxExtensionFramesPerStream * (1 + StreamsOpened)
        ? Flood(stats.InboundExtensionFramesFlood, Http2ResponseCodeDetails.Flood, "too many frames of unknown types")
        : default;

    public Http2Error OnContinuation(int frames, long blockBytes, int maxBlockBytes) => frames > options.MaxContinuationFrames || blockBytes > maxBlockBytes
        ? Flood(stats.InboundContinuationFlood, Http2ResponseCodeDetails.Flood, "a header block of too many frames or bytes")
        : default;

    public Http2Error OnExpansion() => Flood(stats.HeaderExpansionFlood, Http2ResponseCodeDetails.HeadersTooLarge, "a header block unpacks to far more than the limit");

    /// <summary>The peer has reset a stream, or has sent what made us reset it: a burst is taken, then so many in a second.</summary>
    public Http2Error OnReset(long nowMs)
    {
        if (_resets == 0)
        {
            _forgivenAtMs = nowMs;
        }

        var seconds = (nowMs - _forgivenAtMs) / MsPerSecond;
        if (seconds > 0)
        {
            _resets = (int)Math.Max(0, _resets - Math.Min(seconds * options.MaxInboundResetsPerSecond, int.MaxValue));
            _forgivenAtMs += seconds * MsPerSecond;
        }

        return ++_resets > options.MaxInboundResetBurst
            ? Flood(stats.InboundResetFlood, Http2ResponseCodeDetails.Flood, "streams are reset too fast")
            : default;
    }

    /// <summary>What waited is on the connection, which may hold it for long. Two batches are told apart there: a peer that reads all the time, but
    /// never all, is no flood.</summary>
    /// <param name="writtenBytes">The end of it on the connection.</param>
    /// <param name="sentBytes">How much of the connection's bytes has left.</param>
    public void OnOutputTaken(long writtenBytes, long sentBytes)
    {
        Forget(sentBytes);
        if (_older.Frames == 0)
        {
            _older = _waiting with { End = writtenBytes };
        }
        else if (_waiting.Frames > 0)
        {
            _newer = new Outbound(_newer.Frames + _waiting.Frames, _newer.ControlFrames + _waiting.ControlFrames, writtenBytes);
        }

        _waiting = default;
        Forget(sentBytes);
    }

    /// <summary>A frame of ours waits to be sent.</summary>
    /// <param name="control">Whether the peer can make us send as many of them as it likes: acknowledgements, RST_STREAM, WINDOW_UPDATE.</param>
    public Http2Error OnOutbound(bool control)
    {
        _waiting = new Outbound(_waiting.Frames + 1, _waiting.ControlFrames + (control ? 1 : 0), 0);
        if (control && _older.ControlFrames + _newer.ControlFrames + _waiting.ControlFrames > options.MaxOutboundControlFrames)
        {
            return Flood(stats.OutboundControlFlood, Http2ResponseCodeDetails.Flood, "too many control frames wait for a peer that does not read");
        }

        return _older.Frames + _newer.Frames + _waiting.Frames > options.MaxOutboundFrames
            ? Flood(stats.OutboundFlood, Http2ResponseCodeDetails.Flood, "too many frames wait for a peer that does not read")
            : default;
    }

    private void Forget(long sentBytes)
    {
        if (_older.End <= sentBytes)
        {
            _older = _newer.End <= sentBytes ? default : _newer;
            _newer = default;
        }
    }

    private static Http2Error Flood(Counter counter, string details, string reason)
    {
        counter.Increment();
        return new Http2Error(Http2ErrorCode.EnhanceYourCalm, details, reason);
    }

    /// <summary>Frames of ours, and where they end among the connection's bytes.</summary>
    private readonly record struct Outbound(int Frames, int ControlFrames, long End);
}
