using System.Net;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>What the IP address of a client makes of requests: header lines ready to copy. Immutable; connections from one address share it.</summary>
internal sealed class ClientLines
{
    public ClientLines(HttpConnectionManagerConfig config, IPAddress address)
    {
        Address = address;
        Span<byte> text = stackalloc byte[IpText.MaxLength];
        text = text[..IpText.Format(address, text)];
        ForwardedFor = new HeaderLine(HeaderNames.XForwardedFor, text);
        ExternalAddress = new HeaderLine(HeaderNames.XEnvoyExternalAddress, text);
        foreach (var range in config.InternalAddressConfig.CidrRanges)
        {
            IsInternal |= range.Contains(address);
        }
    }

    public IPAddress Address { get; }

    /// <summary><c>x-forwarded-for</c> with the IP address alone.</summary>
    public HeaderLine ForwardedFor { get; }

    /// <summary><c>x-envoy-external-address</c> with the IP address.</summary>
    public HeaderLine ExternalAddress { get; }

    /// <summary>Whether the address counts as internal (Envoy: <c>internal_address_config</c>).</summary>
    public bool IsInternal { get; }
}

/// <summary>A worker's last clients by address: a mesh has few peers and many connections. Bounded; a collision replaces the older.</summary>
internal sealed class ClientLinesCache(HttpConnectionManagerConfig config)
{
    private readonly ClientLines?[] _lines = new ClientLines?[256];

    public ClientLines For(IPAddress address)
    {
        ref var slot = ref _lines[address.GetHashCode() & (_lines.Length - 1)];
        if (slot is null || !slot.Address.Equals(address))
        {
            slot = new ClientLines(config, address);
        }

        return slot;
    }
}
