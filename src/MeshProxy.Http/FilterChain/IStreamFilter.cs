using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.FilterChain;

/// <summary>What every HTTP filter has. One instance serves one stream, on that stream's worker.</summary>
public interface IStreamFilterBase
{
    /// <summary>Runs first. The callbacks stay valid until <see cref="OnDestroy"/>; on a dead stream they do nothing. Let go of them then: they
    /// will be another stream's.</summary>
    void Initialize(IHttpFilterCallbacks callbacks);

    /// <summary>Runs once, last, when no call to this filter is outstanding.</summary>
    void OnDestroy();
}

/// <summary>Sees a request on its way to the upstream.</summary>
/// <remarks>
/// A call that returns a task which is not complete pauses this direction of this stream; what arrives meanwhile waits under the
/// watermark. <see cref="FilterStatus.StopIteration"/> means: I have replied, or I own the stream now. Header maps, and the spans they hand
/// out, are valid until the stream ends; spans only until the next await.
/// </remarks>
public interface IStreamDecoderFilter : IStreamFilterBase
{
    ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream);

    /// <summary>Body bytes, which the filter may change in place, drain or append to.</summary>
    ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream);

    ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers);
}

/// <summary>Sees a response on its way to the downstream. Filters run in the reverse of the configured order.</summary>
public interface IStreamEncoderFilter : IStreamFilterBase
{
    /// <summary>A 1xx response other than 101.</summary>
    ValueTask<FilterStatus> EncodeInformationalHeadersAsync(ResponseHeaders headers);

    ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream);

    ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream);

    ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers);
}

/// <summary>Sees both directions.</summary>
public interface IStreamFilter : IStreamDecoderFilter, IStreamEncoderFilter;

/// <summary>A filter whose instance may serve another stream once it was reset: it then costs no allocation a request.</summary>
public interface IReusableFilter
{
    /// <summary>Forgets the stream that ended. Runs after <see cref="IStreamFilterBase.OnDestroy"/>.</summary>
    void Reset();
}

/// <summary>The base of most filters: every member is virtual and continues.</summary>
public abstract class HttpFilter : IStreamFilter
{
    /// <summary>The stream, from before the first call to <see cref="OnDestroy"/>. After that its methods do nothing, and what it has to
    /// show throws <see cref="ObjectDisposedException"/>.</summary>
    protected IHttpFilterCallbacks Callbacks { get; private set; } = null!;

    /// <summary>The stream is over; the next one may use its objects.</summary>
    internal void Detach() => Callbacks = EndedStream.Instance;

    public virtual void Initialize(IHttpFilterCallbacks callbacks) => Callbacks = callbacks;

    public virtual ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) => default;

    public virtual ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) => default;

    public virtual ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers) => default;

    public virtual ValueTask<FilterStatus> EncodeInformationalHeadersAsync(ResponseHeaders headers) => default;

    public virtual ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) => default;

    public virtual ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) => default;

    public virtual ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers) => default;

    public virtual void OnDestroy()
    {
    }
}
