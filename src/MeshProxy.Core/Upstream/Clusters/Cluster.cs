using System.Collections.Immutable;
using MeshProxy.Core.Config;
using MeshProxy.Core.Upstream.LoadBalancing;

namespace MeshProxy.Core.Upstream.Clusters;

/// <summary>One version of a cluster on the control side: its hosts and the balancer table built from them. Immutable once published.</summary>
internal sealed class Cluster
{
    private Cluster(ClusterInfo info, PrioritySet hosts, ILoadBalancerTable table)
    {
        Info = info;
        Hosts = hosts;
        Table = table;
    }

    public ClusterInfo Info { get; }

    public PrioritySet Hosts { get; }

    public ILoadBalancerTable Table { get; }

    /// <exception cref="ConfigException">The transport socket could not be made.</exception>
    public static Cluster Create(ClusterConfig config, ClusterContext context, int workerCount)
    {
        var name = string.IsNullOrEmpty(config.AltStatName) ? config.Name : config.AltStatName;
        var stats = new ClusterStats(context.Stats.Root.OwnedScope("cluster." + name));
        ClusterInfo info;
        try
        {
            info = new ClusterInfo(config, stats, context.CreateTransportSocket(config, stats.Scope));
        }
        catch
        {
            stats.Scope.Dispose();
            throw;
        }

        var hosts = PrioritySet.FromHosts(StaticHosts(config, workerCount));
        var all = hosts.Priorities.SelectMany(p => p.Hosts).ToImmutableArray();
        info.Stats.MembershipTotal.Set(all.Length);
        info.Stats.MembershipHealthy.Set(all.Count(h => h.IsHealthy));
        return new Cluster(info, hosts, new RoundRobinLoadBalancerFactory().Build(hosts));
    }

    private static List<Host> StaticHosts(ClusterConfig config, int workerCount)
    {
        var hosts = new List<Host>();
        foreach (var locality in config.LoadAssignment)
        {
            foreach (var endpoint in locality.LbEndpoints)
            {
                var host = new Host(endpoint.Address, endpoint.Hostname, endpoint.LoadBalancingWeight, (uint)locality.Priority, workerCount);
                if (endpoint.HealthStatus is HealthStatus.Unhealthy or HealthStatus.Draining or HealthStatus.Timeout)
                {
                    host.SetHealth(HostHealthFlags.FailedEdsHealth, on: true);
                }
                else if (endpoint.HealthStatus == HealthStatus.Degraded)
                {
                    host.SetHealth(HostHealthFlags.DegradedEdsHealth, on: true);
                }

                hosts.Add(host);
            }
        }

        return hosts;
    }
}
