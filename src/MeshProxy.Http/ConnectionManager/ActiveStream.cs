using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// One request and its response. Two pumps move it: decode pulls the request from the codec through the filters to the router, encode pulls
/// the response from its source (the router's upstream request, or a local reply) back through the filters to the codec.
/// </summary>
/// <remarks>
/// Rented from its worker while the exchange lives. Each pump awaits one thing at a time. Whatever ends the stream early (timeout, disconnect,
/// local reply) sets a flag and completes those waits from the ready queue; the stream is recycled when both pumps have returned, so
/// a filter call is never outstanding on a recycled stream.
/// </remarks>
internal sealed class ActiveStream : IRouterCallbacks
{
    private readonly HttpWorker _worker;
    private readonly DecodePump _decode;
    private readonly EncodePump _encode;
    private IStreamOwner? _owner;
    private HttpFilterChain? _chain;
    private IRouterTimeout? _routeTimeout;
    private AbortSignal? _abortSignal;
    private RouteEntry? _route;
    private bool _routeSelected;
    private bool _dead;
    private bool _zombie;
    private bool _durationApplied;

    public ActiveStream(HttpWorker worker)
    {
        _worker = worker;
        var slabs = worker.Loop.Slabs;
        RequestHeaders = new RequestHeaders(slabs);
        ResponseHeaders = new ResponseHeaders(slabs);
        _decode = new DecodePump(this, slabs);
        _encode = new EncodePump(this, worker);
        Timer = new StreamTimer(this, worker);
    }

    public EventLoop Loop => _worker.Loop;

    public Connection Connection => Owner.Connection;

    public StreamInfo StreamInfo { get; } = new();

    public RequestHeaders RequestHeaders { get; }

    public ResponseHeaders ResponseHeaders { get; }

    ResponseHeaders? IHttpFilterCallbacks.ResponseHeaders => _encode.IsRunning ? ResponseHeaders : null;

    /// <summary>The codec's side.</summary>
    public IStreamOwner Owner => _owner!;

    public HttpFilterChain Chain => _chain!;

    public StreamTimer Timer { get; }

    /// <summary>Whether the stream was reset: nothing more is read, shown to filters or written.</summary>
    public bool IsAborted => _dead;

    /// <summary>Whether the head was whole and the stream has not ended.</summary>
    public bool IsLive { get; private set; }

    public bool IsTunnelRequest { get; private set; }

    bool IRouterCallbacks.SchemeMatchesUpstream => _worker.Shared.Config.SchemeHeaderTransformation is { MatchUpstream: true };

    /// <summary>Whether the request was gRPC as it came, whatever filters make of it.</summary>
    public bool IsGrpcRequest { get; private set; }

    public bool RequestEnded => _decode.RequestEnded;

    /// <summary>Whether the response was sent to its end.</summary>
    public bool ResponseEnded => _encode.ResponseEnded;

    /// <summary>Whether the response's head has been handed to the codec.</summary>
    public bool ResponseStarted => _encode.HeadersEncoded;

    public HeaderTrailers? ResponseTrailers => _encode.LoggedTrailers;

    public CancellationToken Aborted
    {
        get
        {
            if (_abortSignal is null && (!IsLive || _dead || ResponseEnded))
            {
                return new CancellationToken(canceled: true);
            }

            _abortSignal ??= new AbortSignal(Loop);
            return _abortSignal.Token;
        }
    }

    public RouteEntry? Route
    {
        get
        {
            if (!_routeSelected)
            {
                _routeSelected = true;
                _route = _worker.Shared.Routes.Match(RequestHeaders);
                if (_route?.IdleTimeoutMs is { } idleMs)
                {
                    Timer.SetIdleTimeout(idleMs);
                }

                ApplyDuration(_route?.MaxStreamDuration);
            }

            return _route;
        }
    }

    /// <summary>The owner rented this stream; the request's head is being read into <see cref="RequestHeaders"/>.</summary>
    public void Attach(IStreamOwner owner)
    {
        _owner = owner;
        StreamInfo.StartRequest(owner.ConnectionInfo, Loop.UtcNow, Loop.NowUs);
    }

    /// <summary>The head never became whole: gives the stream back without a trace in the counters.</summary>
    public void Discard() => Recycle();

