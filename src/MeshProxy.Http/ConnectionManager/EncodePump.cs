using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// The response's way: pulls it from its source (the router's upstream request, or a local reply) and shows it to the encoders in reverse
/// order on its way to the codec.
/// </summary>
/// <remarks>It starts from the list of things to run after the present callback, so never on the stack of a filter's call or of the decode pump.</remarks>
internal sealed class EncodePump(ActiveStream stream, HttpWorker worker) : ILoopItem
{
    private readonly LocalReply _reply = new();
    private readonly IoBuffer _data = new(worker.Loop.Slabs);
    private HeaderTrailers? _trailers;
    private IResponseSource? _source;
    private bool _isQueued;
    private bool _trailersPassed;

    /// <summary>Whether it runs or is about to.</summary>
    public bool IsActive => IsRunning || _isQueued;

    public bool IsRunning { get; private set; }

    /// <summary>Whether a local reply waits to be encoded.</summary>
    public bool IsReplyPending => _reply.IsPending;

    /// <summary>Whether the response's head has been handed to the codec.</summary>
    public bool HeadersEncoded { get; private set; }

    /// <summary>Whether the response was sent to its end.</summary>
    public bool ResponseEnded { get; private set; }

    /// <summary>For access logs: what the filters have let pass.</summary>
    public HeaderTrailers? LoggedTrailers => _trailersPassed ? _trailers : null;

    private HttpFilterChain Chain => stream.Chain;

    /// <summary>Says what to cancel if the stream ends.</summary>
    public void Attach(IResponseSource source) => _source = source;

    /// <summary>Begins to read the response, after the present callback.</summary>
    public void Start(IResponseSource source)
    {
        if (!stream.IsAborted && !IsActive)
        {
            _source = source;
            Queue();
        }
    }

    /// <summary>Takes a local reply in the place of what the source was going to say.</summary>
    public void Reply(int status, string body, GrpcStatusCode? grpcStatus, Action<ResponseHeaders>? modifyHeaders)
    {
        _reply.Set(status, body, stream.IsGrpcRequest, grpcStatus, modifyHeaders);
        CancelSource();
        if (!IsActive)
        {
            Queue();
        }
    }

    public void CancelSource()
    {
        if (_source is { } source && source != _reply)
        {
            source.Cancel();
        }
    }

    public void Clear()
    {
        _source = null;
        _reply.Clear();
        _data.Clear();
        _trailers?.Clear();
        _trailersPassed = false;
        HeadersEncoded = false;
        ResponseEnded = false;
    }

    void ILoopItem.Run()
    {
        _isQueued = false;
        if (stream.IsAborted)
        {
            stream.CheckComplete();
        }
        else
        {
            _ = RunAsync(_reply.IsPending ? _reply : _source!);
        }
    }

    private void Queue()
    {
        _isQueued = true;
        worker.Loop.RunAfterCallback(this);
    }

