using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Checks the fields of one block by RFC 9113 section 8 and puts them into a header map.</summary>
/// <remarks>A value of the codec's stack. <see cref="Finish"/> must follow, whatever was found.</remarks>
internal struct Http2HeadSink : IHpackSink
{
    /// <summary>What a field counts beside its name and value (RFC 9113 section 6.5.2).</summary>
    private const int FieldOverhead = 32;

    private readonly Http2CodecOptions _options;
    private readonly Http2BlockKind _kind;
    private readonly HeaderMap? _map;
    private readonly SlabPool _slabs;
    private CookieCrumbs _cookies;
    private uint _pseudoSeen;
    private bool _regularSeen;
    private bool _hostSeen;
    private int _bytes;
    private int _count;

    public Http2HeadSink(Http2CodecOptions options, Http2BlockKind kind, HeaderMap? map, SlabPool slabs)
    {
        _options = options;
        _kind = kind;
        _map = map;
        _slabs = slabs;
        ContentLength = -1;
    }

    public Http2BlockFault Fault { get; private set; }

    /// <summary>Why, in words.</summary>
    public string Reason { get; private set; } = "";

    /// <summary>What content-length says; -1 if it says nothing.</summary>
    public long ContentLength { get; private set; }

    public int DroppedUnderscores { get; private set; }

    public bool OnHeader(in HpackField field)
    {
        if (_kind == Http2BlockKind.Discarded)
        {
            return false;
        }

        _bytes += field.Name.Length + field.Value.Length + FieldOverhead;
        if (_bytes > _options.HeadKb * 1024)
        {
            return Refuse(Http2BlockFault.TooLarge, "the header list is larger than the limit");
        }

        if (!IsValue(field.Value))
        {
            return Refuse(Http2BlockFault.InvalidField, "a control character in a header value, or white space around it");
        }

        if (field.Pseudo != HpackPseudo.None)
        {
            return OnPseudo(field);
        }

        _regularSeen = true;
        return field.Id != HeaderId.None ? OnKnown(field) : OnCustom(field);
    }

    /// <summary>The end of the block: checks what the message as a whole must have. Returns whether it is in order.</summary>
    public bool Finish(bool endStream)
    {
        if (!_cookies.IsEmpty)
        {
            _map!.AddDecoded(HeaderId.Cookie, "cookie"u8, _cookies.Value, _cookies.NeverIndexed);
            _cookies.Release();
        }

        if (Fault != Http2BlockFault.None)
        {
            return false;
        }

        return _kind switch
        {
            Http2BlockKind.Request => FinishRequest((RequestHeaders)_map!, endStream),
            Http2BlockKind.Response => FinishResponse((ResponseHeaders)_map!, endStream),
            Http2BlockKind.Trailers => endStream || Malformed("trailers without END_STREAM"),
            _ => true,
        };
    }

    // RFC 9113 section 8.2.1 asks for NUL, CR and LF; no other control character is legal in HTTP/1 (RFC 9110 section 5.5).
    private static bool IsValue(ReadOnlySpan<byte> value) =>
        value.IsEmpty
        || (!HeaderBytes.ContainsControl(value) && value[0] is not ((byte)' ' or (byte)'\t') && value[^1] is not ((byte)' ' or (byte)'\t'));

    private bool Refuse(Http2BlockFault fault, string reason)
    {
        Fault = fault;
        Reason = reason;
        return false;
    }

    private bool Malformed(string reason) => Refuse(Http2BlockFault.Malformed, reason);

