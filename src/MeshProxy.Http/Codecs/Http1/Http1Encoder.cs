using System.Buffers.Text;
using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http1;

/// <summary>What a head says of its connection, and how it is written.</summary>
[Flags]
internal enum Http1EncodeFlags : byte
{
    None = 0,

    /// <summary>No message follows on this connection: <c>Connection: close</c>.</summary>
    ConnectionClose = 1,

    /// <summary>The message asks for, or answers, a switch of protocols: Upgrade is kept and named in Connection.</summary>
    Upgrade = 2,

    /// <summary>The peer speaks HTTP/1.0: so does the status line; with no <see cref="ConnectionClose"/>, <c>Connection: keep-alive</c>.</summary>
    Http10Peer = 4,

    /// <summary>The response is to a HEAD request: its Content-Length is passed on though no body follows.</summary>
    ToHead = 8,

    /// <summary>Names are written in lower case, not as they came.</summary>
    LowercaseNames = 16,
}

/// <summary>Writes HTTP/1.1 messages. Framing and the connection's own headers come from the arguments, never from the map.</summary>
/// <remarks>
/// Lines that still stand in the memory they were received in are copied in runs. Nothing is allocated. A map that was filled
/// by a decoder or through its public members cannot hold a line break, so what is written is always one message.
/// </remarks>
internal static unsafe class Http1Encoder
{
    // Start line's fixed parts, Content-Length or Transfer-Encoding, Connection, the empty line.
    private const int FixedBytes = 192;

    /// <summary>Writes a request's head.</summary>
    /// <param name="contentLength">The body's length if <paramref name="framing"/> is ContentLength.</param>
    public static void EncodeRequestHead(
        IoBuffer output, RequestHeaders headers, BodyFraming framing, long contentLength = 0, Http1EncodeFlags flags = Http1EncodeFlags.None)
    {
        Debug.Assert(framing != BodyFraming.UntilClose, "a request cannot end with its connection");
        var method = headers.Method;
        var isConnect = headers.KnownMethod == KnownMethod.Connect;
        var target = isConnect ? headers.Authority : headers.Path;
        if (target.IsEmpty)
        {
            target = "/"u8;
        }

        var writer = new Http1HeadWriter(output, method.Length + target.Length + headers.ByteSize + FixedBytes);
        writer.Write(method);
        writer.Write(" "u8);
        writer.Write(target);
        writer.Write(" HTTP/1.1\r\n"u8);
        if (framing == BodyFraming.None)
        {
            // RFC 9110 section 8.6: a request whose method means something by a body says that it has none.
            var bodyless = headers.KnownMethod is KnownMethod.Get or KnownMethod.Head or KnownMethod.Delete or KnownMethod.Options or KnownMethod.Trace or KnownMethod.Connect;
            contentLength = bodyless ? -1 : 0;
        }

        WriteFields(ref writer, headers, framing, contentLength, flags, keepLength: false);
        writer.Commit();
    }

    /// <summary>Writes a response's head.</summary>
    /// <param name="contentLength">The body's length if <paramref name="framing"/> is ContentLength.</param>
    /// <remarks>With framing None the response says <c>content-length: 0</c>, unless its status or the request forbids a body.</remarks>
    public static void EncodeResponseHead(
        IoBuffer output, ResponseHeaders headers, BodyFraming framing, long contentLength = 0, Http1EncodeFlags flags = Http1EncodeFlags.None)
    {
        Debug.Assert(framing != BodyFraming.Chunked || (flags & Http1EncodeFlags.Http10Peer) == 0, "HTTP/1.0 knows no chunks: let the body end with the connection");
        var status = headers.Status;
        var writer = new Http1HeadWriter(output, headers.ByteSize + FixedBytes);
        writer.Write(Http1StatusLines.Get(status, (flags & Http1EncodeFlags.Http10Peer) != 0));
        var noLength = status is < 200 or 204;
        var keepLength = !noLength && framing == BodyFraming.None && (status == 304 || (flags & Http1EncodeFlags.ToHead) != 0);
        if (framing == BodyFraming.None)
        {
            contentLength = noLength || keepLength ? -1 : 0;
        }

        WriteFields(ref writer, headers, framing, contentLength, flags, keepLength);
        writer.Commit();
    }

    /// <summary>Writes a 1xx other than 101, with headers if there are some (103).</summary>
    public static void EncodeInformational(IoBuffer output, int status, ResponseHeaders? headers = null, Http1EncodeFlags flags = Http1EncodeFlags.None)
    {
        Debug.Assert(status is >= 100 and < 200 and not 101);
        var writer = new Http1HeadWriter(output, (headers?.ByteSize ?? 0) + FixedBytes);
        writer.Write(Http1StatusLines.Get(status, http10: false));
        if (headers is null)
        {
            writer.Write("\r\n"u8);
        }
        else
        {
            WriteFields(ref writer, headers, BodyFraming.None, -1, flags, keepLength: false);
        }

        writer.Commit();
    }

