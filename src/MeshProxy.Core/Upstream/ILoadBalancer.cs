namespace MeshProxy.Core.Upstream;

/// <summary>What a balancer may look at when it chooses.</summary>
/// <param name="Hash">A hash of the request for consistent-hashing balancers, if a policy made one.</param>
public readonly record struct LoadBalancerContext(ulong? Hash = null);

/// <summary>One worker's view of a balancer: its own cursor and random source over an immutable table. Chooses at once and allocates nothing.</summary>
public interface ILoadBalancer
{
    /// <summary>Null when no host can be used.</summary>
    Host? ChooseHost(in LoadBalancerContext context);
}

/// <summary>Builds a balancer's shared table from a snapshot of hosts; runs on the control side.</summary>
public interface ILoadBalancerFactory
{
    /// <summary>The table for these hosts, which then makes one <see cref="ILoadBalancer"/> for each worker.</summary>
    ILoadBalancerTable Build(PrioritySet hosts);
}

/// <summary>The part of a balancer that all workers share. Immutable.</summary>
public interface ILoadBalancerTable
{
    ILoadBalancer CreateForWorker(int workerIndex);
}
