using System.Buffers.Text;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>Takes the port and the trailing dot off a request's host (Envoy: <c>strip_matching_host_port</c>, <c>strip_any_host_port</c>,
/// <c>strip_trailing_host_dot</c>). Immutable, safe from any thread.</summary>
internal sealed class HostNormalizer(HttpConnectionManagerConfig config)
{
    // A name in DNS has 253 characters at most; what is longer finds no virtual host with a name anyway.
    private const int MaxLength = 512;

    private readonly bool _stripDot = config.StripTrailingHostDot;
    private readonly bool _stripAnyPort = config.StripAnyHostPort;
    private readonly bool _stripMatchingPort = config.StripMatchingHostPort;

    /// <summary>Whether there is anything that <see cref="Apply"/> may do.</summary>
    public bool IsActive => _stripDot || _stripAnyPort || _stripMatchingPort;

    /// <param name="localPort">The port that the client connected to; 0 if there is none.</param>
    public void Apply(RequestHeaders headers, int localPort)
    {
        if (headers.Authority.Length > MaxLength)
        {
            return;
        }

        if (_stripDot)
        {
            StripDot(headers);
        }

        // A CONNECT's host is the address to connect to: without its port it would be another one.
        if ((_stripAnyPort || _stripMatchingPort) && !headers.MethodIs(KnownMethod.Connect))
        {
            StripPort(headers, localPort);
        }
    }

    private static void StripDot(RequestHeaders headers)
    {
        var host = headers.Authority;
        var dot = host.LastIndexOf((byte)'.');
        if (dot < 0)
        {
            return;
        }

        if (dot == host.Length - 1)
        {
            headers.SetAuthority(host[..dot]);
        }
        else if (host[dot + 1] == ':')
        {
            Span<byte> without = stackalloc byte[MaxLength];
            host[..dot].CopyTo(without);
            host[(dot + 1)..].CopyTo(without[dot..]);
            headers.SetAuthority(without[..(host.Length - 1)]);
        }
    }

    private void StripPort(RequestHeaders headers, int localPort)
    {
        var host = headers.Authority;
        var colon = HostPort.IndexOfColon(host);
        if (colon >= 0
            && Utf8Parser.TryParse(host[(colon + 1)..], out uint port, out var read) && read == host.Length - colon - 1
            && (_stripAnyPort || port == localPort))
        {
            headers.SetAuthority(host[..colon]);
        }
    }
}
