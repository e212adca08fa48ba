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

    private readonly UpstreamRequest _request = new(loop);
    private IRouterCallbacks _callbacks = null!;
    private RouteEntry? _route;
    private WorkerCluster? _cluster;
    private bool _responseDone;
    private bool _isTunnel;
    private bool _endsTunnel;

    public HeaderTrailers? ResponseTrailers => _request.ResponseTrailers;

    public void Initialize(IHttpFilterCallbacks callbacks) => _callbacks = (IRouterCallbacks)callbacks;

    public ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        if (!CheckRequest(headers) || SelectHost() is not { } host)
        {
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        if (!_request.TryBegin(_cluster!, host, _callbacks.StreamInfo))
        {
            Overflow();
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        stats.RequestsTotal.Increment();
        FinalizeHeaders(headers);
        var pools = UpstreamHostPools.For(_cluster!, host);
        _endsTunnel = _route!.Connect is { } connect
            && (headers.MethodIs(KnownMethod.Connect) || (connect.AllowPost && headers.MethodIs(KnownMethod.Post)));
        var pool = _endsTunnel ? pools.SelectTcp(_callbacks) : pools.Select(headers, _callbacks);
        return _request.TryAcquire(pool) ? SendHead(headers, endStream) : WaitForStreamAsync(pool, headers, endStream);
    }

    public ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream)
    {
        if (!_request.HasStream || _responseDone)
        {
            data.Clear();
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        var write = _request.SendData(data, endStream);
        if (endStream)
        {
            OnRequestEnd();
        }

        return write.IsCompletedSuccessfully ? new ValueTask<FilterStatus>(AfterWrite(write.Result)) : AwaitWrite(write);
    }

    public ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers)
    {
        if (!_request.HasStream || _responseDone)
        {
            return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
        }

        var write = _request.SendTrailers(trailers);
        OnRequestEnd();
        return write.IsCompletedSuccessfully ? new ValueTask<FilterStatus>(AfterWrite(write.Result)) : AwaitWrite(write);
    }

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into) => _request.ReadHeadersAsync(into);

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

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into) => _request.ReadBodyAsync(into);

    public void OnResponseEnd(ReadStatus status)
    {
        if (!_request.HasStream)
        {
            return;
        }

        var info = _callbacks.StreamInfo;
        info.Timings.UpstreamLastRxByteUs = loop.NowUs;
        if (status == ReadStatus.End)
        {
            _request.OnResponseEnd();
            _responseDone |= _request.IsDone;
            return;
        }

        var (reason, details) = _request.OnLost(status);
        info.AddResponseFlag(UpstreamFailure.Flag(reason));
        info.ResponseCodeDetails = status == ReadStatus.ProtocolError ? details : ResponseCodeDetails.LateReset(reason);
    }

    public void Cancel()
    {
        _responseDone = true;
        _request.Cancel();
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

    public void OnDestroy() => _request.End();

    public void Reset()
    {
        _route = null;
        _cluster = null;
        _request.Clear();
        _responseDone = false;
        _isTunnel = false;
        _endsTunnel = false;
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

    /// <summary>Null: the request was answered.</summary>
    private Host? SelectHost()
    {
        var info = _callbacks.StreamInfo;
        _route = _callbacks.Route;
        if (_route is null)
        {
            stats.NoRoute.Increment();
            Reply(404, "", ResponseFlags.NoRouteFound, ResponseCodeDetails.RouteNotFound);
            return null;
        }

        info.RouteName = _route.Name;
        info.VirtualHostName = _route.VirtualHostName;
        if (_route.Config.DirectResponse is { } direct)
        {
            stats.DirectResponse.Increment();
            Reply(direct.Status, direct.Body, ResponseFlags.None, ResponseCodeDetails.DirectResponse);
            return null;
        }

        _cluster = clusters.Get(_route.Cluster!);
        if (_cluster is null)
        {
            stats.NoCluster.Increment();
            Reply(503, "", ResponseFlags.NoClusterFound, ResponseCodeDetails.ClusterNotFound);
            return null;
        }

        info.UpstreamClusterName = _cluster.Info.Name;
        var host = _cluster.LoadBalancer.ChooseHost(default);
        if (host is null)
        {
            _cluster.Info.Stats.NoneHealthy.Increment();
            Reply(503, "no healthy upstream", ResponseFlags.NoHealthyUpstream, ResponseCodeDetails.NoHealthyUpstream);
            return null;
        }

        info.UpstreamHost = host.Address;
        return host;
    }

    private void FinalizeHeaders(RequestHeaders headers)
    {
        var route = _route!;
        route.ApplyRewrites(headers);
        if (_callbacks.SchemeMatchesUpstream)
        {
            headers.SetScheme(_cluster!.Info.TransportSocket is { IsSecure: true } ? "https"u8 : "http"u8);
        }

        if (route.TimeoutMs > 0)
        {
            headers.Set(HeaderNames.XEnvoyExpectedRqTimeoutMs, route.TimeoutHeaderValue);
        }
        else
        {
            headers.Remove(HeaderNames.XEnvoyExpectedRqTimeoutMs);
        }
    }

    private ValueTask<FilterStatus> SendHead(RequestHeaders headers, bool endStream)
    {
        _callbacks.AttachSource(this);
        var write = _request.SendHead(headers, endStream);
        if (endStream)
        {
            OnRequestEnd();
        }

        _callbacks.StartResponse(this);
        return write.IsCompletedSuccessfully ? new ValueTask<FilterStatus>(AfterWrite(write.Result)) : AwaitWrite(write);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> WaitForStreamAsync(ConnectionPool pool, RequestHeaders headers, bool endStream)
    {
        if (!_request.TryWait(pool))
        {
            Overflow();
            return FilterStatus.StopIteration;
        }

        // The body waits with its request, so the route's timeout counts from here, and again from the request's end.
        _callbacks.AttachSource(this);
        _callbacks.SetRouteTimeout(_route!.TimeoutMs, this);
        var failure = await _request.WaitAsync(pool);
        if (_callbacks.IsAborted || _responseDone)
        {
            return FilterStatus.StopIteration;
        }

        if (failure is { } reason)
        {
            _request.OnNoStream();
            ReplyEarlyReset(reason);
            return FilterStatus.StopIteration;
        }

        if (!endStream)
        {
            _callbacks.SetRouteTimeout(0, this);
        }

        return await SendHead(headers, endStream);
    }

    private void OnRequestEnd()
    {
        _callbacks.StreamInfo.Timings.UpstreamLastTxByteUs = loop.NowUs;
        if (_route!.TimeoutMs > 0 && !_isTunnel)
        {
            _callbacks.SetRouteTimeout(_route.TimeoutMs, this);
        }
    }

    private FilterStatus AfterWrite(IoResult written)
    {
        if (_request.IsRequestMalformed)
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
        _callbacks.StreamInfo.ResponseCodeDetails = ResponseCodeDetails.ViaUpstream;
        if (_endsTunnel || headers.Status == 101 || (headers.Status < 300 && _callbacks.RequestHeaders.MethodIs(KnownMethod.Connect)))
        {
            // A tunnel lives as long as both sides want it: only the idle timeouts count.
            _isTunnel = true;
            _callbacks.SetRouteTimeout(0, this);
        }

        var elapsedMs = _request.OnResponseHeaders(headers.Status);
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

        var (reason, details) = _request.OnLost(status);
        if (reason == UpstreamResetReason.ProtocolError)
        {
            Reply(
                502,
                ResetBody + UpstreamFailure.Text(reason),
                UpstreamFailure.Flag(reason),
                $"{ResponseCodeDetails.EarlyUpstreamReset}{{protocol_error|{details}}}");
            return;
        }

        ReplyEarlyReset(reason);
    }

    private void ReplyEarlyReset(UpstreamResetReason reason)
    {
        var text = ResetBody + UpstreamFailure.Text(reason);
        var details = ResponseCodeDetails.EarlyReset(reason);
        if (_callbacks.StreamInfo.UpstreamTransportFailureReason is { Length: > 0 } transport)
        {
            // As in Envoy, the details hold no spaces: logs are split at them.
            text += ", transport failure reason: " + transport;
            details = $"{details.AsSpan(0, details.Length - 1)}|{transport.Replace(' ', '_')}}}";
        }

        Reply(503, text, UpstreamFailure.Flag(reason), details);
    }

    private void Overflow()
    {
        _request.OnNoStream();
        Reply(
            503,
            ResetBody + UpstreamFailure.Text(UpstreamResetReason.Overflow),
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
