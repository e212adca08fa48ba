using System.Diagnostics.Metrics;
using MeshProxy.Core.Stats;

namespace MeshProxy.Core.Tests.Stats;

public sealed class StatsMeterTests
{
    [Fact]
    public void Listener_Collecting_SeesCountersGaugesAndQuantiles()
    {
        var store = new StatsStore(1);
        store.Root.Counter("before").Add(1);
        using var meter = new StatsMeter(store);
        using var reader = new Reader(store);
        store.Root.Counter("http.a.downstream_rq_total").Add(7);
        store.Root.Gauge("http.a.downstream_cx_active").Add(2);
        var histogram = store.Root.Histogram("http.a.downstream_rq_time");
        for (var i = 1; i <= 100; i++)
        {
            histogram.Record(i);
        }

        var seen = reader.Collect();
        seen["before"].ShouldBe(1);
        seen["http.a.downstream_rq_total"].ShouldBe(7);
        seen["http.a.downstream_cx_active"].ShouldBe(2);
        seen["http.a.downstream_rq_time.count"].ShouldBe(100);
        seen["http.a.downstream_rq_time.sum"].ShouldBe(5050);
        seen["http.a.downstream_rq_time{0.5}"].ShouldBe(50);
        seen["http.a.downstream_rq_time{0.99}"].ShouldBe(99);
        reader.Kinds["http.a.downstream_rq_total"].ShouldBe(typeof(ObservableCounter<long>));
        reader.Kinds["http.a.downstream_cx_active"].ShouldBe(typeof(ObservableUpDownCounter<long>));
    }

    [Fact]
    public void Stat_MadeByAWorker_AppearsWithTheNextFlush()
    {
        var store = new StatsStore(1);
        using var meter = new StatsMeter(store);
        using var reader = new Reader(store);
        StatsStoreTests.RunThreads(1, _ =>
        {
            store.EnterWorker(0);
            store.Root.Counter("c").Increment();
        });
        reader.Collect().ShouldNotContainKey("c");
        store.Flush();
        reader.Collect()["c"].ShouldBe(1);
    }

    [Fact]
    public void Stat_RemovedAndMadeAgain_IsSilentThenBack()
    {
        var store = new StatsStore(1);
        using var meter = new StatsMeter(store);
        using var reader = new Reader(store);
        var owner = store.Root.OwnedScope("cluster.a");
        owner.Counter("c").Add(3);
        reader.Collect()["cluster.a.c"].ShouldBe(3);
        owner.Dispose();
        reader.Collect().ShouldNotContainKey("cluster.a.c");
        store.Root.OwnedScope("cluster.a").Counter("c").Add(1);
        reader.Collect()["cluster.a.c"].ShouldBe(1);
    }

    [Fact]
    public void Dispose_EndsTheMeter()
    {
        var store = new StatsStore(1);
        var meter = new StatsMeter(store);
        using var reader = new Reader(store);
        store.Root.Counter("c").Increment();
        meter.Dispose();
        store.Root.Counter("later").Increment();
        reader.Collect().ShouldBeEmpty();
    }

    private sealed class Reader : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Dictionary<string, double> _values = [];

        public Reader(StatsStore store)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                // Other tests have meters of the same name.
                if (instrument.Meter.Scope == store)
                {
                    Kinds[instrument.Name] = instrument.GetType();
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => _values[instrument.Name] = value);
            _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => _values[FormattableString.Invariant($"{instrument.Name}{{{tags[0].Value}}}")] = value);
            _listener.Start();
        }

        public Dictionary<string, Type> Kinds { get; } = [];

        public Dictionary<string, double> Collect()
        {
            _values.Clear();
            _listener.RecordObservableInstruments();
            return new Dictionary<string, double>(_values);
        }

        public void Dispose() => _listener.Dispose();
    }
}
