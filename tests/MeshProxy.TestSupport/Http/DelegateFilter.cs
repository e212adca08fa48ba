using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.TestSupport.Http;

/// <summary>An HTTP filter whose steps are delegates; a step without one continues. Counts its own life.</summary>
internal class DelegateFilter : HttpFilter
{
    public Func<DelegateFilter, RequestHeaders, bool, ValueTask<FilterStatus>>? OnDecodeHeaders { get; init; }

    public Func<DelegateFilter, IoBuffer, bool, ValueTask<FilterStatus>>? OnDecodeData { get; init; }

    public Func<DelegateFilter, HeaderTrailers, ValueTask<FilterStatus>>? OnDecodeTrailers { get; init; }

    public Func<DelegateFilter, ResponseHeaders, ValueTask<FilterStatus>>? OnEncodeInformational { get; init; }

    public Func<DelegateFilter, ResponseHeaders, bool, ValueTask<FilterStatus>>? OnEncodeHeaders { get; init; }

    public Func<DelegateFilter, IoBuffer, bool, ValueTask<FilterStatus>>? OnEncodeData { get; init; }

    public Func<DelegateFilter, HeaderTrailers, ValueTask<FilterStatus>>? OnEncodeTrailers { get; init; }

    public Action? OnInitialize { get; init; }

    public Action? OnDestroyed { get; init; }

    public IHttpFilterCallbacks Stream => Callbacks;

    /// <summary>How often <see cref="OnDestroy"/> ran.</summary>
    public int Destroyed { get; private set; }

    /// <summary>Calls that have begun and not returned.</summary>
    public int Outstanding { get; private set; }

    public override void Initialize(IHttpFilterCallbacks callbacks)
    {
        base.Initialize(callbacks);
        OnInitialize?.Invoke();
    }

    public override ValueTask<FilterStatus> DecodeHeadersAsync(RequestHeaders headers, bool endStream) =>
        OnDecodeHeaders is null ? default : Track(OnDecodeHeaders(this, headers, endStream));

    public override ValueTask<FilterStatus> DecodeDataAsync(IoBuffer data, bool endStream) =>
        OnDecodeData is null ? default : Track(OnDecodeData(this, data, endStream));

    public override ValueTask<FilterStatus> DecodeTrailersAsync(HeaderTrailers trailers) =>
        OnDecodeTrailers is null ? default : Track(OnDecodeTrailers(this, trailers));

    public override ValueTask<FilterStatus> EncodeInformationalHeadersAsync(ResponseHeaders headers) =>
        OnEncodeInformational is null ? default : Track(OnEncodeInformational(this, headers));

    public override ValueTask<FilterStatus> EncodeHeadersAsync(ResponseHeaders headers, bool endStream) =>
        OnEncodeHeaders is null ? default : Track(OnEncodeHeaders(this, headers, endStream));

    public override ValueTask<FilterStatus> EncodeDataAsync(IoBuffer data, bool endStream) =>
        OnEncodeData is null ? default : Track(OnEncodeData(this, data, endStream));

    public override ValueTask<FilterStatus> EncodeTrailersAsync(HeaderTrailers trailers) =>
        OnEncodeTrailers is null ? default : Track(OnEncodeTrailers(this, trailers));

    public override void OnDestroy()
    {
        Destroyed++;
        if (Outstanding > 0)
        {
            throw new InvalidOperationException("destroyed while a call is outstanding");
        }

        OnDestroyed?.Invoke();
    }

    private ValueTask<FilterStatus> Track(ValueTask<FilterStatus> call) => call.IsCompletedSuccessfully ? call : TrackPending(call);

    private async ValueTask<FilterStatus> TrackPending(ValueTask<FilterStatus> call)
    {
        Outstanding++;
        try
        {
            return await call;
        }
        finally
        {
            Outstanding--;
        }
    }
}