    private bool OnPseudo(in HpackField field)
    {
        var bit = 1u << (int)field.Pseudo;
        if (_kind == Http2BlockKind.Trailers)
        {
            return Malformed("a pseudo-header in trailers");
        }

        if (_regularSeen)
        {
            return Malformed("a pseudo-header behind a header");
        }

        if ((_pseudoSeen & bit) != 0)
        {
            return Malformed("a pseudo-header twice");
        }

        _pseudoSeen |= bit;
        if (_kind == Http2BlockKind.Response)
        {
            return field.Pseudo == HpackPseudo.Status ? OnStatus(field) : Malformed("a request's pseudo-header in a response");
        }

        var request = (RequestHeaders)_map!;
        switch (field.Pseudo)
        {
            case HpackPseudo.Method:
                if (!HeaderBytes.IsToken(field.Value))
                {
                    return Malformed("the method is not a token");
                }

                request.SetMethod(field.Value);
                return Mark(request, RequestHeaders.NeverIndexedParts.Method, field);

            case HpackPseudo.Path:
                if (field.Value.IsEmpty || !HeaderBytes.IsTarget(field.Value))
                {
                    return Malformed("the path is empty or holds what may not stand there");
                }

                request.SetPath(field.Value);
                return Mark(request, RequestHeaders.NeverIndexedParts.Path, field);

            case HpackPseudo.Scheme:
                if (!IsScheme(field.Value))
                {
                    return Malformed("the scheme is malformed");
                }

                request.SetScheme(field.Value);
                return Mark(request, RequestHeaders.NeverIndexedParts.Scheme, field);

            case HpackPseudo.Authority:
                if (!AuthoritySyntax.IsValid(field.Value, portRequired: false))
                {
                    return Malformed("the authority is malformed");
                }

                request.AddDecoded(HeaderId.Host, "host"u8, field.Value, field.NeverIndexed);
                return true;

            case HpackPseudo.Protocol:
                if (!_options.Protocol.AllowConnect || !HeaderBytes.IsToken(field.Value))
                {
                    return Malformed("an extended CONNECT that was not offered, or its protocol is not a token");
                }

                request.SetProtocol(field.Value);
                return Mark(request, RequestHeaders.NeverIndexedParts.Protocol, field);

            default:
                return Malformed("a response's pseudo-header in a request");
        }
    }

    private static bool Mark(RequestHeaders request, RequestHeaders.NeverIndexedParts part, in HpackField field)
    {
        if (field.NeverIndexed)
        {
            request.MarkNeverIndexed(part);
        }

        return true;
    }

    /// <summary>RFC 3986 section 3.1.</summary>
    private static bool IsScheme(ReadOnlySpan<byte> scheme)
    {
        if (scheme.SequenceEqual("https"u8) || scheme.SequenceEqual("http"u8))
        {
            return true;
        }

        foreach (var b in scheme)
        {
            if (!char.IsAsciiLetterOrDigit((char)b) && b is not ((byte)'+' or (byte)'-' or (byte)'.'))
            {
                return false;
            }
        }

        return !scheme.IsEmpty && char.IsAsciiLetter((char)scheme[0]);
    }

