using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.LocalRateLimit;

/// <summary>One configured filter: its bucket, its own or a shared one.</summary>
internal sealed class LocalRateLimitFilterFactory : INetworkFilterFactory
{
    public const string Name = "envoy.filters.network.local_ratelimit";

    private readonly LocalRateLimitConfig _config;
    private readonly SharedTokenBuckets _shared;
    private readonly LocalRateLimitStats _stats;
    private readonly TokenBucket _bucket;
    private bool _disposed;

    public LocalRateLimitFilterFactory(LocalRateLimitConfig config, NetworkFilterFactoryContext context, SharedTokenBuckets shared)
    {
        _config = config;
        _shared = shared;
        _stats = new LocalRateLimitStats(context.Stats.Scope("local_rate_limit." + config.StatPrefix));

        // All loops of a server have one clock.
        var nowUs = context.Workers.Count > 0 ? context.Workers[0].Clock.NowUs : SystemLoopClock.Instance.NowUs;
        _bucket = config.ShareKey.Length > 0
            ? shared.Acquire(config.ShareKey, config.TokenBucket, nowUs)
            : new TokenBucket(config.TokenBucket, nowUs);
    }

    public bool IsTerminal => false;

    public INetworkFilterBase Create(EventLoop worker) => new LocalRateLimitFilter(_bucket, _stats);

    public void Dispose()
    {
        if (!_disposed && _config.ShareKey.Length > 0)
        {
            _disposed = true;
            _shared.Release(_config.ShareKey, _config.TokenBucket);
        }
    }
}
