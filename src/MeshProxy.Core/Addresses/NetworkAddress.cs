using System.Net;

namespace MeshProxy.Core.Addresses;

/// <summary>An address that a listener binds or an endpoint has: IP and port, Unix domain socket, or a name inside this process.</summary>
/// <remarks>Immutable, compared by value, safe from any thread.</remarks>
public abstract record NetworkAddress
{
    /// <summary>Reads <c>127.0.0.1:80</c>, <c>[::1]:80</c>, <c>unix:/path</c>, <c>unix:@abstract</c> or <c>internal:name</c>.</summary>
    /// <exception cref="FormatException">The text is none of these.</exception>
    public static NetworkAddress Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.StartsWith("unix:", StringComparison.Ordinal))
        {
            return new UnixSocketAddress(text[5..]);
        }

        if (text.StartsWith("internal:", StringComparison.Ordinal))
        {
            return new InternalAddress(text[9..]);
        }

        if (text.LastIndexOf(':') > 0 && IPEndPoint.TryParse(text, out var endpoint) && (text[0] == '[' || text.Count(c => c == ':') == 1))
        {
            return new SocketAddress(endpoint.Address, endpoint.Port);
        }

        throw new FormatException($"'{text}' is not an address: write 127.0.0.1:80, [::1]:80, unix:/path, unix:@name or internal:name");
    }

    public static NetworkAddress Ip(string address, int port) => new SocketAddress(IPAddress.Parse(address), port);

    public static NetworkAddress Loopback(int port) => new SocketAddress(IPAddress.Loopback, port);
}

/// <summary>An IPv4 or IPv6 address and port (Envoy: <c>socket_address</c>).</summary>
public sealed record SocketAddress : NetworkAddress
{
    private string? _text;

    public SocketAddress(IPAddress address, int port)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentOutOfRangeException.ThrowIfNegative(port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(port, 65535);
        Address = address;
        Port = port;
    }

    public IPAddress Address { get; }

    /// <value>0 lets the system choose.</value>
    public int Port { get; }

    public bool Equals(SocketAddress? other) => other is not null && Port == other.Port && Address.Equals(other.Address);

    public override int GetHashCode() => HashCode.Combine(Address, Port);

    /// <summary><c>127.0.0.1:80</c> or <c>[::1]:80</c>.</summary>
    public override string ToString() => _text ??= new IPEndPoint(Address, Port).ToString();
}

/// <summary>A Unix domain socket's path (Envoy: <c>pipe</c>). A path that begins with @ is in the abstract namespace.</summary>
/// <param name="Path">At most 107 bytes.</param>
/// <param name="Mode">The permissions that the socket file gets when bound (Envoy: <c>mode</c>); null leaves the umask's.</param>
public sealed record UnixSocketAddress(string Path, UnixFileMode? Mode = null) : NetworkAddress
{
    public bool IsAbstract => Path.StartsWith('@');

    public override string ToString() => "unix:" + Path;
}

/// <summary>A listener of this process, reached in memory (Envoy: <c>envoy_internal_address</c>).</summary>
public sealed record InternalAddress(string Name) : NetworkAddress
{
    public override string ToString() => "internal:" + Name;
}
