using MeshProxy.Core.Config;

namespace MeshProxy.Core.NetworkFilters.LocalRateLimit;

/// <summary>The buckets that have a <see cref="LocalRateLimitConfig.ShareKey"/>, by key and bucket, of one server.</summary>
/// <remarks>Control side. A bucket lives as long as a filter uses it, so that an update of one filter does not refill it for the others.</remarks>
internal sealed class SharedTokenBuckets
{
    private readonly Dictionary<(string Key, TokenBucketConfig Bucket), Entry> _buckets = [];
    private readonly Lock _lock = new();

    public TokenBucket Acquire(string key, TokenBucketConfig config, long nowUs)
    {
        lock (_lock)
        {
            if (!_buckets.TryGetValue((key, config), out var entry))
            {
                entry = new Entry(new TokenBucket(config, nowUs));
                _buckets.Add((key, config), entry);
            }

            entry.Users++;
            return entry.Bucket;
        }
    }

    public void Release(string key, TokenBucketConfig config)
    {
        lock (_lock)
        {
            if (_buckets.TryGetValue((key, config), out var entry) && --entry.Users == 0)
            {
                _buckets.Remove((key, config));
            }
        }
    }

    private sealed class Entry(TokenBucket bucket)
    {
        public TokenBucket Bucket { get; } = bucket;

        public int Users { get; set; }
    }
}
