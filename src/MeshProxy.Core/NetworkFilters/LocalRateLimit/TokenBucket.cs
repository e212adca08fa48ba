using MeshProxy.Core.Config;

namespace MeshProxy.Core.NetworkFilters.LocalRateLimit;

/// <summary>A token bucket that all workers share. It has no timer: whoever comes first after an interval's end fills it.</summary>
/// <remarks>Any thread, without a lock: fills are one compare-and-swap on the interval's number, tokens one on their count.</remarks>
internal sealed class TokenBucket
{
    private readonly long _intervalUs;
    private readonly long _maxTokens;
    private readonly long _tokensPerFill;
    private readonly long _startUs;
    private long _intervals;
    private long _tokens;

    /// <param name="nowUs">When the bucket begins, full, in monotonic microseconds.</param>
    public TokenBucket(TokenBucketConfig config, long nowUs)
    {
        _intervalUs = Math.Max(1, (long)config.FillInterval.TotalMicroseconds);
        _maxTokens = config.MaxTokens;
        _tokensPerFill = config.TokensPerFill;
        _startUs = nowUs;
        _tokens = _maxTokens;
    }

    /// <summary>Takes a token, if there is one.</summary>
    public bool TryTake(long nowUs)
    {
        Fill(nowUs);
        var tokens = Volatile.Read(ref _tokens);
        while (tokens > 0)
        {
            var seen = Interlocked.CompareExchange(ref _tokens, tokens - 1, tokens);
            if (seen == tokens)
            {
                return true;
            }

            tokens = seen;
        }

        return false;
    }

    private void Fill(long nowUs)
    {
        var now = (nowUs - _startUs) / _intervalUs;
        var last = Volatile.Read(ref _intervals);

        // A worker's clock may stand a little behind the one that filled last.
        if (now <= last || Interlocked.CompareExchange(ref _intervals, now, last) != last)
        {
            return;
        }

        // More intervals than it takes to fill an empty bucket add nothing, and might overflow.
        var intervals = Math.Min(now - last, (_maxTokens / _tokensPerFill) + 1);
        var tokens = Volatile.Read(ref _tokens);
        while (true)
        {
            var filled = Math.Min(_maxTokens, tokens + (intervals * _tokensPerFill));
            var seen = Interlocked.CompareExchange(ref _tokens, filled, tokens);
            if (seen == tokens)
            {
                return;
            }

            tokens = seen;
        }
    }
}
