using System.Buffers.Binary;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>What of its request decides how a response is read.</summary>
[Flags]
internal enum Http1ResponseTo : byte
{
    None = 0,

    /// <summary>A HEAD request: there is no body.</summary>
    Head = 1,

    /// <summary>A CONNECT request: a 2xx begins a tunnel.</summary>
    Connect = 2,

    /// <summary>A request with Upgrade: a 101 begins a tunnel.</summary>
    Upgrade = 4,
}

/// <summary>Reads the responses of one upstream connection, one after the other.</summary>
/// <remarks>
/// For each: <c>DecodeHead</c> until Complete; if <see cref="IsInformational"/>, <see cref="Reset"/> and the same
/// again for the response proper; else <see cref="Http1MessageDecoder.DecodeBody"/> until Complete, then <see cref="Reset"/>.
/// At the end of the connection, <see cref="DecodeEof"/>. An error here makes a 502 for the client.
/// </remarks>
internal sealed unsafe class Http1ResponseDecoder(Http1CodecOptions options) : Http1MessageDecoder(options, skipsEmptyLines: false)
{
    private Http1ResponseTo _to;
    private bool _headDone;
    private bool _started;

    /// <summary>The head was a 1xx other than 101: the response proper follows.</summary>
    public bool IsInformational { get; private set; }

    /// <summary>Reads a head. See <see cref="Http1RequestDecoder.DecodeHead"/> for the map.</summary>
    public DecodeStatus DecodeHead(IoBuffer input, ResponseHeaders headers, Http1ResponseTo to)
    {
        if (CurrentError.IsSet)
        {
            return DecodeStatus.Error;
        }

        _to = to;
        _started |= !input.IsEmpty;
        var status = ReadBlock(input, headers);
        _headDone |= status == DecodeStatus.Complete;
        return status;
    }

    /// <inheritdoc cref="DecodeHead(IoBuffer, ResponseHeaders, Http1ResponseTo)"/>
    public DecodeStatus DecodeHead(IoBuffer input, ResponseHeaders headers, bool requestWasHead, bool requestWasConnect, bool requestWasUpgrade) =>
        DecodeHead(
            input,
            headers,
            (requestWasHead ? Http1ResponseTo.Head : 0) | (requestWasConnect ? Http1ResponseTo.Connect : 0) | (requestWasUpgrade ? Http1ResponseTo.Upgrade : 0));

    /// <summary>
    /// The connection has ended: Complete if that ends the message, or if none had begun (NeedMore then says that there is
    /// nothing); Error if it was cut short.
    /// </summary>
    public DecodeStatus DecodeEof()
    {
        if (CurrentError.IsSet)
        {
            return DecodeStatus.Error;
        }

        if (_headDone && !IsInformational)
        {
            return Framing is BodyFraming.UntilClose or BodyFraming.Tunnel or BodyFraming.None ? DecodeStatus.Complete : Fail(Http1Errors.PrematureEnd);
        }

        return _started ? Fail(Http1Errors.PrematureEnd) : DecodeStatus.NeedMore;
    }

    public override void Reset()
    {
        base.Reset();
        _to = Http1ResponseTo.None;
        _headDone = false;
        _started = false;
        IsInformational = false;
    }

    private protected override bool CheckFirstByte(byte first) => first == 'H' || Refuse(Http1Errors.BadStatusLine);

    private protected override int ReadStartLine(byte* p, int length, int loadable, HeaderMap map)
    {
        const ulong Http11 = 0x312E312F50545448; // "HTTP/1.1"
        const ulong Http10Word = 0x302E312F50545448;
        const int ReasonAt = 12;
        var line = new ReadOnlySpan<byte>(p, length);
        if (length < ReasonAt + 2)
        {
            return line.Contains((byte)'\n') ? FailLine(Http1Errors.BadStatusLine) : 0;
        }

        var version = BinaryPrimitives.ReadUInt64LittleEndian(line);
        if (version is not (Http11 or Http10Word))
        {
            // A line that ends too soon is that first, however much of the next one is there.
            return FailLine(line[..(ReasonAt + 1)].Contains((byte)'\n') ? Http1Errors.BadStatusLine : Http1Errors.BadVersion);
        }

        int hundreds = p[9] - '0', tens = p[10] - '0', ones = p[11] - '0';
        if (p[8] != ' ' || (uint)(hundreds - 1) > 8 || (uint)tens > 9 || (uint)ones > 9 || p[ReasonAt] is not ((byte)' ' or (byte)'\r'))
        {
            return FailLine(Http1Errors.BadStatusLine);
        }

        var end = ReasonAt + HeaderBytes.IndexOfControl(p + ReasonAt, length - ReasonAt, loadable - ReasonAt);
        if (end == length || (end + 1 == length && p[end] == '\r'))
        {
            return 0;
        }

        if (p[end] != '\r' || p[end + 1] != '\n')
        {
            return FailLine(p[end] is (byte)'\r' or (byte)'\n' ? Http1Errors.BadLineEnd : Http1Errors.BadStatusLine);
        }

        var headers = (ResponseHeaders)map;
        Http10 = version == Http10Word;
        headers.HttpVersion = Http10 ? 10 : 11;
        headers.Status = (hundreds * 100) + (tens * 10) + ones;
        return end + 2;
    }

    private protected override bool OnHeadEnd(HeaderMap map)
    {
        var headers = (ResponseHeaders)map;
        var status = headers.Status;
        if (status == 101)
        {
            if ((_to & Http1ResponseTo.Upgrade) == 0)
            {
                return Refuse(Http1Errors.UnexpectedSwitch);
            }

            headers.Remove(HeaderNames.ContentLength);
            StartTunnel();
            return true;
        }

        headers.Remove(HeaderNames.Upgrade);
        if (status < 200)
        {
            IsInformational = true;
            headers.Remove(HeaderNames.ContentLength);
            return true;
        }

        if (status < 300 && (_to & Http1ResponseTo.Connect) != 0)
        {
            headers.Remove(HeaderNames.ContentLength);
            StartTunnel();
            return true;
        }

        // RFC 9112 section 6.3: these have no body whatever their headers say.
        if (status is 204 or 304 || (_to & Http1ResponseTo.Head) != 0)
        {
            if (status == 204 || TransferEncodingSeen)
            {
                headers.Remove(HeaderNames.ContentLength);
            }

            return true;
        }

        if (!ChooseFraming(headers, BodyFraming.UntilClose))
        {
            return false;
        }

        if (Framing == BodyFraming.UntilClose)
        {
            KeepAlive = false;
        }

        return true;
    }

    private int FailLine(in Http1Error error)
    {
        CurrentError = error;
        return -1;
    }
}