    /// <summary>Writes all of <paramref name="data"/> as one chunk; moves it. Without data, nothing: that would end the body.</summary>
    public static void EncodeChunk(IoBuffer output, IoBuffer data)
    {
        if (data.IsEmpty)
        {
            return;
        }

        const int MaxSizeLine = 18;
        var line = output.WritableTail(MaxSizeLine, MaxSizeLine);
        var formatted = Utf8Formatter.TryFormat(data.Length, line, out var n, new System.Buffers.StandardFormat('x'));
        Debug.Assert(formatted);
        line[n] = (byte)'\r';
        line[n + 1] = (byte)'\n';
        output.Commit(n + 2);
        output.MoveFrom(data);
        output.Append("\r\n"u8);
    }

    /// <summary>Ends a chunked body, with trailers if there are some.</summary>
    public static void EncodeLastChunk(IoBuffer output, HeaderTrailers? trailers = null, Http1EncodeFlags flags = Http1EncodeFlags.None)
    {
        if (trailers is null || trailers.Count == 0)
        {
            output.Append("0\r\n\r\n"u8);
            return;
        }

        var writer = new Http1HeadWriter(output, trailers.ByteSize + FixedBytes);
        writer.Write("0\r\n"u8);
        WriteFields(ref writer, trailers, BodyFraming.None, -1, flags, keepLength: false);
        writer.Commit();
    }

    private static void WriteFields(
        ref Http1HeadWriter writer, HeaderMap headers, BodyFraming framing, long contentLength, Http1EncodeFlags flags, bool keepLength)
    {
        var te = false;
        var writeLength = framing is BodyFraming.ContentLength or BodyFraming.None && contentLength >= 0;
        var lower = (flags & Http1EncodeFlags.LowercaseNames) != 0;
        byte* run = null;
        byte* runEnd = null;
        foreach (ref readonly var slot in headers.Slots)
        {
            if ((slot.Flags & HeaderSlotFlags.Removed) != 0)
            {
                continue;
            }

            if (slot.Id != HeaderId.None && slot.Id <= HeaderTable.LastSpecial
                && !KeepSpecial(headers, slot, flags, contentLength, keepLength, ref te, ref writeLength))
            {
                continue;
            }

            if (lower || (slot.Flags & HeaderSlotFlags.WholeLine) == 0)
            {
                writer.Write(run, (int)(runEnd - run));
                run = runEnd = null;
                WriteField(ref writer, headers.NameOf(slot), headers.ValueOf(slot), lower);
                continue;
            }

            var line = headers.Block(slot) + slot.NameStart;
            if (line != runEnd)
            {
                writer.Write(run, (int)(runEnd - run));
                run = line;
            }

            runEnd = line + slot.LineLength;
        }

        writer.Write(run, (int)(runEnd - run));
        if (framing == BodyFraming.Chunked)
        {
            writer.Write("transfer-encoding: chunked\r\n"u8);
        }
        else if (writeLength)
        {
            writer.Write("content-length: "u8);
            writer.WriteDecimal(contentLength);
            writer.Write("\r\n"u8);
        }

        WriteConnection(ref writer, flags, te);
        writer.Write("\r\n"u8);
    }

    private static void WriteField(ref Http1HeadWriter writer, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, bool lower)
    {
        if (lower)
        {
            writer.WriteLower(name);
        }
        else
        {
            writer.Write(name);
        }

        writer.Write(": "u8);
        writer.Write(value);
        writer.Write("\r\n"u8);
    }

    /// <summary>Whether a header of those that concern the codec is written as it stands in the map.</summary>
    private static bool KeepSpecial(
        HeaderMap headers, in HeaderSlot slot, Http1EncodeFlags flags, long contentLength, bool keepLength, ref bool te, ref bool writeLength)
    {
        switch (slot.Id)
        {
            case HeaderId.ContentLength:
                if (keepLength)
                {
                    return true;
                }

                // The line in the map serves if it says the same; a second one never does.
                if (writeLength && Utf8Parser.TryParse(headers.ValueOf(slot), out long given, out var used)
                    && used == slot.ValueLength && given == contentLength)
                {
                    writeLength = false;
                    return true;
                }

                return false;

            case HeaderId.Upgrade:
                return (flags & Http1EncodeFlags.Upgrade) != 0;

            case HeaderId.TE:
                te = true;
                return true;

            case HeaderId.Host:
            case HeaderId.Expect:
                return true;

            default:
                return false;
        }
    }

    private static void WriteConnection(ref Http1HeadWriter writer, Http1EncodeFlags flags, bool te)
    {
        const Http1EncodeFlags Mask = Http1EncodeFlags.ConnectionClose | Http1EncodeFlags.Upgrade | Http1EncodeFlags.Http10Peer;
        if ((flags & Mask) == 0 && !te)
        {
            return;
        }

        ReadOnlySpan<byte> option =
            (flags & Http1EncodeFlags.Upgrade) != 0 ? "upgrade"u8
            : (flags & Http1EncodeFlags.ConnectionClose) != 0 ? "close"u8
            : (flags & Http1EncodeFlags.Http10Peer) != 0 ? "keep-alive"u8
            : default;
        writer.Write("connection: "u8);
        writer.Write(option);
        if (te)
        {
            // RFC 9110 section 10.1.4: TE concerns this connection, and says so.
            writer.Write(option.IsEmpty ? "te"u8 : ", te"u8);
        }

        writer.Write("\r\n"u8);
    }
}
