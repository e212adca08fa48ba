using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace MeshProxy.Core.Stats;

/// <summary>Shows a store as a <see cref="Meter"/> named "MeshProxy", so that OpenTelemetry and dotnet-counters read it without a bridge.</summary>
/// <remarks>
/// <para>Everything is observable, that is, read when a listener collects: counting runs no listener's code and allocates nothing. A counter is an
/// <c>ObservableCounter</c>, a gauge an <c>ObservableUpDownCounter</c>. There is no observable histogram in .NET, so a histogram is a summary, as in
/// Prometheus: the observable counters <c>name.count</c> and <c>name.sum</c> and an <c>ObservableGauge</c> <c>name</c> with the tag <c>quantile</c>,
/// over the last flush interval (over everything, until the store is flushed for the first time).</para>
/// <para>Instruments appear with their stats; those of stats that a worker makes, with the next <see cref="StatsStore.Flush"/>. The instrument of a
/// removed stat stays and reports nothing, and is used again if the name comes back.</para>
/// </remarks>
public sealed class StatsMeter : IDisposable
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "MeshProxy";

    private static readonly Measurement<long>[] NoLong = [];
    private static readonly Measurement<double>[] NoDouble = [];

    private readonly ConcurrentDictionary<string, StatKind> _published = new(StringComparer.Ordinal);
    private readonly StatsStore _store;
    private readonly Meter _meter;

    /// <param name="tags">Tags of the meter itself: they tell two proxies of one process apart.</param>
    public StatsMeter(StatsStore store, IEnumerable<KeyValuePair<string, object?>>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(store);
        _store = store;
        _meter = new Meter(MeterName, version: null, tags, scope: store);
        store.StatAdded += OnStatAdded;
        store.Flushed += PublishAll;
        PublishAll();
    }

    public void Dispose()
    {
        _store.StatAdded -= OnStatAdded;
        _store.Flushed -= PublishAll;
        _meter.Dispose();
    }

    private void OnStatAdded(Stat stat)
    {
        // Publishing runs listeners' code, which has no place on a worker.
        if (StatsShard.Current is null)
        {
            Publish(stat);
        }
    }

    private void PublishAll() => _store.ForEach(Publish);

    private void Publish(Stat stat)
    {
        var name = stat.Name;
        if (!_published.TryAdd(name, stat.Kind))
        {
            return;
        }

        switch (stat.Kind)
        {
            case StatKind.Counter:
                _meter.CreateObservableCounter(name, () => Observe<Counter>(name, static c => c.Value));
                break;
            case StatKind.Gauge:
                _meter.CreateObservableUpDownCounter(name, () => Observe<Gauge>(name, static g => g.Value));
                break;
            default:
                _meter.CreateObservableCounter(name + ".count", () => Observe<Histogram>(name, static h => h.Cumulative.Count));
                _meter.CreateObservableCounter(name + ".sum", () => Observe<Histogram>(name, static h => h.Cumulative.Sum));
                _meter.CreateObservableGauge(name, () => ObserveQuantiles(name));
                break;
        }
    }

    private Measurement<long>[] Observe<T>(string name, Func<T, long> read)
        where T : Stat => _store.Find(name) is T stat ? [new Measurement<long>(read(stat))] : NoLong;

    private Measurement<double>[] ObserveQuantiles(string name)
    {
        if (_store.Find(name) is not Histogram histogram)
        {
            return NoDouble;
        }

        var snapshot = _store.HasFlushed ? histogram.Interval : histogram.Cumulative;
        if (snapshot.Count == 0)
        {
            return NoDouble;
        }

        var quantiles = HistogramSnapshot.SupportedQuantiles;
        var measurements = new Measurement<double>[quantiles.Length];
        for (var i = 0; i < quantiles.Length; i++)
        {
            measurements[i] = new Measurement<double>(snapshot.Quantile(quantiles[i]), new KeyValuePair<string, object?>("quantile", quantiles[i]));
        }

        return measurements;
    }
}
