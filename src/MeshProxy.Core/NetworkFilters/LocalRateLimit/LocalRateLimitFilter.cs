using MeshProxy.Core.Buffers;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.NetworkFilters.LocalRateLimit;

/// <summary>Closes a connection that finds the token bucket empty (envoy.filters.network.local_ratelimit).</summary>
internal sealed class LocalRateLimitFilter(TokenBucket bucket, LocalRateLimitStats stats) : IReadFilter
{
    private INetworkFilterCallbacks _callbacks = null!;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    public ValueTask<FilterStatus> OnNewConnectionAsync()
    {
        if (bucket.TryTake(_callbacks.Loop.NowUs))
        {
            return new ValueTask<FilterStatus>(FilterStatus.Continue);
        }

        stats.RateLimited.Increment();
        _callbacks.StreamInfo.AddResponseFlag(ResponseFlags.RateLimited);
        _callbacks.Connection.Close(CloseType.NoFlush);
        return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
    }

    public ValueTask<FilterStatus> OnDataAsync(IoBuffer data, bool endStream) => new(FilterStatus.Continue);
}