    private bool OnStatus(in HpackField field)
    {
        var value = field.Value;
        if (value.Length != 3 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9') || value[0] == '0')
        {
            return Malformed("the status is not three digits");
        }

        var status = ((value[0] - '0') * 100) + ((value[1] - '0') * 10) + (value[2] - '0');
        if (status == 101)
        {
            // RFC 9113 section 8.6.
            return Malformed("the status 101, which HTTP/2 does not have");
        }

        var response = (ResponseHeaders)_map!;
        response.Status = status;
        response.StatusNeverIndexed = field.NeverIndexed;
        return true;
    }

    private bool OnKnown(in HpackField field)
    {
        if (field.Id <= HeaderTable.LastSpecial)
        {
            switch (field.Id)
            {
                case HeaderId.Connection:
                case HeaderId.KeepAlive:
                case HeaderId.ProxyConnection:
                case HeaderId.TransferEncoding:
                case HeaderId.Upgrade:
                    return Malformed("a header that concerns an HTTP/1 connection");

                case HeaderId.TE when !HeaderBytes.EqualsIgnoreCase(field.Value, "trailers"u8):
                    return Malformed("TE other than trailers");

                case HeaderId.Host when _kind == Http2BlockKind.Request:
                    return OnHost(field);

                case HeaderId.ContentLength when _kind != Http2BlockKind.Trailers:
                    return OnContentLength(field);
            }
        }
        else if (field.Id == HeaderId.Cookie && _kind == Http2BlockKind.Request)
        {
            return OnCookie(field);
        }

        return Keep(field);
    }

    private bool OnCustom(in HpackField field)
    {
        if (!HeaderBytes.IsLowerToken(field.Name))
        {
            return field.Name.Length > 0 && field.Name[0] == ':'
                ? Malformed("an unknown pseudo-header")
                : Refuse(Http2BlockFault.InvalidField, "a header name is empty, not a token or not lower-case");
        }

        if (_kind != Http2BlockKind.Response && _options.HeadersWithUnderscoresAction != HeadersWithUnderscoresAction.Allow && field.Name.Contains((byte)'_'))
        {
            if (_options.HeadersWithUnderscoresAction == HeadersWithUnderscoresAction.RejectRequest)
            {
                return Refuse(Http2BlockFault.Underscore, "an underscore in a header name");
            }

            DroppedUnderscores++;
            return CountField();
        }

        return Keep(field);
    }

    private bool Keep(in HpackField field)
    {
        if (!CountField())
        {
            return false;
        }

        if (_kind != Http2BlockKind.Trailers || !ForbiddenTrailers.Contains(field.Id, field.Name))
        {
            _map!.AddDecoded(field.Id, field.Name, field.Value, field.NeverIndexed);
        }

        return true;
    }

    private bool CountField() => ++_count <= _options.MaxHeadersCount || Refuse(Http2BlockFault.TooMany, "more headers than the limit");

    /// <summary>RFC 9113 section 8.3.1: the authority wins.</summary>
    private bool OnHost(in HpackField field)
    {
        if (_hostSeen)
        {
            return Malformed("more than one Host header");
        }

        _hostSeen = true;
        if (!AuthoritySyntax.IsValid(field.Value, portRequired: false))
        {
            return Malformed("the host is malformed");
        }

        return _map!.Contains(HeaderId.Host) ? CountField() : Keep(field);
    }

    private bool OnContentLength(in HpackField field)
    {
        const int MaxDigits = 18;
        var value = field.Value;
        if (value.IsEmpty || value.Length > MaxDigits || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
        {
            return Malformed("content-length is not one decimal number");
        }

        var length = 0L;
        foreach (var digit in value)
        {
            length = (length * 10) + (digit - '0');
        }

        if (ContentLength >= 0)
        {
            // RFC 9110 section 8.6 lets the same one stand twice.
            return ContentLength == length ? CountField() : Malformed("two values of content-length");
        }

        ContentLength = length;
        return Keep(field);
    }

    /// <summary>RFC 9113 section 8.2.3: crumbs become one header again. They count as one.</summary>
    private bool OnCookie(in HpackField field)
    {
        if (_cookies.IsEmpty && !CountField())
        {
            return false;
        }

        _cookies.Add(field.Value, field.NeverIndexed, _slabs);
        return true;
    }

    private readonly bool Has(HpackPseudo pseudo) => (_pseudoSeen & (1u << (int)pseudo)) != 0;

    private bool FinishRequest(RequestHeaders request, bool endStream)
    {
        request.HttpVersion = 20;
        if (!Has(HpackPseudo.Method))
        {
            return Malformed("no method");
        }

        if (endStream && ContentLength > 0)
        {
            return Malformed("content-length without a body");
        }

        if (request.KnownMethod == KnownMethod.Connect)
        {
            return FinishConnect(request);
        }

        if (Has(HpackPseudo.Protocol))
        {
            return Malformed("a protocol on a request other than CONNECT");
        }

        if (!Has(HpackPseudo.Scheme) || !Has(HpackPseudo.Path))
        {
            return Malformed("no scheme or no path");
        }

        var path = request.Path;
        return path[0] == '/' || (path.SequenceEqual("*"u8) && request.KnownMethod == KnownMethod.Options)
            || Malformed("the path does not begin with a slash");
    }

    /// <summary>RFC 9113 section 8.5 and RFC 8441 section 4.</summary>
    private bool FinishConnect(RequestHeaders request)
    {
        if (ContentLength > 0)
        {
            return Malformed("content-length on a CONNECT request");
        }

        if (Has(HpackPseudo.Protocol))
        {
            return (Has(HpackPseudo.Scheme) && Has(HpackPseudo.Path) && Has(HpackPseudo.Authority) && request.Path[0] == '/')
                || Malformed("an extended CONNECT without scheme, path or authority");
        }

        if (Has(HpackPseudo.Scheme) || Has(HpackPseudo.Path))
        {
            return Malformed("a CONNECT request with a scheme or a path");
        }

        return (Has(HpackPseudo.Authority) && AuthoritySyntax.IsValid(request.Authority, portRequired: true))
            || Malformed("a CONNECT request without host and port");
    }

    private bool FinishResponse(ResponseHeaders response, bool endStream)
    {
        response.HttpVersion = 20;
        if (!Has(HpackPseudo.Status))
        {
            return Malformed("no status");
        }

        return !(response.Status < 200 && endStream) || Malformed("an informational response that ends the stream");
    }
}
