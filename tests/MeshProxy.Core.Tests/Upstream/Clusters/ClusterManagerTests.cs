using MeshProxy.Core.Config;
using MeshProxy.Core.Stats;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.Upstream.Clusters;

public class ClusterManagerTests
{
    [Fact]
    public void Update_ClusterThatGoes_TakesItsStatsAlong()
    {
        var stats = new StatsStore(0);
        var manager = new ClusterManager(new ClusterContext { Stats = stats }, []);
        manager.Update([new ClusterConfig { Name = "stays" }, new ClusterConfig { Name = "goes" }], static _ => { });
        manager.Snapshot["stays"].Info.Stats.RequestsTotal.Add(3);
        var count = stats.Count;

        for (var i = 0; i < 100; i++)
        {
            manager.Update([new ClusterConfig { Name = "stays", ConnectTimeout = TimeSpan.FromSeconds(1 + i) }, new ClusterConfig { Name = "goes" + i }], static _ => { });
        }

        stats.Find("cluster.goes.upstream_rq_total").ShouldBeNull();
        stats.Find("cluster.goes99.upstream_rq_total").ShouldNotBeNull();
        ((Counter)stats.Find("cluster.stays.upstream_rq_total")!).Value.ShouldBe(3);
        stats.Count.ShouldBe(count);
    }

    [Fact]
    public void ControlLoop_HasItsOwnViewBesideTheWorkers()
    {
        var worker = SimulatedLoop.Create();
        var control = SimulatedLoop.Create();
        var manager = new ClusterManager(new ClusterContext { Stats = new StatsStore(0) }, [worker.Loop], control.Loop);
        manager.Update([new ClusterConfig { Name = "service" }], static apply => apply(0));

        var mine = manager.ForControl();
        mine.Loop.ShouldBe(control.Loop);
        mine.Get("service")!.Slot.ShouldNotBe(manager.ForWorker(0).Get("service")!.Slot);
        manager.Update([], static apply => apply(0));
        mine.Get("service").ShouldBeNull();
        Should.Throw<InvalidOperationException>(() => new ClusterManager(new ClusterContext { Stats = new StatsStore(0) }, []).ForControl());
    }
}
