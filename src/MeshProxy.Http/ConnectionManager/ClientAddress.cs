using MeshProxy.Core.Addresses;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>The address of a request's client as far as it can be trusted: the connection's, or one out of <c>x-forwarded-for</c>.</summary>
internal readonly struct ClientAddress
{
    private readonly NetworkAddress? _connection;
    private readonly IpBits _forwarded;

    private ClientAddress(NetworkAddress? connection, in IpBits forwarded, bool isForwarded)
    {
        _connection = connection;
        _forwarded = forwarded;
        IsForwarded = isForwarded;
    }

    /// <summary>Whether it comes out of <c>x-forwarded-for</c>.</summary>
    public bool IsForwarded { get; }

    /// <summary>The address if <see cref="IsForwarded"/>.</summary>
    public IpBits Forwarded => _forwarded;

    public static ClientAddress OfConnection(NetworkAddress? address) => new(address, default, isForwarded: false);

    public static ClientAddress OfForwarded(in IpBits address) => new(null, address, isForwarded: true);

    /// <summary>The address for logs; one out of a header has port 0, and is made anew at each call: it allocates.</summary>
    public NetworkAddress? ToNetworkAddress() => IsForwarded ? new SocketAddress(_forwarded.ToAddress(), 0) : _connection;

    /// <summary>Reads an entry of an <c>x-forwarded-for</c> list.</summary>
    /// <param name="list">The header's value.</param>
    /// <param name="skip">How many entries, from the right, to pass over.</param>
    /// <param name="text">The entry, trimmed.</param>
    /// <param name="isOnly">Whether the list has no other entry.</param>
    /// <returns>False if there are too few entries, or this one is not an IP address.</returns>
    public static bool TryReadForwarded(ReadOnlySpan<byte> list, int skip, out IpBits address, out ReadOnlySpan<byte> text, out bool isOnly)
    {
        address = default;
        text = default;
        isOnly = false;
        for (var i = 0; i < skip; i++)
        {
            var end = list.LastIndexOf((byte)',');
            if (end < 0)
            {
                return false;
            }

            list = list[..end];
        }

        var comma = list.LastIndexOf((byte)',');
        isOnly = comma < 0 && skip == 0;
        text = HeaderBytes.Trim(list[(comma + 1)..]);
        return IpText.TryParse(text, out address);
    }
}
