using MeshProxy.Core.Stats;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Stats;

public sealed class StatsStoreTests
{
    [Fact]
    public void Scope_Nested_JoinsPrefixesByDots()
    {
        var store = new StatsStore(1);
        var counter = store.Root.Scope("http").Scope("ingress").Counter("downstream_rq_2xx");
        counter.Name.ShouldBe("http.ingress.downstream_rq_2xx");
        store.Root.Counter("http.ingress.downstream_rq_2xx").ShouldBeSameAs(counter);
        store.Find("http.ingress.downstream_rq_2xx").ShouldBeSameAs(counter);
    }

    [Fact]
    public void Name_AskedForAsAnotherKind_IsRefused()
    {
        var store = new StatsStore(1);
        store.Root.Counter("x");
        Should.Throw<InvalidOperationException>(() => store.Root.Gauge("x")).Message.ShouldContain("'x'");
    }

    [Fact]
    public void Counter_FromWorkersAndOtherThreads_SumsUp()
    {
        const int Workers = 4;
        const int Others = 3;
        const int Each = 200_000;
        var store = new StatsStore(Workers);
        var counter = store.Root.Counter("c");
        var gauge = store.Root.Gauge("g");
        var histogram = store.Root.Histogram("h");
        RunThreads(Workers + Others, i =>
        {
            if (i < Workers)
            {
                store.EnterWorker(i);
            }

            for (var n = 0; n < Each; n++)
            {
                counter.Increment();
                gauge.Add(2);
                gauge.Sub(1);
                histogram.Record(n & 15);
            }
        });

        counter.Value.ShouldBe((Workers + Others) * Each);
        gauge.Value.ShouldBe((Workers + Others) * Each);
        histogram.Cumulative.Count.ShouldBe((Workers + Others) * Each);
        histogram.Cumulative.Sum.ShouldBe((Workers + Others) * (Each / 16) * 120L);
    }

    [Fact]
    public void Counter_OnTheWorkerOfAnotherStore_IsNotLost()
    {
        var mine = new StatsStore(1);
        var other = new StatsStore(2);
        var counter = mine.Root.Counter("c");
        RunThreads(1, _ =>
        {
            other.EnterWorker(1);
            counter.Add(5);
            other.LeaveWorker();
            counter.Add(2);
        });
        counter.Value.ShouldBe(7);
    }

    [Fact]
    public void EnterWorker_WhileAnotherLiveThreadIsIt_IsRefused()
    {
        var store = new StatsStore(1);
        using var entered = new ManualResetEventSlim();
        using var end = new ManualResetEventSlim();
        var holder = new Thread(() =>
        {
            store.EnterWorker(0);
            entered.Set();
            end.Wait();
        });
        holder.Start();
        entered.Wait();
        RunThreads(1, _ => Should.Throw<InvalidOperationException>(() => store.EnterWorker(0)));
        end.Set();
        holder.Join();
        RunThreads(1, _ => store.EnterWorker(0));
    }

    [Fact]
    public void GetOrAdd_FromManyThreadsAtOnce_GivesOneObject()
    {
        var store = new StatsStore(1);
        var seen = new Counter[8, 500];
        RunThreads(8, i =>
        {
            for (var n = 0; n < 500; n++)
            {
                seen[i, n] = store.Root.Scope("s").Counter("c" + n);
                seen[i, n].Increment();
            }
        });
        store.Count.ShouldBe(500);
        for (var n = 0; n < 500; n++)
        {
            seen[0, n].Value.ShouldBe(8);
            seen[7, n].ShouldBeSameAs(seen[0, n]);
        }
    }

    [Fact]
    public void Gauge_SetAfterWorkersAdded_HasThatValue()
    {
        var store = new StatsStore(1);
        var gauge = store.Root.Gauge("g");
        RunThreads(1, _ =>
        {
            store.EnterWorker(0);
            gauge.Add(10);
        });
        gauge.Set(3);
        gauge.Value.ShouldBe(3);
        gauge.Sub(1);
        gauge.Value.ShouldBe(2);
    }

