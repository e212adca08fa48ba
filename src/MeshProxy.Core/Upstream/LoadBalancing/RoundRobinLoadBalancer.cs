using System.Collections.Immutable;

namespace MeshProxy.Core.Upstream.LoadBalancing;

/// <summary>Hosts in turn, by weight (Envoy: <c>ROUND_ROBIN</c>). Uses the first priority that has a healthy host; if none has, all of priority 0 (panic).</summary>
internal sealed class RoundRobinLoadBalancerFactory : ILoadBalancerFactory
{
    public ILoadBalancerTable Build(PrioritySet hosts) => new Table(Schedule(Usable(hosts)));

    private static ImmutableArray<Host> Usable(PrioritySet hosts)
    {
        foreach (var set in hosts.Priorities)
        {
            if (!set.HealthyHosts.IsEmpty)
            {
                return set.HealthyHosts;
            }
        }

        return hosts.Priorities.IsEmpty ? [] : hosts.Priorities[0].Hosts;
    }

    /// <summary>
    /// One period of the schedule: each host as often as its weight says, spread evenly (smooth weighted round robin). Weights
    /// are scaled down so that a period has at most about 4,096 steps a host set.
    /// </summary>
    private static Host[] Schedule(ImmutableArray<Host> hosts)
    {
        if (hosts.Length < 2 || hosts.All(h => h.Weight == hosts[0].Weight))
        {
            return [.. hosts];
        }

        var total = hosts.Sum(h => (double)h.Weight);
        var maxSteps = Math.Max(4096, hosts.Length * 4);
        var divisor = hosts.Select(h => h.Weight).Aggregate(GreatestCommonDivisor);
        var scale = Math.Max(divisor, total / maxSteps);
        var weights = hosts.Select(h => Math.Max(1L, (long)Math.Round(h.Weight / scale))).ToArray();
        var steps = weights.Sum();
        var current = new long[hosts.Length];
        var schedule = new Host[steps];
        for (var step = 0; step < steps; step++)
        {
            var best = 0;
            for (var i = 0; i < current.Length; i++)
            {
                current[i] += weights[i];
                if (current[i] > current[best])
                {
                    best = i;
                }
            }

            current[best] -= steps;
            schedule[step] = hosts[best];
        }

        return schedule;
    }

    private static uint GreatestCommonDivisor(uint a, uint b) => b == 0 ? a : GreatestCommonDivisor(b, a % b);

    private sealed class Table(Host[] schedule) : ILoadBalancerTable
    {
        // Workers start at different places, so that a burst of first requests does not meet one host.
        public ILoadBalancer CreateForWorker(int workerIndex) =>
            new Cursor(schedule, schedule.Length == 0 ? 0 : workerIndex % schedule.Length);
    }

    private sealed class Cursor(Host[] schedule, int next) : ILoadBalancer
    {
        private int _next = next;

        public Host? ChooseHost(in LoadBalancerContext context)
        {
            if (schedule.Length == 0)
            {
                return null;
            }

            var host = schedule[_next];
            if (++_next == schedule.Length)
            {
                _next = 0;
            }

            return host;
        }
    }
}
