using System.Net;
using MeshProxy.Core.Addresses;
using MeshProxy.Http.Config;
using SocketAddress = MeshProxy.Core.Addresses.SocketAddress;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Says which addresses count as internal. Immutable, safe from any thread.</summary>
internal sealed class InternalAddresses(InternalAddressConfig config)
{
    private static readonly object Inside = new();

    private readonly IpPrefixMap<object> _ranges = new(config.CidrRanges.Distinct().Select(static r => KeyValuePair.Create(r, Inside)));

    private readonly bool _any = !config.CidrRanges.IsEmpty;

    public bool Contains(in IpBits address) => _any && _ranges.Find(address) is not null;

    public bool Contains(IPAddress address) => Contains(IpBits.From(address));

    /// <summary>An address inside of this process is not internal: its streams speak for whoever made them.</summary>
    public bool Contains(NetworkAddress? address) => address switch
    {
        SocketAddress ip => Contains(ip.Address),
        UnixSocketAddress => config.UnixSockets,
        _ => false,
    };
}
