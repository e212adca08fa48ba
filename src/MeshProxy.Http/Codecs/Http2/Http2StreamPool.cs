using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>A worker's free stream objects and trailer maps, for all its HTTP/2 connections, downstream and upstream.</summary>
internal sealed class Http2StreamPool(SlabPool slabs)
{
    private const int MaxRetained = 4096;

    private readonly Stack<Http2Stream> _streams = new();
    private readonly Stack<HeaderTrailers> _trailers = new();

    /// <summary>Streams that were handed out and not given back. Zero when the worker is idle.</summary>
    public int StreamsInUse { get; private set; }

    public Http2Stream Rent()
    {
        StreamsInUse++;
        return _streams.TryPop(out var stream) ? stream : new Http2Stream(slabs);
    }

    public void Return(Http2Stream stream)
    {
        StreamsInUse--;
        if (_streams.Count < MaxRetained)
        {
            _streams.Push(stream);
        }
    }

    public HeaderTrailers RentTrailers() => _trailers.TryPop(out var trailers) ? trailers : new HeaderTrailers(slabs);

    public void ReturnTrailers(HeaderTrailers trailers)
    {
        trailers.Clear();
        if (_trailers.Count < MaxRetained)
        {
            _trailers.Push(trailers);
        }
    }
}
