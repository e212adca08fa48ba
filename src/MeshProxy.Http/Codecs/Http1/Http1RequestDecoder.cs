using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>Reads the requests of one downstream connection, one after the other.</summary>
/// <remarks>
/// For each: <see cref="DecodeHead"/> until Complete, <see cref="Http1MessageDecoder.DecodeBody"/> until Complete, then
/// <see cref="Reset"/>. Bytes in, values out: no I/O, no clock, no thread. After an error only closing remains.
/// </remarks>
internal sealed unsafe class Http1RequestDecoder(Http1CodecOptions options) : Http1MessageDecoder(options, skipsEmptyLines: true)
{
    private int _hostCount;
    private int _authorityStart;
    private int _authorityLength;
    private bool _expectationFailed;

    /// <summary>The client waits for a 100 before it sends the body (RFC 9110 section 10.1.1).</summary>
    public bool ExpectContinue { get; private set; }

    /// <summary>The client asks for another protocol; <see cref="HeaderId.Upgrade"/> names it. Never true for h2c, which is ignored.</summary>
    public bool IsUpgrade { get; private set; }

    /// <summary>
    /// Reads the head. On Complete its bytes are drained and <paramref name="headers"/>, which was empty before, holds
    /// them. Before that the map shows what has been read so far, and must be the same map in each call.
    /// </summary>
    public DecodeStatus DecodeHead(IoBuffer input, RequestHeaders headers) =>
        CurrentError.IsSet ? DecodeStatus.Error : ReadBlock(input, headers);

    public override void Reset()
    {
        base.Reset();
        _hostCount = 0;
        _authorityStart = 0;
        _authorityLength = 0;
        _expectationFailed = false;
        ExpectContinue = false;
        IsUpgrade = false;
    }

    private protected override bool CheckFirstByte(byte first) =>
        HeaderBytes.IsToken(first) || Refuse(first == '\n' ? Http1Errors.BadLineEnd : Http1Errors.BadMethod);

    private protected override int ReadStartLine(byte* p, int length, int loadable, HeaderMap map)
    {
        var headers = (RequestHeaders)map;
        var method = ReadMethod(p, length, loadable, out var known);
        if (method <= 0)
        {
            return method;
        }

        var target = method + 1;
        var end = target + HeaderBytes.IndexOfTargetEnd(p + target, length - target, loadable - target);
        if (end == length)
        {
            return 0;
        }

        if (p[end] != ' ' || end == target)
        {
            return FailLine(p[end] is (byte)'\r' or (byte)'\n' ? Http1Errors.BadRequestLine : Http1Errors.BadTarget);
        }

        var version = end + 1;
        var result = ReadVersion(p + version, length - version, out var http10);
        if (result <= 0)
        {
            return result;
        }

        if (!ReadTarget(p, target, end - target, known, headers))
        {
            return -1;
        }

        Http10 = http10;
        headers.HttpVersion = http10 ? 10 : 11;
        headers.ReceivedMethod(known, 0, method);
        return http10 && !Options.Protocol.AcceptHttp10 ? FailLine(Http1Errors.OldVersion) : version + result;
    }

    private protected override bool OnSpecial(HeaderId id, ReadOnlySpan<byte> value)
    {
        var keep = base.OnSpecial(id, value);
        if (!keep)
        {
            return false;
        }

        if (id == HeaderId.Host)
        {
            if (++_hostCount > 1)
            {
                Refuse(Http1Errors.RepeatedHost);
            }
        }
        else if (id == HeaderId.Expect)
        {
            // RFC 9110 section 10.1.1: HTTP/1.0 has no expectations, and none may be made of what it sends.
            if (Http10)
            {
                return false;
            }

            if (HeaderBytes.EqualsIgnoreCase(value, "100-continue"u8))
            {
                ExpectContinue = true;
            }
            else
            {
                _expectationFailed = true;
            }
        }

        return true;
    }

    private protected override bool OnHeadEnd(HeaderMap map)
    {
        var headers = (RequestHeaders)map;
        if (!CheckHost(headers))
        {
            return false;
        }

        if (headers.KnownMethod == KnownMethod.Connect)
        {
            return OnConnect(headers);
        }

        if (!ChooseFraming(headers, BodyFraming.None))
        {
            return false;
        }

        if (UpgradeSeen)
        {
            IsUpgrade = Http1Upgrade.Settle(headers, ConnectionUpgrade && !Http10);
        }

        return !_expectationFailed || Refuse(Http1Errors.ExpectationFailed);
    }

    private bool OnConnect(RequestHeaders headers)
    {
        if (TransferEncodingSeen)
        {
            return Refuse(Http1Errors.TransferEncodingOnConnect);
        }

        if (ContentLength > 0)
        {
            return Refuse(Http1Errors.BodyOnConnect);
        }

        headers.Remove(HeaderNames.ContentLength);
        headers.Remove(HeaderNames.Upgrade);
        ExpectContinue = false;
        StartTunnel();
        return true;
    }

