using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.ConnectionPools;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.Router;

/// <summary>
/// The router (envoy.filters.http.router): the terminal HTTP filter. Selects the route's cluster and a host of it, gets a pooled
/// connection, forwards the request and is the source of the response.
/// </summary>
/// <remarks>Runs on the stream's worker; reused from stream to stream.</remarks>
internal sealed class RouterFilter(RouterStats stats, WorkerClusters clusters, EventLoop loop)
    : IStreamDecoderFilter, IResponseSource, IRouterTimeout, IReusableFilter
{
    private const string ResetBody = "upstream connect error or disconnect/reset before headers. reset reason: ";

    private readonly PendingRequest _pending = new(loop);
    private IRouterCallbacks _callbacks = null!;
    private RouteEntry? _route;
    private WorkerCluster? _cluster;
    private Host? _host;
    private Http1ClientConnection? _upstream;
    private long _sentUs;
    private bool _counted;
    private bool _waiting;
    private bool _requestEnded;
    private bool _responseEnded;
    private bool _responseDone;
    private bool _isTunnel;

    public HeaderTrailers? ResponseTrailers => _upstream?.ResponseTrailers;

    public void Initialize(IHttpFilterCallbacks callbacks) => _callbacks = (IRouterCallbacks)callbacks;

    public ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        if (!CheckRequest(headers) || !SelectHost() || !Count())
        {
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        _requestEnded = endStream;
        FinalizeHeaders(headers);
        var pool = HttpConnectionPool.For(_cluster!, _host!);
        if (pool.TryAcquire() is { } connection)
        {
            return SendHead(connection, headers, endStream);
        }

        return WaitForConnectionAsync(pool, headers, endStream);
    }

    public ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream)
    {
        if (_upstream is not { } upstream || _responseDone)
        {
            data.Clear();
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        var write = upstream.EncodeDataAsync(data, endStream);
        if (endStream)
        {
            OnRequestEnd();
        }

        return write.IsCompletedSuccessfully ? new ValueTask<FilterStatus>(AfterWrite(write.Result)) : AwaitWrite(write);
    }

    public ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers)
    {
        if (_upstream is not { } upstream || _responseDone)
        {
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        var write = upstream.EncodeTrailersAsync(trailers);
        OnRequestEnd();
        return write.IsCompletedSuccessfully ? new ValueTask<FilterStatus>(AfterWrite(write.Result)) : AwaitWrite(write);
    }

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into) =>
        _upstream is { } upstream ? upstream.ReadHeadersAsync(into) : new ValueTask<ReadStatus>(ReadStatus.Aborted);

    public ResponseAction OnHeaders(ReadStatus status, ResponseHeaders headers)
    {
        if (status is ReadStatus.More or ReadStatus.End)
        {
            if (headers.Status is >= 100 and < 200 and not 101)
            {
                return ResponseAction.ForwardInformational;
            }

            OnResponseHeaders(headers);
            return ResponseAction.Forward;
        }

        OnUpstreamFailure(status);
        return ResponseAction.Stop;
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into) =>
        _upstream is { } upstream ? upstream.ReadBodyAsync(into) : new ValueTask<ReadStatus>(ReadStatus.Aborted);

    public void OnResponseEnd(ReadStatus status)
    {
        if (_upstream is not { } upstream)
        {
            return;
        }

        var info = _callbacks.StreamInfo;
        info.Timings.UpstreamLastRxByteUs = loop.NowUs;
        if (status == ReadStatus.End)
        {
            _responseEnded = true;
            Uncount();
            if (_requestEnded)
            {
                Release(upstream);
            }

            return;
        }

        info.AddResponseFlag(status == ReadStatus.ProtocolError ? ResponseFlags.UpstreamProtocolError : ResponseFlags.UpstreamConnectionTermination);
        info.ResponseCodeDetails = status == ReadStatus.ProtocolError
            ? upstream.ProtocolErrorDetails
            : ResponseCodeDetails.LateReset(UpstreamResetReason.ConnectionTermination);
        _cluster!.Info.Stats.ResetByPeer.Increment();
        ResetUpstream();
    }

    public void Cancel()
    {
        _responseDone = true;
        if (_waiting)
        {
            _cluster!.Info.Stats.RequestCancelled.Increment();
            _pending.Cancel();
        }

        if (_upstream is not null)
        {
            _cluster!.Info.Stats.ResetByUs.Increment();
            ResetUpstream();
        }

        Uncount();
    }

    public void OnRouteTimeout()
    {
        if (_responseDone)
        {
            return;
        }

        _cluster?.Info.Stats.RequestTimeout.Increment();
        var info = _callbacks.StreamInfo;
        info.AddResponseFlag(ResponseFlags.UpstreamRequestTimeout);
        _callbacks.SendLocalReply(504, "upstream request timeout", ResponseCodeDetails.ResponseTimeout);
    }

    public void OnDestroy()
    {
        if (_upstream is { } upstream && _responseEnded && _requestEnded)
        {
            Release(upstream);
        }

        // An exchange that ended before its request did: the connection cannot be used again.
        ResetUpstream();
        Uncount();
    }

    public void Reset()
    {
        _route = null;
        _cluster = null;
        _host = null;
        _requestEnded = false;
        _responseEnded = false;
        _responseDone = false;
        _isTunnel = false;
    }

    /// <summary>
    /// Whether filters have left a request that can be sent. One that a filter made a tunnel would have its body sent without a
    /// frame, to be read as requests; one that a filter made none would wait for a body that never comes.
    /// </summary>
    private bool CheckRequest(RequestHeaders headers)
    {
        var connect = headers.MethodIs(KnownMethod.Connect);
        var missing = headers.Authority.IsEmpty ? "host"
            : headers.Method.IsEmpty ? "method"
            : headers.Path.IsEmpty && !connect ? "path"
            : (connect || headers.Contains(HeaderId.Upgrade)) != _callbacks.IsTunnelRequest ? "upgrade"
            : null;
        return missing is null || Reply(
            503, "missing required header: " + missing, ResponseFlags.None, ResponseCodeDetails.FilterRemovedRequiredRequestHeaders);
    }

    private bool SelectHost()
    {
        var info = _callbacks.StreamInfo;
        _route = _callbacks.Route;
        if (_route is null)
        {
            stats.NoRoute.Increment();
            return Reply(404, "", ResponseFlags.NoRouteFound, ResponseCodeDetails.RouteNotFound);
        }

        info.RouteName = _route.Name;
        info.VirtualHostName = _route.VirtualHostName;
        if (_route.Config.DirectResponse is { } direct)
        {
            stats.DirectResponse.Increment();
            return Reply(direct.Status, direct.Body, ResponseFlags.None, ResponseCodeDetails.DirectResponse);
        }

        _cluster = clusters.Get(_route.Cluster!);
        if (_cluster is null)
        {
            stats.NoCluster.Increment();
            return Reply(503, "", ResponseFlags.NoClusterFound, ResponseCodeDetails.ClusterNotFound);
        }

        info.UpstreamClusterName = _cluster.Info.Name;
        _host = _cluster.LoadBalancer.ChooseHost(default);
        if (_host is null)
        {
            _cluster.Info.Stats.NoneHealthy.Increment();
            return Reply(503, "no healthy upstream", ResponseFlags.NoHealthyUpstream, ResponseCodeDetails.NoHealthyUpstream);
        }

        info.UpstreamHost = _host.Address;
        return true;
    }

    private bool Count()
    {
        var info = _cluster!.Info;
        if (!info.Resources.Requests.TryAcquire())
        {
            info.Stats.PendingOverflow.Increment();
            return Overflow();
        }

        _counted = true;
        info.Stats.RequestsTotal.Increment();
        info.Stats.RequestsActive.Add(1);
        _host!.Stats.RequestStarted();
        stats.RequestsTotal.Increment();
        return true;
    }

    private void Uncount()
    {
        if (_counted)
        {
            _counted = false;
            _cluster!.Info.Resources.Requests.Release();
            _cluster.Info.Stats.RequestsActive.Add(-1);
            _host!.Stats.RequestEnded();
        }
    }

    private void FinalizeHeaders(RequestHeaders headers)
    {
        var route = _route!;
        route.ApplyRewrites(headers);
        if (route.TimeoutMs > 0)
        {
            headers.Set(HeaderNames.XEnvoyExpectedRqTimeoutMs, route.TimeoutHeaderValue);
        }
        else
        {
            headers.Remove(HeaderNames.XEnvoyExpectedRqTimeoutMs);
        }
    }

    private ValueTask<FilterStatus> SendHead(Http1ClientConnection connection, RequestHeaders headers, bool endStream)
    {
        _upstream = connection;
        var info = _callbacks.StreamInfo;
        info.UpstreamLocalAddress = connection.Connection.LocalAddress;
        info.UpstreamRemoteAddress = connection.Connection.RemoteAddress;
        info.UpstreamConnectionId = (ulong)connection.Connection.Id;
        info.AttemptCount = 1;
        info.UpstreamProtocol = StreamProtocol.Http11;
        info.Timings.UpstreamFirstTxByteUs = _sentUs = loop.NowUs;
        _callbacks.AttachSource(this);
        var write = connection.EncodeHeadersAsync(headers, endStream);
        if (endStream)
        {
            OnRequestEnd();
        }

        _callbacks.StartResponse(this);
        return write.IsCompletedSuccessfully ? new ValueTask<FilterStatus>(AfterWrite(write.Result)) : AwaitWrite(write);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> WaitForConnectionAsync(HttpConnectionPool pool, RequestHeaders headers, bool endStream)
    {
        if (!pool.TryEnqueue(_pending))
        {
            Overflow();
            return FilterStatus.StopIteration;
        }

        // The body waits with its request, so the route's timeout counts from here, and again from the request's end.
        _waiting = true;
        _callbacks.AttachSource(this);
        _callbacks.SetRouteTimeout(_route!.TimeoutMs, this);
        await _pending.Task;
        _waiting = false;
        var connection = _pending.Take();
        if (_callbacks.IsAborted || _responseDone)
        {
            connection?.ReturnUnused();
            return FilterStatus.StopIteration;
        }

        if (connection is null || !connection.IsUsable)
        {
            connection?.ReturnUnused(); // which closes it
            OnConnectFailure(_pending.Status);
            return FilterStatus.StopIteration;
        }

        if (!endStream)
        {
            _callbacks.SetRouteTimeout(0, this);
        }

        return await SendHead(connection, headers, endStream);
    }

    private void OnConnectFailure(IoStatus status)
    {
        Uncount();
        var (reason, text, flag) = status switch
        {
            IoStatus.TimedOut => (UpstreamResetReason.ConnectionTimeout, "connection timeout", ResponseFlags.UpstreamConnectionFailure),
            IoStatus.Ok => (UpstreamResetReason.ConnectionTermination, "connection termination", ResponseFlags.UpstreamConnectionTermination),
            _ => (UpstreamResetReason.RemoteConnectionFailure, "remote connection failure", ResponseFlags.UpstreamConnectionFailure),
        };
        Reply(503, ResetBody + text, flag, ResponseCodeDetails.EarlyReset(reason));
    }

    private void OnRequestEnd()
    {
        _requestEnded = true;
        _callbacks.StreamInfo.Timings.UpstreamLastTxByteUs = loop.NowUs;
        if (_route!.TimeoutMs > 0 && !_isTunnel)
        {
            _callbacks.SetRouteTimeout(_route.TimeoutMs, this);
        }
    }

    private FilterStatus AfterWrite(IoResult written)
    {
        if (_upstream is { IsRequestMalformed: true })
        {
            _callbacks.SendLocalReply(500, "", ResponseCodeDetails.FilterAddedInvalidRequestData);
        }

        // A failed write shows at the read, which may still find an early response.
        if (!written.IsOk || _responseDone)
        {
            return FilterStatus.StopIteration;
        }

        return FilterStatus.Continue;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> AwaitWrite(ValueTask<IoResult> write) => AfterWrite(await write);

    private void OnResponseHeaders(ResponseHeaders headers)
    {
        var info = _callbacks.StreamInfo;
        var now = loop.NowUs;
        info.Timings.UpstreamFirstRxByteUs = now;
        info.ResponseCodeDetails = ResponseCodeDetails.ViaUpstream;
        if (headers.Status == 101 || (headers.Status < 300 && _callbacks.RequestHeaders.MethodIs(KnownMethod.Connect)))
        {
            // A tunnel lives as long as both sides want it: only the idle timeouts count.
            _isTunnel = true;
            _callbacks.SetRouteTimeout(0, this);
        }

        var cluster = _cluster!.Info.Stats;
        cluster.Responses.Record(headers.Status);
        var elapsedMs = (now - _sentUs) / 1000;
        cluster.RequestTimeMs.Record(elapsedMs);
        Span<byte> text = stackalloc byte[20];
        System.Buffers.Text.Utf8Formatter.TryFormat(elapsedMs, text, out var length);
        headers.Set(HeaderNames.XEnvoyUpstreamServiceTime, text[..length]);
    }

    private void OnUpstreamFailure(ReadStatus status)
    {
        if (_responseDone || _callbacks.IsAborted)
        {
            return;
        }

        var details = _upstream?.ProtocolErrorDetails ?? "";
        ResetUpstream();
        Uncount();
        if (status == ReadStatus.ProtocolError)
        {
            _cluster!.Info.Stats.ProtocolError.Increment();
            Reply(502, ResetBody + "protocol error", ResponseFlags.UpstreamProtocolError, ResponseCodeDetails.EarlyUpstreamReset + "{protocol_error|" + details + "}");
            return;
        }

        _cluster!.Info.Stats.ResetByPeer.Increment();
        Reply(503, ResetBody + "connection termination", ResponseFlags.UpstreamConnectionTermination, ResponseCodeDetails.EarlyReset(UpstreamResetReason.ConnectionTermination));
    }

    private void ResetUpstream()
    {
        if (_upstream is { } upstream)
        {
            _upstream = null;
            AddBytes(upstream);
            _cluster!.Info.Stats.DestroyedWithActiveRequest.Increment();
            upstream.Reset();
        }
    }

    private void Release(Http1ClientConnection upstream)
    {
        _upstream = null;
        _responseDone = true;
        AddBytes(upstream);
        upstream.Release();
    }

    private void AddBytes(Http1ClientConnection upstream)
    {
        ref var total = ref _callbacks.StreamInfo.UpstreamBytes;
        ref readonly var bytes = ref upstream.Bytes;
        total.HeaderBytesReceived += bytes.HeaderBytesReceived;
        total.HeaderBytesSent += bytes.HeaderBytesSent;
        total.WireBytesReceived += bytes.WireBytesReceived;
        total.WireBytesSent += bytes.WireBytesSent;
    }

    private bool Overflow()
    {
        Uncount();
        return Reply(
            503,
            ResetBody + "overflow",
            ResponseFlags.UpstreamOverflow,
            ResponseCodeDetails.EarlyReset(UpstreamResetReason.Overflow),
            static headers => headers.Set(HeaderNames.XEnvoyOverloaded, "true"));
    }

    /// <summary>Answers in place of the upstream. Returns false, for the caller to pass on.</summary>
    private bool Reply(int status, string body, ResponseFlags flag, string details, Action<ResponseHeaders>? modify = null)
    {
        _callbacks.StreamInfo.AddResponseFlag(flag);
        _callbacks.SendLocalReply(status, body, details, modify);
        return false;
    }
}
