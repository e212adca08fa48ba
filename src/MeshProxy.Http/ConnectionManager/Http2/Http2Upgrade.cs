using System.Buffers.Text;
using System.Security.Cryptography;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>Inside the proxy an upgrade has HTTP/1's form, whatever the client speaks: filters and upstreams know one.</summary>
internal static class Http2Upgrade
{
    private static readonly HeaderName s_key = Name("sec-websocket-key"u8);
    private static readonly HeaderName s_accept = Name("sec-websocket-accept"u8);

    /// <summary>Makes an extended CONNECT (RFC 8441) a GET that asks for an upgrade.</summary>
    /// <returns>Whether it was given a key, which HTTP/1 servers ask for and HTTP/2 clients do not send.</returns>
    public static bool FromExtendedConnect(RequestHeaders headers)
    {
        headers.SetMethod(KnownMethod.Get);
        headers.Set(HeaderNames.Upgrade, headers.Protocol);
        headers.Set(HeaderNames.Connection, "upgrade"u8);
        headers.SetProtocol([]);
        if (!HeaderBytes.EqualsIgnoreCase(headers.Get(HeaderNames.Upgrade), "websocket"u8) || headers.Contains(s_key))
        {
            return false;
        }

        Span<byte> random = stackalloc byte[16];
        RandomNumberGenerator.Fill(random);
        Span<byte> key = stackalloc byte[24];
        Base64.EncodeToUtf8(random, key, out _, out var length);
        headers.Set(s_key, key[..length]);
        return true;
    }

    /// <summary>The answer to a key that the client does not know of.</summary>
    public static void RemoveAccept(ResponseHeaders headers) => headers.Remove(s_accept);

    private static HeaderName Name(ReadOnlySpan<byte> name) => HeaderName.TryCreate(name, out var created) ? created : throw new ArgumentException("no name");
}
