using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>
/// What reading requests and responses has in common: the headers that frame a message and belong to one connection
/// only (RFC 9112 section 6, RFC 9110 section 7.6.1), and the body. Headers of the latter kind never reach the map.
/// </summary>
internal abstract class Http1MessageDecoder : Http1FieldReader
{
    private const int MaxNominatedHeaders = 10;

    private Http1ChunkReader _chunks;
    private long _remaining;
    private bool _inTrailers;
    private bool _nominates;
    private bool _chunkedSeen;
    private bool _unknownCodingSeen;

    private protected Http1MessageDecoder(Http1CodecOptions options, bool skipsEmptyLines)
        : base(options, skipsEmptyLines)
    {
        Reset();
    }

    /// <summary>How the body ends; known when the head is complete.</summary>
    public BodyFraming Framing { get; private protected set; }

    /// <summary>The length that the head gave, or -1. It says nothing about the body if the framing is another.</summary>
    public long ContentLength { get; private set; }

    /// <summary>Whether the connection can carry another message after this one (RFC 9112 section 9.3).</summary>
    public bool KeepAlive { get; private protected set; }

    /// <summary>Why decoding returned <see cref="DecodeStatus.Error"/>.</summary>
    public Http1Error Error => CurrentError;

    private protected bool Http10 { get; set; }

    private protected bool ConnectionClose { get; private set; }

    private protected bool ConnectionKeepAlive { get; private set; }

    private protected bool ConnectionUpgrade { get; private set; }

    private protected bool UpgradeSeen { get; private set; }

    private protected bool TransferEncodingSeen { get; private set; }

    /// <summary>From now on what arrives is a tunnel's bytes: after a 2xx to CONNECT or a 101 to an upgrade.</summary>
    public void StartTunnel()
    {
        Framing = BodyFraming.Tunnel;
        KeepAlive = false;
    }

    /// <summary>Before the next message of the connection. The map is the caller's to clear.</summary>
    public virtual void Reset()
    {
        ResetBlock(hasStartLine: true);
        Framing = BodyFraming.None;
        ContentLength = -1;
        KeepAlive = false;
        CurrentError = default;
        Http10 = false;
        ConnectionClose = false;
        ConnectionKeepAlive = false;
        ConnectionUpgrade = false;
        UpgradeSeen = false;
        TransferEncodingSeen = false;
        _chunkedSeen = false;
        _unknownCodingSeen = false;
        _nominates = false;
        _inTrailers = false;
        _remaining = 0;
    }

    /// <summary>
    /// Moves what there is of the body. Complete at the end of the message, trailers included; what follows it stays in
    /// <paramref name="input"/>. Trailers are put into <paramref name="trailers"/> if the options let them pass.
    /// </summary>
    public DecodeStatus DecodeBody(IoBuffer input, IoBuffer output, HeaderTrailers? trailers)
    {
        if (CurrentError.IsSet)
        {
            return DecodeStatus.Error;
        }

        switch (Framing)
        {
            case BodyFraming.None:
                return DecodeStatus.Complete;

            case BodyFraming.ContentLength:
                var n = Math.Min(_remaining, input.Length);
                output.MoveFrom(input, n);
                _remaining -= n;
                return _remaining == 0 ? DecodeStatus.Complete : DecodeStatus.NeedMore;

            case BodyFraming.Chunked:
                return DecodeChunked(input, output, trailers);

            default:
                output.MoveFrom(input);
                return DecodeStatus.NeedMore;
        }
    }

    private DecodeStatus DecodeChunked(IoBuffer input, IoBuffer output, HeaderTrailers? trailers)
    {
        if (!_inTrailers)
        {
            var status = _chunks.Read(input, output);
            if (status != DecodeStatus.Complete)
            {
                return status == DecodeStatus.Error ? Fail(_chunks.Error) : status;
            }

            _inTrailers = true;
            ResetBlock(hasStartLine: false);
        }

        return ReadBlock(input, Options.Protocol.EnableTrailers ? trailers : null);
    }

