using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.ConnectionPools;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Router;

/// <summary>
/// One attempt to have a host answer a request: its place in the circuit breaker, the wait for a place on a connection, the stream there. It
/// counts and measures; what the downstream is told is for the router to say.
/// </summary>
/// <remarks>Worker thread only; reused from attempt to attempt.</remarks>
internal sealed class UpstreamRequest(EventLoop loop)
{
    private readonly PendingRequest _pending = new(loop);
    private WorkerCluster? _cluster;
    private Host? _host;
    private StreamInfo _info = null!;
    private IUpstreamStream? _stream;
    private long _sentUs;
    private bool _counted;
    private bool _requestEnded;
    private bool _responseEnded;

    /// <summary>Whether it waits for a place on a connection.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>Whether a stream carries it at present.</summary>
    public bool HasStream => _stream is not null;

    /// <summary>Whether both messages are complete, and the stream has gone back.</summary>
    public bool IsDone { get; private set; }

    public HeaderTrailers? ResponseTrailers => _stream?.ResponseTrailers;

    /// <summary>Whether a write failed because the request's body is not as long as its head says.</summary>
    public bool IsRequestMalformed => _stream is { IsRequestMalformed: true };

    /// <summary>The code of the peer's RST_STREAM; null if it sent none.</summary>
    public Http2ErrorCode? ResetCode => _stream?.ResetCode;

    private ClusterStats Stats => _cluster!.Info.Stats;

    /// <summary>Counts a new attempt. False: the cluster has too many requests.</summary>
    public bool TryBegin(WorkerCluster cluster, Host host, StreamInfo info)
    {
        _cluster = cluster;
        _host = host;
        _info = info;
        if (!cluster.Info.Resources.Requests.TryAcquire())
        {
            Stats.PendingOverflow.Increment();
            return false;
        }

        _counted = true;
        Stats.RequestsTotal.Increment();
        Stats.RequestsActive.Add(1);
        host.Stats.RequestStarted();
        return true;
    }

    /// <summary>Takes a place on a connection that is there.</summary>
    public bool TryAcquire(ConnectionPool pool)
    {
        _stream = pool.TryAcquire();
        return _stream is not null;
    }

    /// <summary>Begins to wait for a place. False: too many requests wait.</summary>
    public bool TryWait(ConnectionPool pool)
    {
        IsWaiting = pool.TryEnqueue(_pending);
        return IsWaiting;
    }

    /// <summary>
    /// The wait that <see cref="TryWait"/> began. Null: there is a stream. <see cref="Cancel"/> ends it, too: then there is none, and the result does not matter.
    /// </summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<UpstreamResetReason?> WaitAsync(ConnectionPool pool)
    {
        while (true)
        {
            await _pending.Task;
            var stream = _pending.Take();
            if (!IsWaiting)
            {
                stream?.ReturnUnused();
                return UpstreamResetReason.LocalReset;
            }

            if (stream is { IsUsable: true })
            {
                IsWaiting = false;
                _stream = stream;
                return null;
            }

            // Lost between assignment and this moment. A connection that many share may only have stopped to take new streams: not this
            // request's fault, and nothing of it was sent.
            var mayWait = stream is { MayWaitAgain: true };
            var status = stream is { Protocol: StreamProtocol.Http2 } ? IoStatus.ConnectFailed : _pending.Status;
            stream?.ReturnUnused();
            if (!mayWait || !TryWait(pool))
            {
                IsWaiting = false;
                _info.UpstreamTransportFailureReason = _pending.FailureReason;
                return UpstreamFailure.OfConnect(status);
            }
        }
    }

    /// <summary>Sends the head on the stream that was acquired.</summary>
    public ValueTask<IoResult> SendHead(RequestHeaders headers, bool endStream)
    {
        var stream = _stream!;
        var connection = stream.Connection;
        _info.UpstreamLocalAddress = connection.LocalAddress;
        _info.UpstreamRemoteAddress = connection.RemoteAddress;
        _info.UpstreamConnectionId = (ulong)connection.Id;
        _info.UpstreamProtocol = stream.Protocol;
        _info.AttemptCount++;
        _info.Timings.UpstreamFirstTxByteUs = _sentUs = loop.NowUs;
        _requestEnded = endStream;
        return stream.EncodeHeadersAsync(headers, endStream);
    }

