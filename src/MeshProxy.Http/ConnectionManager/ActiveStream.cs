using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
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
internal sealed class ActiveStream : IRouterCallbacks, ILoopItem
{
    private readonly HttpWorker _worker;
    private readonly LocalReply _localReply = new();
    private readonly IoBuffer _decodeData;
    private readonly IoBuffer _encodeData;
    private readonly StreamTimer _timer;
    private IStreamOwner _owner = null!;
    private HttpFilterChain _chain = null!;
    private IResponseSource? _source;
    private IRouterTimeout? _routeTimeout;
    private CancellationTokenSource? _aborted;
    private RouteEntry? _route;
    private IoBuffer? _buffered;
    private int _bufferedFrom;
    private bool _routeSelected;
    private bool _requestEnded;
    private bool _decodeRunning;
    private bool _encodeRunning;
    private bool _encodeQueued;
    private bool _headersEncoded;
    private bool _complete;
    private bool _dead;
    private bool _zombie;

    public ActiveStream(HttpWorker worker)
    {
        _worker = worker;
        var slabs = worker.Loop.Slabs;
        RequestHeaders = new RequestHeaders(slabs);
        ResponseHeaders = new ResponseHeaders(slabs);
        _decodeData = new IoBuffer(slabs);
        _encodeData = new IoBuffer(slabs);
        _timer = new StreamTimer(this, worker);
    }

    public EventLoop Loop => _worker.Loop;

    public Connection Connection => _owner.Connection;

    public StreamInfo StreamInfo { get; } = new();

    public RequestHeaders RequestHeaders { get; }

    public ResponseHeaders ResponseHeaders { get; }

    ResponseHeaders? IHttpFilterCallbacks.ResponseHeaders => _encodeRunning ? ResponseHeaders : null;

    public bool IsAborted => _dead;

    /// <summary>Whether the head was whole and the stream has not ended.</summary>
    public bool IsLive { get; private set; }

    public bool RequestEnded => _requestEnded;

    /// <summary>Whether the response was sent to its end.</summary>
    public bool ResponseEnded { get; private set; }

    /// <summary>Whether the response's head has been handed to the codec.</summary>
    public bool ResponseStarted => _headersEncoded;

