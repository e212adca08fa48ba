using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Stats;

namespace MeshProxy.Benchmarks;

/// <summary>What a stat costs on a worker and elsewhere.</summary>
[MemoryDiagnoser]
public class StatsBenchmarks
{
    private const int Operations = 1024;

    private readonly StatsStore _store = new(2);
    private readonly StatsStore _other = new(2);
    private Counter _counter = null!;
    private Counter _shared = null!;
    private readonly Counter[] _counters = new Counter[8];
    private Gauge _gauge = null!;
    private Histogram _histogram = null!;

    [GlobalSetup]
    public void Setup()
    {
        _store.EnterWorker(1);
        _counter = _store.Root.Counter("c");
        for (var i = 0; i < _counters.Length; i++)
        {
            _counters[i] = _store.Root.Counter("c" + i);
        }

        _gauge = _store.Root.Gauge("g");
        _histogram = _store.Root.Histogram("h");
        _shared = _other.Root.Counter("c");
        for (var i = 0; i < Operations; i++)
        {
            _histogram.Record(i * 13);
        }
    }

    [Benchmark(OperationsPerInvoke = 16 * Operations)]
    public void CounterIncrement()
    {
        for (var i = 0; i < 16 * Operations; i++)
        {
            _counter.Increment();
        }
    }

    /// <summary>Different counters in turn, as a request does: one addition need not wait for the one before.</summary>
    [Benchmark(OperationsPerInvoke = 16 * Operations)]
    public void CounterIncrementInTurn()
    {
        var counters = _counters;
        for (var i = 0; i < 16 * Operations; i++)
        {
            counters[i & 7].Increment();
        }
    }

    [Benchmark(OperationsPerInvoke = 16 * Operations)]
    public void GaugeUpAndDown()
    {
        for (var i = 0; i < 16 * Operations; i++)
        {
            _gauge.Increment();
            _gauge.Decrement();
        }
    }

    [Benchmark(OperationsPerInvoke = 16 * Operations)]
    public void HistogramRecord()
    {
        for (var i = 0; i < 16 * Operations; i++)
        {
            _histogram.Record((i & (Operations - 1)) * 13);
        }
    }

    [Benchmark(OperationsPerInvoke = 16 * Operations)]
    public void CounterIncrementOffWorker()
    {
        for (var i = 0; i < 16 * Operations; i++)
        {
            _shared.Increment();
        }
    }
}
