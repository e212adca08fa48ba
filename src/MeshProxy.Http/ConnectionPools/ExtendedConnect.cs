using System.Buffers.Text;
using System.Security.Cryptography;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>An upgrade as HTTP/2 knows it (RFC 8441): a CONNECT with <c>:protocol</c>, granted by a 200 instead of a 101.</summary>
/// <remarks>Worker thread only. The request's own headers stay as they are, for filters and access logs.</remarks>
internal sealed class ExtendedConnect(SlabPool slabs)
{
    private const int MaxAcceptedKeyBytes = 256;

    private RequestHeaders? _upgrade;

    /// <summary>Whether the head waits to be sent.</summary>
    public bool IsPending { get; set; }

    /// <summary>What is sent in place of the upgrade.</summary>
    public RequestHeaders Request { get; } = new(slabs);

    public void Begin(RequestHeaders upgrade)
    {
        _upgrade = upgrade;
        IsPending = true;
        Request.CopyFrom(upgrade);
        Request.SetMethod(KnownMethod.Connect);
        var list = upgrade.Get(HeaderNames.Upgrade);
        HeaderBytes.NextListElement(ref list, out var protocol);
        Request.SetProtocol(protocol);
        Request.Remove(HeaderNames.Upgrade);
        Request.Remove(HeaderNames.Connection);
        Request.Remove(HeaderNames.ContentLength);
    }

    /// <summary>Makes a 2xx what an upgrade is granted by.</summary>
    public void Accept(ResponseHeaders head)
    {
        head.Status = 101;
        head.Set(HeaderNames.Upgrade, Request.Protocol);
        head.Set(HeaderNames.Connection, "upgrade"u8);
        head.Remove(HeaderNames.ContentLength);
        if (HeaderBytes.EqualsIgnoreCase(Request.Protocol, "websocket"u8))
        {
            AddWebSocketAccept(head);
        }
    }

    public void Clear()
    {
        IsPending = false;
        _upgrade = null;
        Request.Clear();
    }

    /// <summary>WebSocket over HTTP/2 has no key and no proof of it; a client of HTTP/1.1 insists on one (RFC 6455 section 4.2.2).</summary>
    private void AddWebSocketAccept(ResponseHeaders head)
    {
        var key = _upgrade is null ? default : _upgrade.Get(WebSocketHeaders.Key);
        if (key.IsEmpty || key.Length > MaxAcceptedKeyBytes || head.Contains(WebSocketHeaders.Accept))
        {
            return;
        }

        Span<byte> input = stackalloc byte[MaxAcceptedKeyBytes + 36];
        key.CopyTo(input);
        "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"u8.CopyTo(input[key.Length..]);
        Span<byte> hash = stackalloc byte[SHA1.HashSizeInBytes];
#pragma warning disable CA5350 // The protocol says SHA-1; it proves that the peer speaks WebSocket, and protects nothing.
        SHA1.HashData(input[..(key.Length + 36)], hash);
#pragma warning restore CA5350
        Span<byte> text = stackalloc byte[28];
        Base64.EncodeToUtf8(hash, text, out _, out var written);
        head.Set(WebSocketHeaders.Accept, text[..written]);
    }
}

/// <summary>The two headers of the WebSocket handshake that matter here.</summary>
internal static class WebSocketHeaders
{
    public static readonly HeaderName Key = HeaderName.Parse("sec-websocket-key");

    public static readonly HeaderName Accept = HeaderName.Parse("sec-websocket-accept");
}