    public CancellationToken Aborted
    {
        get
        {
            _aborted ??= new CancellationTokenSource();
            if (_dead && !_aborted.IsCancellationRequested)
            {
                _aborted.Cancel();
            }

            return _aborted.Token;
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
            }

            return _route;
        }
    }

    /// <summary>The owner rented this stream; the request's head is being read into <see cref="RequestHeaders"/>.</summary>
    public void Attach(IStreamOwner owner)
    {
        _owner = owner;
        _requestEnded = false;
        _routeSelected = false;
        _headersEncoded = false;
        _complete = false;
        _dead = false;
        ResponseEnded = false;
        StreamInfo.StartRequest(owner.ConnectionInfo, Loop.UtcNow, Loop.NowUs);
    }

    /// <summary>The head never became whole: gives the stream back without a trace in the counters.</summary>
    public void Discard()
    {
        _timer.Stop();
        Recycle();
    }

    /// <summary>Watches the time that the head takes (Envoy: <c>request_headers_timeout</c>).</summary>
    public void AwaitHead() => _timer.StartHead();

    /// <summary>The head did not become whole in time.</summary>
    public void OnHeadTimeout() => _owner.OnHeadTimeout(this);

    /// <summary>The head is whole: runs the filters.</summary>
    /// <param name="endStream">The request has no body.</param>
    /// <param name="upgrade">The request asks for a tunnel.</param>
    public void Begin(ClientIdentity client, bool endStream, bool upgrade)
    {
        var stats = _worker.Shared.Stats;
        stats.RequestsTotal.Increment();
        stats.Http1RequestsTotal.Increment();
        stats.RequestsActive.Add(1);
        _worker.Diagnostics.ActiveStreams++;
        IsLive = true;
        _requestEnded = endStream;
        _chain = _worker.RentChain();
        _chain.Initialize(this);
        _timer.Start(endStream);
        if (!_worker.Shared.PrepareRequest(this, client, upgrade))
        {
            return; // answered already
        }

        _ = DecodeAsync(endStream);
    }

    /// <summary>The codec refused the message: answers in place of the filters.</summary>
    public void BeginRefused(int status, string details)
    {
        var stats = _worker.Shared.Stats;
        stats.RequestsTotal.Increment();
        stats.RequestsActive.Add(1);
        _worker.Diagnostics.ActiveStreams++;
        IsLive = true;
        _requestEnded = true;
        _chain = _worker.RentChain();
        _chain.Initialize(this);
        _timer.Start(endStream: true);
        StreamInfo.AddResponseFlag(ResponseFlags.DownstreamProtocolError);
        SendReplyWithoutFilters(status, "", details, null);
    }

    public void ClearRouteCache() => _routeSelected = false;

    public T? RouteConfig<T>(string filterName)
        where T : class => Route?.PerFilterConfig(filterName) as T;

    public void SendLocalReply(int status, string body, string details, Action<ResponseHeaders>? modifyHeaders = null)
    {
        if (_dead || _complete || _localReply.IsPending)
        {
            return;
        }

        StreamInfo.ResponseCodeDetails = details;
        _chain.DecodeStopped = true;
        if (_headersEncoded)
        {
            ResetStream();
            return;
        }

        _localReply.Set(status, body, modifyHeaders);
        if (_source is { } source && !ReferenceEquals(source, _localReply))
        {
            source.Cancel();
        }

        if (!_encodeRunning && !_encodeQueued)
        {
            // Encoding starts after the present filter call has returned.
            _encodeQueued = true;
            Loop.RunAfterCallback(this);
        }
    }

    /// <summary>As <see cref="SendLocalReply"/>, past the filters: they have not seen the request.</summary>
    public void SendReplyWithoutFilters(int status, string body, string details, Action<ResponseHeaders>? modifyHeaders)
    {
        _chain.EncodeStopped = true;
        SendLocalReply(status, body, details, modifyHeaders);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<IoBuffer?> BufferRequestBodyAsync(long maxBytes)
    {
        var position = _chain.Position;
        var buffer = _buffered ??= new IoBuffer(Loop.Slabs);
        if (_bufferedFrom < position && !buffer.IsEmpty
            && await _chain.DecodeDataAsync(buffer, _requestEnded, _bufferedFrom, position) == FilterStatus.StopIteration)
        {
            return null;
        }

        _bufferedFrom = position;
        while (!_requestEnded)
        {
            if (!await PullAsync(position))
            {
                return null;
            }

            buffer.MoveFrom(_decodeData);
            if (buffer.Length > maxBytes)
            {
                _worker.Shared.Stats.TooLarge.Increment();
                SendLocalReply(413, "Payload Too Large", Core.Streams.ResponseCodeDetails.RequestPayloadTooLarge);
                return null;
            }
        }

        _bufferedFrom = position + 1;
        return buffer;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadRequestDataAsync(IoBuffer into)
    {
        if (_requestEnded || _dead || !await PullAsync(_chain.Position))
        {
            return false;
        }

        _buffered ??= new IoBuffer(Loop.Slabs);
        _bufferedFrom = _chain.Position + 1;
        into.MoveFrom(_decodeData);
        return !_requestEnded || !into.IsEmpty;
    }

    void IRouterCallbacks.AttachSource(IResponseSource source) => _source = source;

    void IRouterCallbacks.StartResponse(IResponseSource source)
    {
        if (!_dead && !_localReply.IsPending && !_encodeRunning)
        {
            _ = EncodeAsync(source);
        }
    }

    void IRouterCallbacks.SetRouteTimeout(long timeoutMs, IRouterTimeout target)
    {
        _routeTimeout = target;
        _timer.SetRouteTimeout(timeoutMs);
    }

    /// <summary>The stream cannot go on: what the downstream has got so far is all it gets.</summary>
    public void ResetStream()
    {
        if (!_dead && !_complete)
        {
            _worker.Shared.Stats.ResetByUs.Increment();
            Abort();
        }
    }

    /// <summary>The downstream closed or reset the connection.</summary>
    public void OnDownstreamReset()
    {
        if (_dead || _complete)
        {
            return;
        }

        _worker.Shared.Stats.ResetByPeer.Increment();
        StreamInfo.AddResponseFlag(ResponseFlags.DownstreamConnectionTermination);
        StreamInfo.ResponseCodeDetails = Core.Streams.ResponseCodeDetails.DownstreamRemoteDisconnect;
        Abort();
    }

    public void OnRouteTimeout() => _routeTimeout?.OnRouteTimeout();

    /// <summary>Encodes a local reply that was sent while no encode pump ran.</summary>
    void ILoopItem.Run()
    {
        _encodeQueued = false;
        if (_dead)
        {
            CheckComplete();
        }
        else if (!_encodeRunning)
        {
            _ = EncodeAsync(_localReply);
        }
    }

    private async LoopPump DecodeAsync(bool endStream)
    {
        _decodeRunning = true;
        try
        {
            var status = await _chain.DecodeHeadersAsync(RequestHeaders, endStream);
            if (_buffered is { } buffered && status == FilterStatus.Continue && !_dead)
            {
                status = await ForwardBufferedAsync(buffered);
            }

            while (status == FilterStatus.Continue && !_requestEnded && !_dead)
            {
                status = await PullAsync(_chain.DecoderCount) ? FilterStatus.Continue : FilterStatus.StopIteration;
            }
        }
        catch (Exception exception)
        {
            OnFilterFault(exception);
        }

        _decodeRunning = false;
        CheckComplete();
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> ForwardBufferedAsync(IoBuffer buffered)
    {
        if (buffered.IsEmpty && !_requestEnded)
        {
            return FilterStatus.Continue;
        }

        var trailers = _requestEnded ? _owner.RequestTrailers : null;
        var hasTrailers = trailers is { Count: > 0 };
        var status = await _chain.DecodeDataAsync(buffered, _requestEnded && !hasTrailers, _bufferedFrom, _chain.DecoderCount);
        return status == FilterStatus.Continue && hasTrailers ? await _chain.DecodeTrailersAsync(trailers!) : status;
    }

    /// <summary>Pulls the next part of the body and shows it to the decoders before <paramref name="to"/>. False: the request goes no further.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> PullAsync(int to)
    {
        var read = await _owner.ReadBodyAsync(_decodeData);
        if (_dead)
        {
            return false;
        }

        _timer.Touch();
        switch (read)
        {
            case ReadStatus.More or ReadStatus.End:
                break;
            case ReadStatus.Reset:
                OnDownstreamReset();
                return false;
            default:
                return false; // aborted, or answered by the codec's side
        }

        var ended = read == ReadStatus.End;
        if (ended)
        {
            _requestEnded = true;
            _timer.OnRequestEnd();
        }

        StreamInfo.BytesReceived += _decodeData.Length;
        var all = to == _chain.DecoderCount;
        var trailers = ended ? _owner.RequestTrailers : null;
        var hasTrailers = trailers is { Count: > 0 };
        if (await _chain.DecodeDataAsync(_decodeData, ended && !hasTrailers, 0, to) == FilterStatus.StopIteration)
        {
            return false;
        }

        if (all)
        {
            _decodeData.Clear();
            if (hasTrailers && await _chain.DecodeTrailersAsync(trailers!) == FilterStatus.StopIteration)
            {
                return false;
            }
        }

        return true;
    }

    private async LoopPump EncodeAsync(IResponseSource source)
    {
        _encodeRunning = true;
        _source = source;
        try
        {
            await EncodeResponseAsync(source);
        }
        catch (Exception exception)
        {
            OnFilterFault(exception);
            if (_localReply.IsPending && !_dead)
            {
                await EncodeReplyAsync();
            }
        }

        _encodeRunning = false;
        if (!ResponseEnded && !_dead)
        {
            ResetStream();
        }

        if (_decodeRunning && !_dead)
        {
            // The response is complete before its request: what is left of the request goes nowhere.
            _worker.Shared.Stats.ResponseBeforeRequestComplete.Increment();
            _chain.DecodeStopped = true;
            _source.Cancel();
            _owner.AbortRead();
        }

        CheckComplete();
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> EncodeResponseAsync(IResponseSource source)
    {
        var headers = ResponseHeaders;
        while (true)
        {
            var read = await source.ReadHeadersAsync(headers);
            if (_dead)
            {
                return false;
            }

            var action = _localReply.IsPending ? ResponseAction.Stop : source.OnHeaders(read, headers);
            if (_localReply.IsPending)
            {
                _source = source = _localReply;
                continue;
            }

            switch (action)
            {
                case ResponseAction.Forward:
                    return await EncodeMessageAsync(source, read == ReadStatus.End);
                case ResponseAction.ForwardInformational:
                    if (await _chain.EncodeInformationalAsync(headers) == FilterStatus.Continue && !_dead)
                    {
                        await _owner.EncodeInformationalAsync(headers);
                    }

                    headers.Clear();
                    break;
                case ResponseAction.ReadAgain:
                    headers.Clear();
                    break;
                default:
                    return false;
            }
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> EncodeMessageAsync(IResponseSource source, bool endStream)
    {
        var headers = ResponseHeaders;
        _worker.Shared.PrepareResponse(this, headers);
        StreamInfo.ResponseCode = headers.Status;
        if (!_chain.EncodeStopped && await _chain.EncodeHeadersAsync(headers, endStream) == FilterStatus.StopIteration)
        {
            return _localReply.IsPending && !_dead && await EncodeReplyAsync();
        }

        if (_dead)
        {
            return false;
        }

        if (_localReply.IsPending)
        {
            return await EncodeReplyAsync();
        }

        StreamInfo.ResponseCode = headers.Status;
        StreamInfo.Timings.DownstreamFirstTxByteUs = Loop.NowUs;
        _headersEncoded = true;
        var written = await _owner.EncodeHeadersAsync(headers, endStream);
        while (!endStream && written.IsOk && !_dead)
        {
            var read = await source.ReadBodyAsync(_encodeData);
            if (_dead)
            {
                return false;
            }

            if (read is not (ReadStatus.More or ReadStatus.End))
            {
                source.OnResponseEnd(read);
                return false;
            }

            _timer.Touch();
            endStream = read == ReadStatus.End;
            var trailers = endStream ? source.ResponseTrailers : null;
            var hasTrailers = trailers is { Count: > 0 };
            if (!_chain.EncodeStopped && await _chain.EncodeDataAsync(_encodeData, endStream && !hasTrailers) == FilterStatus.StopIteration)
            {
                return false;
            }

            StreamInfo.BytesSent += _encodeData.Length;
            written = await _owner.EncodeDataAsync(_encodeData, endStream && !hasTrailers);
            if (hasTrailers && written.IsOk && !_dead)
            {
                if (!_chain.EncodeStopped && await _chain.EncodeTrailersAsync(trailers!) == FilterStatus.StopIteration)
                {
                    return false;
                }

                written = await _owner.EncodeTrailersAsync(trailers!);
            }
        }

        if (_dead || !written.IsOk)
        {
            return false;
        }

        ResponseEnded = true;
        source.OnResponseEnd(ReadStatus.End);
        return true;
    }

    /// <summary>A filter answered while it saw the response's head: the reply takes its place and is not shown to the filters.</summary>
    private ValueTask<bool> EncodeReplyAsync()
    {
        _chain.EncodeStopped = true;
        _source?.Cancel();
        _source = _localReply;
        _localReply.ReadHeadersAsync(ResponseHeaders);
        return EncodeMessageAsync(_localReply, ResponseHeaders.Get(HeaderNames.ContentLength).IsEmpty);
    }

    private void OnFilterFault(Exception exception)
    {
        _worker.Shared.Stats.FilterFaults.Increment();
        Loop.ReportFault(exception, "an HTTP filter");
        SendLocalReply(500, "", "filter_fault");
    }

    private void Abort()
    {
        _dead = true;
        _chain.DecodeStopped = true;
        _chain.EncodeStopped = true;
        _timer.Stop();
        _aborted?.Cancel();
        _source?.Cancel();
        _owner.AbortRead();
        CheckComplete();
        if (!_complete && !_zombie)
        {
            _zombie = true;
            _worker.Shared.Stats.ZombieStreams.Add(1);
            _worker.Diagnostics.OutstandingFilterCalls++;
        }
    }

    private void CheckComplete()
    {
        if (_complete || _decodeRunning || _encodeRunning || _encodeQueued || !(_dead || ResponseEnded))
        {
            return;
        }

        _complete = true;
        IsLive = false;
        _timer.Stop();
        var shared = _worker.Shared;
        shared.OnStreamEnd(this, Loop.NowUs);
        if (_zombie)
        {
            shared.Stats.ZombieStreams.Add(-1);
            _worker.Diagnostics.OutstandingFilterCalls--;
        }

        _worker.ReturnChain(_chain);
        _worker.Diagnostics.ActiveStreams--;
        _owner.OnStreamComplete(this);
        Recycle();
    }

    private void Recycle()
    {
        _owner = null!;
        _chain = null!;
        _source = null;
        _routeTimeout = null;
        _route = null;
        _zombie = false;
        _aborted?.Dispose();
        _aborted = null;
        _localReply.Clear();
        _decodeData.Clear();
        _encodeData.Clear();
        _buffered?.Clear();
        _buffered = null;
        _bufferedFrom = 0;
        RequestHeaders.Clear();
        ResponseHeaders.Clear();
        StreamInfo.Reset();
        _worker.Return(this);
    }
}
