namespace MeshProxy.Core.Stats;

/// <summary>A distribution at one moment. Immutable.</summary>
public sealed class HistogramSnapshot
{
    internal static readonly HistogramSnapshot Empty = new(new HistogramBuckets());

    private static readonly double[] QuantileList = [0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 1];

    private readonly HistogramBuckets _buckets;

    internal HistogramSnapshot(HistogramBuckets buckets)
    {
        _buckets = buckets;
        Count = buckets.Count();
        Sum = buckets.Sum;
    }

    /// <summary>The quantiles that Envoy shows: P0, P25, P50, P75, P90, P95, P99, P99.5, P99.9, P100.</summary>
    public static ReadOnlySpan<double> SupportedQuantiles => QuantileList;

    /// <summary>How many values.</summary>
    public long Count { get; }

    /// <summary>Their exact sum.</summary>
    public long Sum { get; }

    /// <summary>The value that this share (0 to 1) of all values is at or below, within 1.6 %; exact below 128. NaN without values.</summary>
    public double Quantile(double quantile) => _buckets.Quantile(quantile, Count);

    /// <summary>How many values are at or below a bound, for exports in fixed buckets.</summary>
    public long CountAtOrBelow(long bound) => _buckets.CountAtOrBelow(bound);
}