    public ValueTask<IoResult> SendData(IoBuffer data, bool endStream)
    {
        _requestEnded |= endStream;
        return _stream!.EncodeDataAsync(data, endStream);
    }

    public ValueTask<IoResult> SendTrailers(HeaderTrailers trailers)
    {
        _requestEnded = true;
        return _stream!.EncodeTrailersAsync(trailers);
    }

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into) =>
        _stream is { } stream ? stream.ReadHeadersAsync(into) : new ValueTask<ReadStatus>(ReadStatus.Aborted);

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into) =>
        _stream is { } stream ? stream.ReadBodyAsync(into) : new ValueTask<ReadStatus>(ReadStatus.Aborted);

    /// <summary>The response's head is here: counts it. Returns how long it took, in milliseconds.</summary>
    public long OnResponseHeaders(int status)
    {
        var now = loop.NowUs;
        _info.Timings.UpstreamFirstRxByteUs = now;
        Stats.Responses.Record(status);
        var elapsedMs = (now - _sentUs) / 1000;
        Stats.RequestTimeMs.Record(elapsedMs);
        return elapsedMs;
    }

    /// <summary>The response has come to its end: gives the stream back if the request has, too.</summary>
    public void OnResponseEnd()
    {
        _responseEnded = true;
        Uncount();
        TryRelease();
    }

    /// <summary>The exchange was lost: counts it and gives the stream up. Says why, and the protocol's own words for it if it has some.</summary>
    public (UpstreamResetReason Reason, string Details) OnLost(ReadStatus status)
    {
        var reason = UpstreamResetReason.ProtocolError;
        var details = _stream?.ProtocolErrorDetails ?? "";
        if (status != ReadStatus.ProtocolError)
        {
            reason = _stream?.ResetReason ?? UpstreamResetReason.ConnectionTermination;
            (reason == UpstreamResetReason.LocalReset ? Stats.ResetByUs : Stats.ResetByPeer).Increment();
        }

        ResetStream();
        Uncount();
        return (reason, details);
    }

    /// <summary>The wait for a place has failed.</summary>
    public void OnNoStream() => Uncount();

    /// <summary>The attempt is given up.</summary>
    public void Cancel()
    {
        if (IsWaiting)
        {
            IsWaiting = false;
            Stats.RequestCancelled.Increment();
            _pending.Cancel();
        }

        if (_stream is not null)
        {
            Stats.ResetByUs.Increment();
            ResetStream();
        }

        Uncount();
    }

    /// <summary>The router's stream is over.</summary>
    public void End()
    {
        TryRelease();

        // An exchange that ended before its request did: an HTTP/1 connection cannot be used again.
        ResetStream();
        Uncount();
    }

    public void Clear()
    {
        _cluster = null;
        _host = null;
        _requestEnded = false;
        _responseEnded = false;
        IsDone = false;
    }

    private void TryRelease()
    {
        if (_stream is { } stream && _responseEnded && _requestEnded)
        {
            _stream = null;
            IsDone = true;
            AddBytes(stream);
            stream.Release();
        }
    }

    private void ResetStream()
    {
        if (_stream is { } stream)
        {
            _stream = null;
            AddBytes(stream);
            stream.Reset();
        }
    }

    private void Uncount()
    {
        if (_counted)
        {
            _counted = false;
            _cluster!.Info.Resources.Requests.Release();
            Stats.RequestsActive.Add(-1);
            _host!.Stats.RequestEnded();
        }
    }

    private void AddBytes(IUpstreamStream stream)
    {
        ref var total = ref _info.UpstreamBytes;
        ref readonly var bytes = ref stream.Bytes;
        total.HeaderBytesReceived += bytes.HeaderBytesReceived;
        total.HeaderBytesSent += bytes.HeaderBytesSent;
        total.WireBytesReceived += bytes.WireBytesReceived;
        total.WireBytesSent += bytes.WireBytesSent;
    }
}
