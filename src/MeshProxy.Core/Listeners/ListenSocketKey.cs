using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.Listeners;

/// <summary>What makes two listeners' addresses the same listen sockets, so that an update hands them over.</summary>
/// <param name="Address">As configured.</param>
/// <param name="Owner">For an address whose port the system chooses: the listener and which of its addresses; else empty.</param>
internal readonly record struct ListenSocketKey(NetworkAddress Address, bool ReusePort, bool Ipv4Compat, string Owner)
{
    /// <summary>The keys of all addresses of a listener; none if it does not bind.</summary>
    public static IEnumerable<ListenSocketKey> Of(ListenerConfig config)
    {
        if (!config.BindToPort)
        {
            yield break;
        }

        yield return For(config, config.Address, 0);
        for (var i = 0; i < config.AdditionalAddresses.Count; i++)
        {
            yield return For(config, config.AdditionalAddresses[i], i + 1);
        }
    }

    private static ListenSocketKey For(ListenerConfig config, NetworkAddress address, int index) => new(
        address,
        config.EnableReusePort && address is SocketAddress,
        config.Ipv4Compat && address is SocketAddress { Address.AddressFamily: System.Net.Sockets.AddressFamily.InterNetworkV6 },
        address is SocketAddress { Port: 0 } ? $"{config.Name}#{index}" : "");
}