    /// <summary>Chooses the framing by the headers alone, for a message that may have a body.</summary>
    private protected bool ChooseFraming(HeaderMap map, BodyFraming otherwise)
    {
        if (TransferEncodingSeen)
        {
            if (Http10)
            {
                return Refuse(Http1Errors.TransferEncodingInHttp10);
            }

            if (_unknownCodingSeen || !_chunkedSeen)
            {
                return Refuse(_unknownCodingSeen ? Http1Errors.UnknownTransferEncoding : Http1Errors.BadTransferEncoding);
            }

            if (ContentLength >= 0)
            {
                if (!Options.Protocol.AllowChunkedLength)
                {
                    return Refuse(Http1Errors.ContentLengthAndChunked);
                }

                map.Remove(HeaderNames.ContentLength);
                ContentLength = -1;
                KeepAlive = false;
            }

            Framing = BodyFraming.Chunked;
            _chunks = default;
            return true;
        }

        Framing = ContentLength < 0 ? otherwise : ContentLength == 0 ? BodyFraming.None : BodyFraming.ContentLength;
        _remaining = ContentLength;
        return true;
    }

    private protected bool Refuse(in Http1Error error)
    {
        CurrentError = error;
        return false;
    }

    private protected override bool OnSpecial(HeaderId id, ReadOnlySpan<byte> value)
    {
        if (_inTrailers)
        {
            return false;
        }

        switch (id)
        {
            case HeaderId.ContentLength:
                OnContentLength(value);
                return true;

            case HeaderId.Connection:
                return OnConnection(value);

            case HeaderId.TransferEncoding:
                OnTransferEncoding(value);
                return false;

            case HeaderId.Upgrade:
                UpgradeSeen = true;
                return true;

            case HeaderId.TE:
                // Of what TE may say, only this outlives a hop: the peer will take trailers (RFC 9110 section 10.1.4).
                return HeaderBytes.EqualsIgnoreCase(value, "trailers"u8) || ListHas(value, "trailers"u8);

            case HeaderId.KeepAlive:
            case HeaderId.ProxyConnection:
            case HeaderId.Http2Settings:
                return false;

            default:
                return true;
        }
    }

    private protected override unsafe bool Keeps(HeaderId id, byte* name, int length) =>
        !ForbiddenTrailers.Contains(id, new ReadOnlySpan<byte>(name, length));

    private protected override bool OnBlockEnd(HeaderMap? map)
    {
        if (_inTrailers)
        {
            return true;
        }

        Debug.Assert(map is not null);
        KeepAlive = Http10 ? ConnectionKeepAlive && !ConnectionClose : !ConnectionClose;
        if (_nominates && !RemoveNominated(map))
        {
            return false;
        }

        if (map.Contains(HeaderId.TE) && !HeaderBytes.EqualsIgnoreCase(map.Get(HeaderNames.TE), "trailers"u8))
        {
            map.Set(HeaderNames.TE, "trailers"u8);
        }

        return OnHeadEnd(map);
    }

    /// <summary>The head is complete: check it as a whole and choose the framing.</summary>
    private protected abstract bool OnHeadEnd(HeaderMap map);

    private void OnContentLength(ReadOnlySpan<byte> value)
    {
        // Lists ("5, 5") and repeated fields are refused even when all say the same. RFC 9110 section 8.6 allows that,
        // and two parsers that could disagree about it never meet.
        if (ContentLength >= 0)
        {
            CurrentError = Http1Errors.RepeatedContentLength;
            return;
        }

        if (value.Length is 0 or > 18)
        {
            CurrentError = Http1Errors.BadContentLength;
            return;
        }

        var length = 0L;
        foreach (var b in value)
        {
            var digit = (uint)(b - '0');
            if (digit > 9)
            {
                CurrentError = Http1Errors.BadContentLength;
                return;
            }

            length = (length * 10) + digit;
        }

        ContentLength = length;
    }

