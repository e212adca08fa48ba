using MeshProxy.Core.Addresses;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Config;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What requests need to know of the connection that they came by; made once, at accept, so that a request only copies bytes.</summary>
/// <remarks>Belongs to the connection's worker. Idle connections hold it: it stays small.</remarks>
internal sealed class ClientIdentity
{
    private IpBits _lastForwarded;
    private NetworkAddress? _lastForwardedAddress;

    /// <param name="remote">The client: the peer, or what the PROXY protocol said.</param>
    /// <param name="directRemote">The socket's peer; it stands in where <paramref name="remote"/> is not known.</param>
    /// <param name="local">The address that the client connected to.</param>
    /// <param name="isTls">Whether the client came by TLS.</param>
    /// <param name="tls">What is known of it then.</param>
    /// <param name="lines">What connections from one address share.</param>
    public ClientIdentity(
        HttpConnectionManagerConfig config,
        NetworkAddress? remote,
        NetworkAddress? directRemote,
        NetworkAddress? local = null,
        bool isTls = false,
        TlsInfo? tls = null,
        ClientLinesCache? lines = null)
    {
        Remote = remote ?? directRemote;
        IsTls = isTls || tls is not null;
        Tls = tls;
        LocalPort = (local as SocketAddress)?.Port ?? 0;
        switch (Remote)
        {
            case SocketAddress ip:
                Lines = lines?.For(ip.Address) ?? new ClientLines(config, ip.Address);
                IsInternal = Lines.IsInternal;
                break;
            case UnixSocketAddress:
                IsInternal = config.InternalAddressConfig.UnixSockets;
                break;
        }
    }

    /// <summary>Null if it is not known.</summary>
    public NetworkAddress? Remote { get; }

    /// <summary>Null if the client does not come by IP.</summary>
    public ClientLines? Lines { get; }

    /// <summary>Whether the address counts as internal (Envoy: <c>internal_address_config</c>).</summary>
    public bool IsInternal { get; }

    public bool IsTls { get; }

    /// <summary>Null if the client does not come by TLS.</summary>
    public TlsInfo? Tls { get; }

    /// <summary>What <c>x-forwarded-client-cert</c> says of the client; null until it was needed.</summary>
    public byte[]? CertificateElement { get; set; }

    /// <summary>0 if the client does not come by IP.</summary>
    public int LocalPort { get; }

    /// <summary>The address of a request's client for logs. Makes one only if it differs from the last one that came by this connection.</summary>
    public NetworkAddress? AddressOf(in ClientAddress client)
    {
        if (!client.IsForwarded)
        {
            return Remote;
        }

        if (_lastForwardedAddress is null || _lastForwarded != client.Forwarded)
        {
            _lastForwarded = client.Forwarded;
            _lastForwardedAddress = client.ToNetworkAddress();
        }

        return _lastForwardedAddress;
    }
}