    /// <summary>A part of the head is here: watches the time that the rest takes.</summary>
    public void AwaitHead() => Timer.StartHead();

    /// <summary>The head did not become whole in time.</summary>
    public void OnHeadTimeout(string details) => Owner.OnHeadTimeout(this, details);

    /// <summary>The head is whole: runs the filters.</summary>
    /// <param name="endStream">The request has no body.</param>
    /// <param name="upgrade">The request asks for a tunnel.</param>
    public void Begin(ClientIdentity client, bool endStream, bool upgrade)
    {
        IsTunnelRequest = upgrade;
        IsGrpcRequest = GrpcProtocol.IsGrpc(RequestHeaders);
        if (BeginCounted(endStream) && _worker.Shared.PrepareRequest(this, client, upgrade))
        {
            _ = _decode.RunAsync();
        }
    }

    /// <summary>The codec refused the message: answers in place of the filters.</summary>
    public void BeginRefused(int status, string details, ResponseFlags flag)
    {
        StreamInfo.AddResponseFlag(flag);
        if (BeginCounted(endStream: true))
        {
            SendReplyWithoutFilters(status, "", details, null);
        }
    }

    /// <summary>The codec refused the message and has ended its stream: counts and logs it.</summary>
    public void BeginReset(ResponseFlags flag, string details)
    {
        if (BeginCounted(endStream: true))
        {
            OnDownstreamReset(flag, details);
        }
    }

    public void ClearRouteCache()
    {
        Loop.ThrowIfNotCurrent();
        _routeSelected = false;
    }

    public T? RouteConfig<T>(string filterName)
        where T : class => Route?.PerFilterConfig(filterName) as T;

    public void SendLocalReply(int status, string body, string details, Action<ResponseHeaders>? modifyHeaders = null) =>
        SendLocalReply(status, body, details, grpcStatus: null, modifyHeaders);

    /// <param name="status">Of HTTP.</param>
    /// <param name="body">The text; empty for none.</param>
    /// <param name="details">The response-code detail that says why, for logs.</param>
    /// <param name="grpcStatus">What a gRPC client is told; null: what stands for the HTTP status.</param>
    /// <param name="modifyHeaders">Changes the reply's headers before encoding.</param>
    public void SendLocalReply(int status, string body, string details, GrpcStatusCode? grpcStatus, Action<ResponseHeaders>? modifyHeaders = null)
    {
        Loop.ThrowIfNotCurrent();
        if (!IsLive || _dead || ResponseEnded || _encode.IsReplyPending)
        {
            return;
        }

        StreamInfo.ResponseCodeDetails = details;
        Chain.DecodeStopped = true;
        if (ResponseStarted)
        {
            ResetStream();
            return;
        }

        _encode.Reply(status, body, grpcStatus, modifyHeaders);
    }

    /// <summary>A local reply, past the filters: they have not seen the request.</summary>
    public void SendReplyWithoutFilters(int status, string body, string details, Action<ResponseHeaders>? modifyHeaders)
    {
        Chain.EncodeStopped = true;
        SendLocalReply(status, body, details, modifyHeaders);
    }

    /// <summary>The body does not fit where a filter wants to keep it.</summary>
    public void SendPayloadTooLarge()
    {
        _worker.Shared.Stats.TooLarge.Increment();
        SendLocalReply(413, "Payload Too Large", Core.Streams.ResponseCodeDetails.RequestPayloadTooLarge);
    }

    public ValueTask<IoBuffer?> BufferRequestBodyAsync(long maxBytes) => _decode.BufferBodyAsync(maxBytes);

    public ValueTask<bool> ReadRequestDataAsync(IoBuffer into) => _decode.ReadDataAsync(into);

    void IRouterCallbacks.AttachSource(IResponseSource source) => _encode.Attach(source);

    void IRouterCallbacks.StartResponse(IResponseSource source) => _encode.Start(source);

    void IRouterCallbacks.SetRouteTimeout(long timeoutMs, IRouterTimeout target)
    {
        _routeTimeout = target;
        Timer.SetRouteTimeout(timeoutMs);
    }

    public void OnRouteTimeout() => _routeTimeout?.OnRouteTimeout();

