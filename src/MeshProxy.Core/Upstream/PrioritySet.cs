using System.Collections.Immutable;

namespace MeshProxy.Core.Upstream;

/// <summary>The hosts of one priority, as of one moment.</summary>
/// <param name="Hosts">All of them.</param>
/// <param name="HealthyHosts">Those that balancers prefer.</param>
public sealed record HostSet(ImmutableArray<Host> Hosts, ImmutableArray<Host> HealthyHosts);

/// <summary>A cluster's hosts by priority (0 first): an immutable snapshot that the control side publishes.</summary>
public sealed class PrioritySet(ImmutableArray<HostSet> priorities)
{
    public ImmutableArray<HostSet> Priorities { get; } = priorities;

    internal static PrioritySet FromHosts(IEnumerable<Host> hosts)
    {
        var sets = hosts
            .GroupBy(h => h.Priority)
            .OrderBy(g => g.Key)
            .Select(g => new HostSet([.. g], [.. g.Where(h => h.IsHealthy)]));
        return new PrioritySet([.. sets]);
    }
}