    /// <summary>Whether the field must be kept until the head's end, because it names other headers.</summary>
    private bool OnConnection(ReadOnlySpan<byte> value)
    {
        // Nearly always it is just this.
        if (HeaderBytes.EqualsIgnoreCase(value, "keep-alive"u8))
        {
            ConnectionKeepAlive = true;
            return false;
        }

        var names = false;
        while (HeaderBytes.NextListElement(ref value, out var option))
        {
            if (HeaderBytes.EqualsIgnoreCase(option, "keep-alive"u8))
            {
                ConnectionKeepAlive = true;
            }
            else if (HeaderBytes.EqualsIgnoreCase(option, "close"u8))
            {
                ConnectionClose = true;
            }
            else if (HeaderBytes.EqualsIgnoreCase(option, "upgrade"u8))
            {
                ConnectionUpgrade = true;
            }
            else if (!HeaderBytes.EqualsIgnoreCase(option, "te"u8) && !HeaderBytes.EqualsIgnoreCase(option, "http2-settings"u8))
            {
                names = true;
            }
        }

        _nominates |= names;
        return names;
    }

    private void OnTransferEncoding(ReadOnlySpan<byte> value)
    {
        TransferEncodingSeen = true;
        var any = false;
        while (HeaderBytes.NextListElement(ref value, out var coding))
        {
            any = true;
            var isChunked = HeaderBytes.EqualsIgnoreCase(coding, "chunked"u8);
            if (_chunkedSeen || !(isChunked || IsCoding(coding)))
            {
                // Chunked twice, something after it, or no coding at all.
                CurrentError = Http1Errors.BadTransferEncoding;
                return;
            }

            _chunkedSeen |= isChunked;
            _unknownCodingSeen |= !isChunked;
        }

        if (!any)
        {
            CurrentError = Http1Errors.BadTransferEncoding;
        }
    }

    private static bool IsCoding(ReadOnlySpan<byte> coding)
    {
        var name = HeaderBytes.Trim(coding.IndexOf((byte)';') is var end and >= 0 ? coding[..end] : coding);

        // "chunked;x=y" is not chunked, and no other coding either.
        return HeaderBytes.IsToken(name) && !HeaderBytes.EqualsIgnoreCase(name, "chunked"u8);
    }

    private static bool ListHas(ReadOnlySpan<byte> list, ReadOnlySpan<byte> word)
    {
        while (HeaderBytes.NextListElement(ref list, out var element))
        {
            if (HeaderBytes.EqualsIgnoreCase(element, word))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Takes out what Connection names (RFC 9110 section 7.6.1). As in Envoy, a message is refused that names more than
    /// a few, or one whose loss would change where the message goes, how it is framed, or who is believed to have sent it.
    /// </summary>
    private bool RemoveNominated(HeaderMap map)
    {
        var count = 0;
        var slots = map.Slots;
        for (var i = 0; i < slots.Length; i++)
        {
            if (slots[i].Id != HeaderId.Connection)
            {
                continue;
            }

            var list = map.ValueOf(slots[i]);
            while (HeaderBytes.NextListElement(ref list, out var option))
            {
                if (++count > MaxNominatedHeaders || !HeaderBytes.IsToken(option))
                {
                    return Refuse(Http1Errors.BadConnection);
                }

                var id = HeaderTable.Find(option);
                if (IsIndispensable(id, option))
                {
                    return Refuse(Http1Errors.BadConnection);
                }

                if (id == HeaderId.None)
                {
                    map.RemoveCustom(option);
                }
                else if (id is not (HeaderId.Connection or HeaderId.Upgrade or HeaderId.TE or HeaderId.TransferEncoding))
                {
                    // Those were dealt with already.
                    map.Remove(new HeaderName(id));
                }
            }
        }

        map.Remove(HeaderNames.Connection);
        return true;
    }

    private static bool IsIndispensable(HeaderId id, ReadOnlySpan<byte> name) =>
        id is HeaderId.Host or HeaderId.ContentLength or HeaderId.XForwardedFor or HeaderId.XForwardedHost
            or HeaderId.XForwardedProto or HeaderId.XForwardedPort or HeaderId.XForwardedClientCert or HeaderId.Forwarded or HeaderId.Via
            or HeaderId.Authorization or HeaderId.Cookie
        || (name.Length >= 8 && HeaderBytes.EqualsIgnoreCase(name[..8], "x-envoy-"u8));
}