    /// <summary>The stream cannot go on: what the downstream has got so far is all it gets.</summary>
    public void ResetStream()
    {
        if (IsLive && !_dead)
        {
            _worker.Shared.Stats.ResetByUs.Increment();
            Abort();
        }
    }

    /// <summary>The downstream, or what it sent, has ended the stream or the connection.</summary>
    public void OnDownstreamReset(ResponseFlags flag, string details)
    {
        if (!IsLive || _dead)
        {
            return;
        }

        if (!ResponseEnded)
        {
            _worker.Shared.Stats.ResetByPeer.Increment();
            StreamInfo.AddResponseFlag(flag);
            StreamInfo.ResponseCodeDetails = details;
        }

        Abort();
    }

    /// <summary>A filter threw: 500, or a reset when it is too late for that. Never more than this stream.</summary>
    public void OnFilterFault(Exception exception)
    {
        _worker.Shared.Stats.FilterFaults.Increment();
        Loop.ReportFault(exception, "an HTTP filter");
        Chain.IsReusable = false;
        SendLocalReply(500, "", "filter_fault");
    }

    public void OnDecodeDone() => CheckComplete();

    public void OnEncodeDone()
    {
        if (!ResponseEnded)
        {
            ResetStream();
        }
        else if (!_dead && !(Owner.IsTunnel && _decode.IsRunning))
        {
            // A tunnel's directions end one by one. Else what is left of the request goes nowhere.
            StopDecode();
        }

        CheckComplete();
    }

    /// <summary>Ends the stream if it is over and nothing of it is outstanding.</summary>
    public void CheckComplete()
    {
        if (!IsLive || _decode.IsRunning || _encode.IsActive || !(_dead || ResponseEnded))
        {
            return;
        }

        IsLive = false;
        Timer.Stop();
        Owner.OnStreamEnding(this);
        _worker.OnStreamEnd(this);
        if (_zombie)
        {
            _worker.CountZombie(-1);
        }

        _worker.ReturnChain(Chain);
        Owner.OnStreamComplete(this);
        Recycle();
    }

    private bool BeginCounted(bool endStream)
    {
        IsLive = true;
        _decode.Begin(endStream);
        _worker.OnStreamBegin(Owner.IsHttp2);
        Timer.Start(endStream);
        try
        {
            _chain = _worker.RentChain();
            _chain.Initialize(this);
            return true;
        }
        catch (Exception exception)
        {
            // A filter's factory or its first step.
            _chain ??= HttpFilterChain.Empty;
            _chain.EncodeStopped = true;
            OnFilterFault(exception);
            return false;
        }
    }

    /// <summary>A route's limit of the stream's life takes the place of the one before.</summary>
    private void ApplyDuration(RouteDuration? duration)
    {
        if (duration is not null || _durationApplied)
        {
            _durationApplied = duration is not null;
            StreamDuration.Apply(duration, RequestHeaders, IsGrpcRequest, Timer, _worker.Shared.MaxStreamDurationMs);
        }
    }

    private void StopDecode()
    {
        if (!RequestEnded)
        {
            _worker.Shared.Stats.ResponseBeforeRequestComplete.Increment();
        }

        if (_decode.IsRunning)
        {
            Chain.DecodeStopped = true;
            _encode.CancelSource();
            _abortSignal?.Give();
            Owner.AbortRead();
        }
    }

    private void Abort()
    {
        _dead = true;
        Chain.DecodeStopped = true;
        Chain.EncodeStopped = true;
        Timer.Stop();
        _encode.CancelSource();
        Owner.Reset(this);
        _abortSignal?.Give();
        CheckComplete();
        if (IsLive && !_zombie)
        {
            _zombie = true;
            _worker.CountZombie(1);
        }
    }

    private void Recycle()
    {
        Debug.Assert(!_decode.IsRunning && !_encode.IsActive, "a pump of a recycled stream would serve the next one");
        Timer.Stop();
        _owner = null;
        _chain = null;
        _routeTimeout = null;
        _route = null;
        _routeSelected = false;
        _dead = false;
        _zombie = false;
        IsTunnelRequest = false;
        IsGrpcRequest = false;
        _durationApplied = false;
        _abortSignal = null;
        _decode.Clear();
        _encode.Clear();
        RequestHeaders.Clear();
        ResponseHeaders.Clear();
        StreamInfo.Reset();
        _worker.Return(this);
    }
}
