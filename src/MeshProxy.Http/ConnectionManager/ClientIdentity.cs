using MeshProxy.Core.Network;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What requests need to know of the connection that they came by; made once, at accept, so that a request only copies bytes.</summary>
/// <remarks>Immutable. Idle connections hold it: it stays small.</remarks>
internal sealed class ClientIdentity
{
    /// <param name="remote">The client: the peer, or what the PROXY protocol said.</param>
    /// <param name="directRemote">The socket's peer; it stands in where <paramref name="remote"/> is not known.</param>
    /// <param name="local">The address that the client connected to.</param>
    /// <param name="isTls">Whether the client came by TLS.</param>
    public ClientIdentity(HttpConnectionManagerConfig config, NetworkAddress? remote, NetworkAddress? directRemote, NetworkAddress? local = null, bool isTls = false)
    {
        Remote = remote ?? directRemote;
        IsTls = isTls;
        LocalPort = (local as SocketAddress)?.Port ?? 0;
        switch (Remote)
        {
            case SocketAddress ip:
                AddressText = IpText.Format(ip.Address);
                foreach (var range in config.InternalAddressConfig.CidrRanges)
                {
                    IsInternal |= range.Contains(ip.Address);
                }

                break;
            case UnixSocketAddress:
                IsInternal = config.InternalAddressConfig.UnixSockets;
                break;
        }
    }

    /// <summary>Null if it is not known.</summary>
    public NetworkAddress? Remote { get; }

    /// <summary>The IP address as headers show it; empty if the client does not come by IP.</summary>
    public byte[] AddressText { get; } = [];

    /// <summary>Whether the address counts as internal (Envoy: <c>internal_address_config</c>).</summary>
    public bool IsInternal { get; }

    public bool IsTls { get; }

    /// <summary>0 if the client does not come by IP.</summary>
    public int LocalPort { get; }
}
