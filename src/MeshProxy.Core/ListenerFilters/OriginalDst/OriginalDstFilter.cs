using MeshProxy.Core.Network;

namespace MeshProxy.Core.ListenerFilters.OriginalDst;

/// <summary>Takes the address that the client wanted to reach, before the firewall redirected it, for the local address
/// (envoy.filters.listener.original_dst).</summary>
/// <remarks>A connection that nobody redirected keeps its address.</remarks>
internal sealed class OriginalDstFilter : IListenerFilter
{
    /// <summary>Holds nothing: one serves all connections.</summary>
    public static readonly OriginalDstFilter Instance = new();

    public ValueTask<FilterStatus> OnAcceptAsync(IListenerFilterCallbacks callbacks)
    {
        if (callbacks.GetOriginalDestination() is { } original)
        {
            callbacks.LocalAddress = original;
        }

        return new ValueTask<FilterStatus>(FilterStatus.Continue);
    }
}