    private bool CheckHost(RequestHeaders headers)
    {
        if (_hostCount == 0)
        {
            if (!Http10)
            {
                return Refuse(Http1Errors.MissingHost);
            }

            if (_authorityLength == 0)
            {
                if (Options.Protocol.DefaultHostForHttp10.Length == 0)
                {
                    return Refuse(Http1Errors.MissingHost);
                }

                headers.SetAuthority(Options.Protocol.DefaultHostForHttp10);
                return true;
            }
        }
        else
        {
            var host = headers.Authority;
            if (host.IsEmpty && _authorityLength == 0)
            {
                return Refuse(Http1Errors.MissingHost);
            }

            if (!host.IsEmpty && !AuthoritySyntax.IsValid(host, portRequired: false))
            {
                return Refuse(Http1Errors.BadHost);
            }
        }

        // RFC 9112 section 3.2.2: a target that names a host overrules the Host header.
        if (_authorityLength > 0)
        {
            var authority = headers.ReceivedBytes(_authorityStart, _authorityLength);
            if (!authority.SequenceEqual(headers.Authority))
            {
                headers.SetAuthority(authority);
            }
        }

        return true;
    }

    private int ReadMethod(byte* p, int length, int loadable, out KnownMethod known)
    {
        known = KnownMethod.Other;
        if (length >= 5)
        {
            var word = Unsafe.ReadUnaligned<uint>(p);
            if (!BitConverter.IsLittleEndian)
            {
                word = BinaryPrimitives.ReverseEndianness(word);
            }

            switch (word)
            {
                case 0x20544547: // "GET "
                    known = KnownMethod.Get;
                    return 3;
                case 0x54534F50 when p[4] == ' ': // "POST"
                    known = KnownMethod.Post;
                    return 4;
                case 0x44414548 when p[4] == ' ': // "HEAD"
                    known = KnownMethod.Head;
                    return 4;
                case 0x20545550: // "PUT "
                    known = KnownMethod.Put;
                    return 3;
            }
        }

        var end = HeaderBytes.IndexOfNonToken(p, length, loadable);
        if (end == length)
        {
            return 0;
        }

        if (p[end] != ' ')
        {
            return FailLine(Http1Errors.BadMethod);
        }

        known = KnownMethods.Find(new ReadOnlySpan<byte>(p, end));
        return end;
    }

    private int ReadVersion(byte* p, int length, out bool http10)
    {
        const ulong Http11 = 0x312E312F50545448; // "HTTP/1.1"
        const ulong Http10Word = 0x302E312F50545448;
        http10 = false;
        if (length < 8)
        {
            return new ReadOnlySpan<byte>(p, length).Contains((byte)'\n') ? FailLine(Http1Errors.BadVersion) : 0;
        }

        var word = BinaryPrimitives.ReadUInt64LittleEndian(new ReadOnlySpan<byte>(p, 8));
        http10 = word == Http10Word;
        if (word != Http11 && !http10)
        {
            return FailLine(Http1Errors.BadVersion);
        }

        if (length == 8)
        {
            return 0;
        }

        if (p[8] != '\r')
        {
            return FailLine(p[8] == '\n' ? Http1Errors.BadLineEnd : Http1Errors.BadRequestLine);
        }

        return length == 9 ? 0 : p[9] == '\n' ? 10 : FailLine(Http1Errors.BadLineEnd);
    }

    /// <summary>The four forms of a target (RFC 9112 section 3.2).</summary>
    private bool ReadTarget(byte* p, int start, int length, KnownMethod method, RequestHeaders headers)
    {
        var target = new ReadOnlySpan<byte>(p + start, length);
        if (method == KnownMethod.Connect)
        {
            _authorityStart = start;
            _authorityLength = length;
            return AuthoritySyntax.IsValid(target, portRequired: true) || Refuse(Http1Errors.BadTarget);
        }

        if (target[0] == '/')
        {
            headers.ReceivedPath(start, length);
            return true;
        }

        if (target[0] == '*')
        {
            headers.ReceivedPath(start, length);
            return (length == 1 && method == KnownMethod.Options) || Refuse(Http1Errors.BadTarget);
        }

        return ReadAbsoluteTarget(target, start, method, headers);
    }

    private bool ReadAbsoluteTarget(ReadOnlySpan<byte> target, int start, KnownMethod method, RequestHeaders headers)
    {
        var colon = target.IndexOf("://"u8);
        if (colon <= 0 || !Options.Protocol.AllowAbsoluteUrl)
        {
            return Refuse(Http1Errors.BadTarget);
        }

        var scheme = target[..colon];
        var isHttps = HeaderBytes.EqualsIgnoreCase(scheme, "https"u8);
        if (!isHttps && !HeaderBytes.EqualsIgnoreCase(scheme, "http"u8))
        {
            return Refuse(Http1Errors.BadScheme);
        }

        headers.SetScheme(isHttps ? "https"u8 : "http"u8);
        var rest = target[(colon + 3)..];
        var slash = rest.IndexOfAny((byte)'/', (byte)'?');
        var authority = slash < 0 ? rest : rest[..slash];
        if (!AuthoritySyntax.IsValid(authority, portRequired: false))
        {
            return Refuse(Http1Errors.BadTarget);
        }

        _authorityStart = start + colon + 3;
        _authorityLength = authority.Length;
        if (slash < 0)
        {
            // RFC 9112 section 3.2.4: OPTIONS without a path asks about the server as a whole.
            headers.SetPath(method == KnownMethod.Options ? "*"u8 : "/"u8);
        }
        else if (rest[slash] == '/')
        {
            headers.ReceivedPath(_authorityStart + slash, rest.Length - slash);
        }
        else
        {
            headers.SetPathAfterSlash(rest[slash..]);
        }

        return true;
    }

    private int FailLine(in Http1Error error)
    {
        CurrentError = error;
        return -1;
    }
}
