using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Tests.Stats;

public sealed class HistogramTests
{
    [Theory]
    [InlineData(1, 100)]
    [InlineData(2, 10_000)]
    [InlineData(3, 5_000_000)]
    [InlineData(4, 4_000_000_000_000_000_000)]
    public void Quantile_AgainstExact_IsWithinTheBucketsWidth(int seed, long max)
    {
        var random = new Random(seed);
        var histogram = new StatsStore(0).Root.Histogram("h");
        var values = new long[20_000];
        for (var i = 0; i < values.Length; i++)
        {
            // Log-uniform: every magnitude is there.
            values[i] = (long)Math.Exp(random.NextDouble() * Math.Log(max));
            histogram.Record(values[i]);
        }

        Array.Sort(values);
        var snapshot = histogram.Cumulative;
        foreach (var quantile in HistogramSnapshot.SupportedQuantiles)
        {
            double exact = values[Math.Clamp((int)Math.Ceiling(quantile * values.Length) - 1, 0, values.Length - 1)];
            snapshot.Quantile(quantile).ShouldBe(exact, Math.Max(exact * 0.016, 0.5), $"P{quantile * 100}");
        }
    }

    [Fact]
    public void Quantile_OfSmallValues_IsExact()
    {
        var histogram = new StatsStore(0).Root.Histogram("h");
        for (var i = 0; i <= 100; i++)
        {
            histogram.Record(i);
        }

        var snapshot = histogram.Cumulative;
        snapshot.Quantile(0).ShouldBe(0);
        snapshot.Quantile(0.5).ShouldBe(50);
        snapshot.Quantile(0.99).ShouldBe(99);
        snapshot.Quantile(1).ShouldBe(100);
        snapshot.CountAtOrBelow(49).ShouldBe(50);
        snapshot.CountAtOrBelow(1000).ShouldBe(101);
        snapshot.CountAtOrBelow(-1).ShouldBe(0);
    }

    [Fact]
    public void Extremes_AreRecorded()
    {
        var histogram = new StatsStore(0).Root.Histogram("h");
        histogram.Record(long.MaxValue);
        histogram.Record(-5);
        var snapshot = histogram.Cumulative;
        snapshot.Count.ShouldBe(2);
        snapshot.Quantile(0).ShouldBe(0);
        snapshot.Quantile(1).ShouldBe(long.MaxValue, long.MaxValue * 0.016);
    }

    [Fact]
    public void Quantile_WithoutValues_IsNaN() => new StatsStore(0).Root.Histogram("h").Cumulative.Quantile(0.5).ShouldBe(double.NaN);
}