    [Fact]
    public void OwnedScope_Disposed_TakesItsStatsAway()
    {
        var store = new StatsStore(1);
        var cluster = store.Root.OwnedScope("cluster.a");
        var total = cluster.Counter("upstream_cx_total");
        var nested = cluster.Scope("ssl").Counter("handshake");
        store.Root.Counter("server.live");
        cluster.Dispose();
        store.Snapshot().Select(s => s.Name).ShouldBe(["server.live"]);
        total.IsListed.ShouldBeFalse();

        // A draining connection counts on, even for a name it had not asked for before, and nothing comes back into the list.
        total.Increment();
        nested.Increment();
        cluster.Counter("late").Increment();
        total.Value.ShouldBe(1);
        store.Count.ShouldBe(1);

        // A successor starts from zero: the old cells are not its cells.
        var successor = store.Root.OwnedScope("cluster.a").Counter("upstream_cx_total");
        successor.ShouldNotBeSameAs(total);
        successor.Value.ShouldBe(0);
        total.Increment();
        successor.Value.ShouldBe(0);
    }

    [Fact]
    public void OwnedScope_OfTwoOwners_KeepsStatsUntilTheLastGoes()
    {
        var store = new StatsStore(1);
        var old = store.Root.OwnedScope("cluster.a");
        var updated = store.Root.OwnedScope("cluster.a");
        var counter = old.Counter("c");
        counter.Add(4);
        updated.Counter("c").ShouldBeSameAs(counter);
        old.Dispose();
        old.Dispose();
        counter.IsListed.ShouldBeTrue();
        updated.Counter("c").Value.ShouldBe(4);
        updated.Dispose();
        counter.IsListed.ShouldBeFalse();
    }

    [Fact]
    public void Counters_MoreThanABlockHolds_AreApart()
    {
        var store = new StatsStore(2);
        var counters = Enumerable.Range(0, (3 * CellBlock.Capacity) + 1).Select(i => store.Root.Counter("c" + i)).ToArray();
        RunThreads(1, _ =>
        {
            store.EnterWorker(1);
            for (var i = 0; i < counters.Length; i++)
            {
                counters[i].Add(i);
            }
        });
        for (var i = 0; i < counters.Length; i++)
        {
            counters[i].Value.ShouldBe(i);
        }
    }

    [Fact]
    public void Flush_SeparatesIntervals()
    {
        var store = new StatsStore(1);
        var counter = store.Root.Counter("c");
        var histogram = store.Root.Histogram("h");
        counter.Add(3);
        histogram.Record(10);
        store.Flush();
        counter.IntervalValue.ShouldBe(3);
        histogram.Interval.Count.ShouldBe(1);
        counter.Add(2);
        histogram.Record(50);
        histogram.Record(50);
        store.Flush();
        counter.IntervalValue.ShouldBe(2);
        counter.Value.ShouldBe(5);
        histogram.Interval.Count.ShouldBe(2);
        histogram.Interval.Sum.ShouldBe(100);
        histogram.Interval.Quantile(0).ShouldBe(50);
        histogram.Cumulative.Count.ShouldBe(3);
        store.Flush();
        counter.IntervalValue.ShouldBe(0);
        histogram.Interval.Count.ShouldBe(0);
    }

    [Fact]
    public void Worker_InSteadyState_AllocatesNothing()
    {
        var store = new StatsStore(1);
        var counter = store.Root.Counter("c");
        var histogram = store.Root.Histogram("h");
        long allocated = -1;
        RunThreads(1, _ =>
        {
            store.EnterWorker(0);
            Count(1000);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Count(1000);
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        });
        allocated.ShouldBeLessThan(Allocations.Noise);

        void Count(int times)
        {
            for (var i = 0; i < times; i++)
            {
                counter.Increment();
                histogram.Record(i * 37);
            }
        }
    }

    internal static void RunThreads(int count, Action<int> body)
    {
        var faults = new Exception?[count];
        var threads = new Thread[count];
        for (var i = 0; i < count; i++)
        {
            var index = i;
            threads[i] = new Thread(() =>
            {
                try
                {
                    body(index);
                }
                catch (Exception e)
                {
                    faults[index] = e;
                }
            });
            threads[i].Start();
        }

        foreach (var thread in threads)
        {
            thread.Join();
        }

        faults.Where(f => f is not null).ShouldBeEmpty();
    }
}
