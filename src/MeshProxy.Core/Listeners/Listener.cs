using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Config;
using MeshProxy.Core.ListenerFilters;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Listeners;

/// <summary>One version of a listener: what its workers need to serve a connection. Made on the control side; immutable once published.</summary>
internal sealed class Listener
{
    public required ListenerConfig Config { get; init; }

    public required ListenerStats Stats { get; init; }

    public required IReadOnlyList<FilterChain> Chains { get; init; }

    public FilterChain? DefaultChain { get; init; }

    public required FilterChainMatcher<FilterChain> Matcher { get; init; }

    public required IListenerFilterFactory[] ListenerFilters { get; init; }

    public required ConnectionOptions ConnectionOptions { get; init; }

    /// <summary>Of all versions of this listener.</summary>
    public required ConnectionLimiter Limiter { get; init; }

    /// <summary>Of all versions of this listener; null where the kernel's choice stands.</summary>
    public ExactBalancer? Balancer { get; init; }

    /// <summary>Get each connection at its end, on its worker.</summary>
    public required IAccessLog[] AccessLogs { get; init; }

    public string Name => Config.Name;

    public IEnumerable<FilterChain> AllChains => DefaultChain is null ? Chains : Chains.Append(DefaultChain);
}
