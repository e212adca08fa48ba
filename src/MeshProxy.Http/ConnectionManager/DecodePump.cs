using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.FilterChain;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>The request's way: pulls the body from the codec and shows head, body and trailers to the decoders in order.</summary>
/// <remarks>
/// A filter may pull the body while its headers call is pending. What it pulls was first shown to the decoders before it; what it leaves is
/// kept in <c>_pulled</c> and shown to those after it, by the next filter that pulls or when the head has passed all of them.
/// </remarks>
internal sealed class DecodePump(ActiveStream stream, SlabPool slabs)
{
    private readonly IoBuffer _data = new(slabs);
    private IoBuffer? _pulled;

    /// <summary>The first decoder that has not seen what is in <see cref="_pulled"/>.</summary>
    private int _pulledFrom;
    private bool _hasPulled;
    private bool _hasBody;
    private bool _inHeaders;
    private bool _pulling;

    public bool IsRunning { get; private set; }

    public bool RequestEnded { get; private set; }

    private HttpFilterChain Chain => stream.Chain;

    /// <summary>Whether the last piece of data is also the end of the request.</summary>
    private bool DataEndsStream => RequestEnded && !HasTrailers;

    private bool HasTrailers => stream.Owner.RequestTrailers is { Count: > 0 };

    private bool IsOver => stream.IsAborted || Chain.DecodeStopped;

    public void Begin(bool endStream)
    {
        _hasBody = !endStream;
        RequestEnded = endStream;
        if (endStream)
        {
            stream.StreamInfo.Timings.DownstreamLastRxByteUs = stream.Loop.NowUs;
        }
    }

    public async LoopPump RunAsync()
    {
        IsRunning = true;
        try
        {
            _inHeaders = true;
            var status = await Chain.DecodeHeadersAsync(stream.RequestHeaders, !_hasBody);
            _inHeaders = false;
            if (_hasPulled && status == FilterStatus.Continue && !IsOver)
            {
                status = await ForwardPulledAsync();
            }

            while (status == FilterStatus.Continue && !RequestEnded && await PullAsync(Chain.DecoderCount))
            {
            }
        }
        catch (Exception exception)
        {
            stream.OnFilterFault(exception);
        }

        _inHeaders = false;
        IsRunning = false;
        stream.OnDecodeDone();
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<IoBuffer?> BufferBodyAsync(long maxBytes)
    {
        BeginPull();
        try
        {
            var position = Chain.Position;
            var buffer = _pulled ??= new IoBuffer(slabs);
            if (!_hasBody)
            {
                return buffer;
            }

            if (!await CatchUpAsync(position))
            {
                return null;
            }

            while (buffer.Length <= maxBytes)
            {
                if (RequestEnded)
                {
                    return buffer;
                }

                if (!await PullAsync(position))
                {
                    return null;
                }

                buffer.MoveFrom(_data);
            }

            stream.SendPayloadTooLarge();
            return null;
        }
        finally
        {
            _pulling = false;
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<bool> ReadDataAsync(IoBuffer into)
    {
        BeginPull();
        try
        {
            var position = Chain.Position;
            if (!_hasBody || !await CatchUpAsync(position))
            {
                return false;
            }

            if (_pulled is { IsEmpty: false } kept)
            {
                // An earlier filter has buffered it.
                into.MoveFrom(kept);
                return true;
            }

            if (RequestEnded || !await PullAsync(position))
            {
                return false;
            }

            var isEmpty = _data.IsEmpty;
            into.MoveFrom(_data);
            return !isEmpty || !RequestEnded;
        }
        finally
        {
            _pulling = false;
        }
    }

    public void Clear()
    {
        _data.Clear();
        _pulled?.Clear();
        _pulledFrom = 0;
        _hasPulled = false;
        _hasBody = false;
        RequestEnded = false;
    }

    private void BeginPull()
    {
        stream.Loop.ThrowIfNotCurrent();
        if (!_inHeaders || _pulling)
        {
            throw new InvalidOperationException("the body can be pulled only inside a pending DecodeHeadersAsync, one call at a time");
        }

        _pulling = true;
    }

    /// <summary>Shows what was pulled before to the decoders between its last reader and <paramref name="position"/>.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> CatchUpAsync(int position)
    {
        if (_hasPulled && _pulledFrom < position && (RequestEnded || _pulled is { IsEmpty: false }))
        {
            var pulled = _pulled ??= new IoBuffer(slabs);
            if (await Chain.DecodeDataAsync(pulled, DataEndsStream, _pulledFrom, position) == FilterStatus.StopIteration)
            {
                return false;
            }
        }

        _hasPulled = true;
        _pulledFrom = position + 1;
        return !IsOver;
    }

    /// <summary>The head has passed all decoders: what filters have pulled and left follows it.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> ForwardPulledAsync()
    {
        var pulled = _pulled ??= new IoBuffer(slabs);
        if (pulled.IsEmpty && !RequestEnded)
        {
            return FilterStatus.Continue;
        }

        var hasTrailers = HasTrailers && RequestEnded;
        var status = await Chain.DecodeDataAsync(pulled, DataEndsStream, _pulledFrom, Chain.DecoderCount);
        pulled.Clear();
        return status == FilterStatus.Continue && hasTrailers ? await Chain.DecodeTrailersAsync(stream.Owner.RequestTrailers!) : status;
    }

    /// <summary>Pulls the next part of the body and shows it to the decoders before <paramref name="to"/>. False: the request goes no further.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<bool> PullAsync(int to)
    {
        if (IsOver)
        {
            return false;
        }

        var read = await stream.Owner.ReadBodyAsync(_data);
        if (stream.IsAborted)
        {
            return false;
        }

        stream.Timer.Touch();
        switch (read)
        {
            case ReadStatus.More:
                break;
            case ReadStatus.End:
                RequestEnded = true;
                stream.StreamInfo.Timings.DownstreamLastRxByteUs = stream.Loop.NowUs;
                stream.Timer.OnRequestEnd();
                break;
            case ReadStatus.Reset:
                stream.OnDownstreamReset(ResponseFlags.DownstreamConnectionTermination, ResponseCodeDetails.DownstreamRemoteDisconnect);
                return false;
            default:
                return false; // aborted, or answered by the codec's side
        }

        stream.StreamInfo.BytesReceived += _data.Length;
        if (await Chain.DecodeDataAsync(_data, DataEndsStream, 0, to) == FilterStatus.StopIteration)
        {
            return false;
        }

        if (to < Chain.DecoderCount)
        {
            return true; // the caller takes the data, and the trailers wait for the head
        }

        _data.Clear();
        return !RequestEnded || !HasTrailers || await Chain.DecodeTrailersAsync(stream.Owner.RequestTrailers!) == FilterStatus.Continue;
    }
}