    private async LoopPump RunAsync(IResponseSource source)
    {
        IsRunning = true;
        try
        {
            await EncodeResponseAsync(source);
        }
        catch (Exception exception)
        {
            stream.OnFilterFault(exception);
        }

        if (_reply.IsPending && !stream.IsAborted)
        {
            // A filter has answered, or thrown, when it saw the response's head: the reply is not shown to the filters.
            try
            {
                await EncodeReplyAsync();
            }
            catch (Exception exception)
            {
                stream.OnFilterFault(exception);
            }
        }

        IsRunning = false;
        stream.OnEncodeDone();
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> EncodeResponseAsync(IResponseSource source)
    {
        var headers = stream.ResponseHeaders;
        while (true)
        {
            _source = source;
            var read = await source.ReadHeadersAsync(headers);
            if (stream.IsAborted)
            {
                return false;
            }

            var action = _reply.IsPending ? ResponseAction.Stop : source.OnHeaders(read, headers);
            if (_reply.IsPending)
            {
                source = _reply;
                continue;
            }

            switch (action)
            {
                case ResponseAction.Forward:
                    return await EncodeMessageAsync(source, read == ReadStatus.End);
                case ResponseAction.ForwardInformational:
                    await EncodeInformationalAsync(headers);
                    headers.Clear();
                    break;
                default:
                    return false;
            }
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> EncodeInformationalAsync(ResponseHeaders headers)
    {
        // The connection manager has answered an expectation itself, unless it was told to leave that to the upstream.
        if (headers.Status == 100 && !worker.Shared.Config.Proxy100Continue)
        {
            return false;
        }

        if (await Chain.EncodeInformationalAsync(headers) == FilterStatus.StopIteration || stream.IsAborted || _reply.IsPending)
        {
            return false;
        }

        return (await stream.Owner.EncodeInformationalAsync(headers)).IsOk;
    }

    /// <summary>True when the whole response was written; a reply that a filter has left is the caller's to encode.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> EncodeMessageAsync(IResponseSource source, bool endStream)
    {
        var headers = stream.ResponseHeaders;
        var info = stream.StreamInfo;
        worker.Shared.PrepareResponse(stream, headers);
        info.ResponseCode = headers.Status;
        if ((!Chain.EncodeStopped && await Chain.EncodeHeadersAsync(headers, endStream) == FilterStatus.StopIteration)
            || stream.IsAborted || _reply.IsPending)
        {
            return false;
        }

        info.ResponseCode = headers.Status;
        info.Timings.DownstreamFirstTxByteUs = worker.Loop.NowUs;
        stream.Timer.Touch();
        HeadersEncoded = true;
        var written = await stream.Owner.EncodeHeadersAsync(headers, endStream);
        while (!endStream && written.IsOk && !stream.IsAborted)
        {
            var read = await source.ReadBodyAsync(_data);
            if (stream.IsAborted)
            {
                return false;
            }

            if (read is not (ReadStatus.More or ReadStatus.End))
            {
                source.OnResponseEnd(read);
                return false;
            }

            endStream = read == ReadStatus.End;
            written = await EncodeDataAsync(source, endStream);
        }

        if (stream.IsAborted || !written.IsOk)
        {
            return false;
        }

        info.Timings.DownstreamLastTxByteUs = worker.Loop.NowUs;
        ResponseEnded = true;
        source.OnResponseEnd(ReadStatus.End);
        return true;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<IoResult> EncodeDataAsync(IResponseSource source, bool endStream)
    {
        stream.Timer.Touch();
        var trailers = endStream && source.ResponseTrailers is { Count: > 0 } some ? Keep(some) : null;
        endStream &= trailers is null;
        if (!Chain.EncodeStopped && await Chain.EncodeDataAsync(_data, endStream) == FilterStatus.StopIteration)
        {
            return new IoResult(IoStatus.Aborted);
        }

        if (stream.IsAborted)
        {
            return new IoResult(IoStatus.Aborted);
        }

        stream.StreamInfo.BytesSent += _data.Length;
        var written = await stream.Owner.EncodeDataAsync(_data, endStream);
        stream.Timer.Touch();
        if (trailers is null || !written.IsOk || stream.IsAborted)
        {
            return written;
        }

        if (!Chain.EncodeStopped && await Chain.EncodeTrailersAsync(trailers) == FilterStatus.StopIteration)
        {
            return new IoResult(IoStatus.Aborted);
        }

        _trailersPassed = true;
        return stream.IsAborted ? new IoResult(IoStatus.Aborted) : await stream.Owner.EncodeTrailersAsync(trailers);
    }

    /// <summary>A copy that lives as long as the stream. The source's own serve another exchange once it is cancelled, or its connection is lost: filters, and
    /// the wait for a slow client, may take longer.</summary>
    private HeaderTrailers Keep(HeaderTrailers trailers)
    {
        var kept = _trailers ??= new HeaderTrailers(worker.Loop.Slabs);
        kept.Clear();
        kept.CopyFrom(trailers);
        return kept;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> EncodeReplyAsync()
    {
        Chain.EncodeStopped = true;
        CancelSource();
        _source = _reply;
        var read = await _reply.ReadHeadersAsync(stream.ResponseHeaders);
        return await EncodeMessageAsync(_reply, read == ReadStatus.End);
    }
}
