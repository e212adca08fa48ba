using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.FilterChain;

/// <summary>Lets the chain call a filter that implements only some of the interfaces as it calls all others.</summary>
internal sealed class FilterAdapter(IStreamFilterBase filter) : HttpFilter
{
    private readonly IStreamDecoderFilter? _decoder = filter as IStreamDecoderFilter;
    private readonly IStreamEncoderFilter? _encoder = filter as IStreamEncoderFilter;

    public override void Initialize(IHttpFilterCallbacks callbacks) => filter.Initialize(callbacks);

    public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) =>
        _decoder?.DecodeHeadersAsync(headers, endStream) ?? default;

    public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => _decoder?.DecodeDataAsync(data, endStream) ?? default;

    public override ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers) => _decoder?.DecodeTrailersAsync(trailers) ?? default;

    public override ValueTask<FilterStatus> EncodeInformationalHeadersAsync(ResponseHeaders headers) =>
        _encoder?.EncodeInformationalHeadersAsync(headers) ?? default;

    public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) =>
        _encoder?.EncodeHeadersAsync(headers, endStream) ?? default;

    public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => _encoder?.EncodeDataAsync(data, endStream) ?? default;

    public override ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers) => _encoder?.EncodeTrailersAsync(trailers) ?? default;

    public override void OnDestroy() => filter.OnDestroy();
}
