using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Reads and writes the messages of one exchange. A connection rents it with the first byte of a head, so that an idle one does without.</summary>
internal sealed class Http1ServerCodec(Http1CodecOptions options, SlabPool slabs)
{
    public Http1RequestDecoder Decoder { get; } = new(options);

    public Http1ResponseWriter Writer { get; } = new(slabs, options.Protocol);

    /// <summary>The request's; null until one was chunked.</summary>
    public HeaderTrailers? Trailers { get; private set; }

    public HeaderTrailers NeedTrailers() => Trailers ??= new HeaderTrailers(slabs);

    public void Attach(INetworkFilterCallbacks callbacks) => Writer.Attach(callbacks);

    public void Reset()
    {
        Decoder.Reset();
        Writer.Reset();
        Trailers?.Clear();
    }
}
