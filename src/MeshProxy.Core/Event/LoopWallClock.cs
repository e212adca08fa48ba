namespace MeshProxy.Core.Event;

/// <summary>The wall clock as a loop sees it: the system's is read once a second and carried on by the monotonic one in between.</summary>
internal struct LoopWallClock(ILoopClock clock)
{
    private const long RefreshUs = 1_000_000;

    private readonly byte[] _httpDate = new byte[29];
    private long _baseUs;
    private DateTimeOffset _baseUtc;
    private long _validUntilUs = long.MinValue;
    private long _dateValidUntilUs = long.MinValue;

    public DateTimeOffset UtcNow(long nowUs)
    {
        if (nowUs >= _validUntilUs)
        {
            _baseUs = nowUs;
            _baseUtc = clock.UtcNow;
            _validUntilUs = nowUs + RefreshUs;
        }

        return _baseUtc.AddTicks((nowUs - _baseUs) * TimeSpan.TicksPerMicrosecond);
    }

    /// <summary>RFC 9110 section 5.6.7: <c>Sun, 06 Nov 1994 08:49:37 GMT</c>.</summary>
    public ReadOnlySpan<byte> HttpDate(long nowUs)
    {
        if (nowUs >= _dateValidUntilUs)
        {
            var now = UtcNow(nowUs);
            now.TryFormat(_httpDate, out _, "R");
            var intoSecondUs = now.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond;
            _dateValidUntilUs = nowUs + RefreshUs - intoSecondUs;
        }

        return _httpDate;
    }
}
