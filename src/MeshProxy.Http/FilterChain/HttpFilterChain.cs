using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.FilterChain;

/// <summary>
/// The HTTP filters of one stream: decoders in order, encoders in reverse. Loops synchronously while calls complete synchronously, and
/// touches a (pooled) state machine only when a filter really waits.
/// </summary>
internal sealed class HttpFilterChain
{
    private readonly HttpFilter[] _filters;
    private readonly HttpFilter[] _decoders;
    private readonly HttpFilter[] _encoders;
    private readonly IReusableFilter[] _reusable;

    /// <summary>Stands in where the filters could not be made.</summary>
    public static HttpFilterChain Empty => new([]);

    public HttpFilterChain(IStreamFilterBase[] filters)
    {
        // All are called as HttpFilter: a virtual call, where an interface call with many targets looks its target up each time.
        _filters = Array.ConvertAll(filters, static filter => filter as HttpFilter ?? new FilterAdapter(filter));
        _decoders = [.. _filters.Where((_, i) => filters[i] is IStreamDecoderFilter)];
        _encoders = [.. _filters.Where((_, i) => filters[i] is IStreamEncoderFilter).Reverse()];
        _reusable = [.. filters.OfType<IReusableFilter>()];
        IsReusable = filters.Length > 0 && _reusable.Length == filters.Length;
    }

    /// <summary>Whether every filter can serve another stream. Not after one of them threw: who knows what state that left.</summary>
    public bool IsReusable { get; set; }

    public int DecoderCount => _decoders.Length;

    /// <summary>The decoder whose headers call is running or ran last; what a filter pulls from the body passed the ones before it.</summary>
    public int Position { get; private set; }

    /// <summary>Set by the stream when nothing more of the request may be shown to the filters.</summary>
    public bool DecodeStopped { get; set; }

    /// <summary>Set by the stream when nothing more of the response may be shown to the filters.</summary>
    public bool EncodeStopped { get; set; }

    public void Initialize(IHttpFilterCallbacks callbacks)
    {
        DecodeStopped = false;
        EncodeStopped = false;
        Position = 0;
        foreach (var filter in _filters)
        {
            filter.Initialize(callbacks);
        }
    }

    /// <summary>Ends the life of every filter, whatever one of them throws. False: one did, and none is to be used again.</summary>
    public bool Destroy(EventLoop loop, bool reset)
    {
        var isSound = true;
        for (var i = 0; i < _filters.Length; i++)
        {
            try
            {
                _filters[i].OnDestroy();
                if (reset)
                {
                    _reusable[i].Reset();
                }
            }
            catch (Exception exception)
            {
                isSound = false;
                loop.ReportFault(exception, "an HTTP filter's end");
            }

            _filters[i].Detach();
        }

        return isSound;
    }

    /// <summary>Shows the head to the decoders from the first on. A filter that buffered the body makes the later ones see <c>endStream</c> false.</summary>
    public ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        var decoders = _decoders;
        for (var i = 0; i < decoders.Length; i++)
        {
            Position = i;
            var call = decoders[i].DecodeHeadersAsync(headers, endStream);
            if (!call.IsCompletedSuccessfully)
            {
                return DecodeHeadersFromAsync(call, i, headers, endStream);
            }

            if (call.Result == FilterStatus.StopIteration || DecodeStopped)
            {
                return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
            }
        }

        return default;
    }

    /// <summary>Shows body bytes to the decoders in [<paramref name="from"/>, <paramref name="to"/>).</summary>
    public ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream, int from, int to)
    {
        var decoders = _decoders;
        for (var i = from; i < to; i++)
        {
            var call = decoders[i].DecodeDataAsync(data, endStream);
            if (!call.IsCompletedSuccessfully)
            {
                return DecodeDataFromAsync(call, i, data, endStream, to);
            }

            if (call.Result == FilterStatus.StopIteration || DecodeStopped)
            {
                return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
            }
        }

        return default;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers)
    {
        foreach (var decoder in _decoders)
        {
            if (await decoder.DecodeTrailersAsync(trailers) == FilterStatus.StopIteration || DecodeStopped)
            {
                return FilterStatus.StopIteration;
            }
        }

        return FilterStatus.Continue;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<FilterStatus> EncodeInformationalAsync(ResponseHeaders headers)
    {
        foreach (var encoder in _encoders)
        {
            if (await encoder.EncodeInformationalHeadersAsync(headers) == FilterStatus.StopIteration || EncodeStopped)
            {
                return FilterStatus.StopIteration;
            }
        }

        return FilterStatus.Continue;
    }

    public ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        var encoders = _encoders;
        for (var i = 0; i < encoders.Length; i++)
        {
            var call = encoders[i].EncodeHeadersAsync(headers, endStream);
            if (!call.IsCompletedSuccessfully)
            {
                return EncodeHeadersFromAsync(call, i, headers, endStream);
            }

            if (call.Result == FilterStatus.StopIteration || EncodeStopped)
            {
                return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
            }
        }

        return default;
    }

    public ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        var encoders = _encoders;
        for (var i = 0; i < encoders.Length; i++)
        {
            var call = encoders[i].EncodeDataAsync(data, endStream);
            if (!call.IsCompletedSuccessfully)
            {
                return EncodeDataFromAsync(call, i, data, endStream);
            }

            if (call.Result == FilterStatus.StopIteration || EncodeStopped)
            {
                return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
            }
        }

        return default;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers)
    {
        foreach (var encoder in _encoders)
        {
            if (await encoder.EncodeTrailersAsync(trailers) == FilterStatus.StopIteration || EncodeStopped)
            {
                return FilterStatus.StopIteration;
            }
        }

        return FilterStatus.Continue;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> DecodeHeadersFromAsync(ValueTask<FilterStatus> call, int index, RequestHeaders headers, bool endStream)
    {
        while (true)
        {
            if (await call == FilterStatus.StopIteration || DecodeStopped)
            {
                return FilterStatus.StopIteration;
            }

            if (++index == _decoders.Length)
            {
                return FilterStatus.Continue;
            }

            Position = index;
            call = _decoders[index].DecodeHeadersAsync(headers, endStream);
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> DecodeDataFromAsync(ValueTask<FilterStatus> call, int index, IoBuffer data, bool endStream, int to)
    {
        while (true)
        {
            if (await call == FilterStatus.StopIteration || DecodeStopped)
            {
                return FilterStatus.StopIteration;
            }

            if (++index == to)
            {
                return FilterStatus.Continue;
            }

            call = _decoders[index].DecodeDataAsync(data, endStream);
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> EncodeHeadersFromAsync(ValueTask<FilterStatus> call, int index, ResponseHeaders headers, bool endStream)
    {
        while (true)
        {
            if (await call == FilterStatus.StopIteration || EncodeStopped)
            {
                return FilterStatus.StopIteration;
            }

            if (++index == _encoders.Length)
            {
                return FilterStatus.Continue;
            }

            call = _encoders[index].EncodeHeadersAsync(headers, endStream);
        }
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<FilterStatus> EncodeDataFromAsync(ValueTask<FilterStatus> call, int index, IoBuffer data, bool endStream)
    {
        while (true)
        {
            if (await call == FilterStatus.StopIteration || EncodeStopped)
            {
                return FilterStatus.StopIteration;
            }

            if (++index == _encoders.Length)
            {
                return FilterStatus.Continue;
            }

            call = _encoders[index].EncodeDataAsync(data, endStream);
        }
    }
}
