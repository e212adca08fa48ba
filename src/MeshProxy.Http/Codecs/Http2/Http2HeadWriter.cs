using System.Buffers;
using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

/// <summary>Writes a head or trailers as HEADERS, and CONTINUATIONs if it does not fit into one frame.</summary>
internal static class Http2HeadWriter
{
    private const int MaxPayload = Http2FrameHeader.DefaultMaxFrameBytes;
    private const int MaxPseudos = 6;

    /// <returns>The bytes written, frame headers included.</returns>
    public static int Write(IoBuffer output, HpackEncoder encoder, uint streamId, HeaderMap headers, bool endStream, int wantedBytes, out int frames)
    {
        var most = MostBytes(headers);
        if (most <= MaxPayload)
        {
            frames = 1;
            var room = output.WritableTail(Http2FrameHeader.Bytes + most, Math.Max(Http2FrameHeader.Bytes + most, wantedBytes));
            var length = Encode(room[Http2FrameHeader.Bytes..], encoder, headers);
            Http2FrameHeader.Write(room, length, Http2FrameType.Headers, Flags(endStream, endHeaders: true), streamId);
            output.Commit(Http2FrameHeader.Bytes + length);
            return Http2FrameHeader.Bytes + length;
        }

        var rented = ArrayPool<byte>.Shared.Rent(most);
        var written = WriteLarge(output, rented.AsSpan(0, Encode(rented, encoder, headers)), streamId, endStream, out frames);
        ArrayPool<byte>.Shared.Return(rented);
        return written;
    }

    private static int WriteLarge(IoBuffer output, ReadOnlySpan<byte> block, uint streamId, bool endStream, out int frames)
    {
        var written = 0;
        frames = 0;
        Span<byte> header = stackalloc byte[Http2FrameHeader.Bytes];
        do
        {
            var piece = block[..Math.Min(block.Length, MaxPayload)];
            block = block[piece.Length..];
            var flags = Flags(endStream && frames == 0, block.IsEmpty);
            Http2FrameHeader.Write(header, piece.Length, frames == 0 ? Http2FrameType.Headers : Http2FrameType.Continuation, flags, streamId);
            output.Append(header);
            output.Append(piece);
            written += header.Length + piece.Length;
            frames++;
        }
        while (!block.IsEmpty);
        return written;
    }

    private static Http2Flags Flags(bool endStream, bool endHeaders) =>
        (endStream ? Http2Flags.EndStream : 0) | (endHeaders ? Http2Flags.EndHeaders : 0);

    private static int MostBytes(HeaderMap headers)
    {
        var bytes = HpackEncoder.MaxBeginBytes + headers.ByteSize + ((headers.Count + MaxPseudos) * HpackEncoder.MaxFieldBytes(0, 0)) + 64;
        return headers is RequestHeaders request
            ? bytes + request.Method.Length + request.Path.Length + request.Scheme.Length + request.Protocol.Length
            : bytes;
    }

    private static int Encode(Span<byte> room, HpackEncoder encoder, HeaderMap headers)
    {
        var at = encoder.BeginBlock(room);
        var request = headers as RequestHeaders;
        if (request is not null)
        {
            at += EncodeRequestLine(room[at..], encoder, request);
        }
        else if (headers is ResponseHeaders response)
        {
            at += encoder.WriteStatus(room[at..], response.Status, response.StatusNeverIndexed);
        }

        var named = headers.Contains(HeaderId.Connection);
        var connect = request is { KnownMethod: KnownMethod.Connect };
        var te = false;
        var secretTe = false;
        foreach (ref readonly var slot in headers.Slots)
        {
            if ((slot.Flags & HeaderSlotFlags.Removed) != 0)
            {
                continue;
            }

            if (slot.Id != HeaderId.None && slot.Id <= HeaderTable.LastSpecial && !KeepsSpecial(headers, slot, request is not null, ref te))
            {
                secretTe |= slot.Id == HeaderId.TE && (slot.Flags & HeaderSlotFlags.NeverIndexed) != 0;
                continue;
            }

            if (connect && slot.Id == HeaderId.ContentLength)
            {
                // RFC 9110 section 9.3.6: a CONNECT has no content. A server would count the tunnel's bytes by it, and end the connection of all.
                continue;
            }

            var name = headers.NameOf(slot);
            if (named && IsNamedByConnection(headers, slot.Id, name))
            {
                continue;
            }

            at += encoder.Write(room[at..], slot.Id, name, headers.ValueOf(slot), (slot.Flags & HeaderSlotFlags.NeverIndexed) != 0);
        }

        if (te)
        {
            at += encoder.Write(room[at..], HeaderId.TE, "te"u8, "trailers"u8, secretTe);
        }

        return at;
    }

    private static int EncodeRequestLine(Span<byte> room, HpackEncoder encoder, RequestHeaders request)
    {
        Debug.Assert(!request.Method.IsEmpty, "a request without a method");
        var secret = request.NeverIndexed;
        var at = encoder.WritePseudo(room, HpackPseudo.Method, request.Method, (secret & RequestHeaders.NeverIndexedParts.Method) != 0);
        var connect = request.KnownMethod == KnownMethod.Connect;
        if (!connect || !request.Protocol.IsEmpty)
        {
            at += encoder.WritePseudo(room[at..], HpackPseudo.Scheme, request.Scheme.IsEmpty ? "http"u8 : request.Scheme, (secret & RequestHeaders.NeverIndexedParts.Scheme) != 0);
        }

        var host = request.IndexOf(HeaderNames.Host);
        if (host >= 0 && request.Slots[host] is { ValueLength: > 0 } slot)
        {
            at += encoder.WritePseudo(room[at..], HpackPseudo.Authority, request.ValueOf(slot), (slot.Flags & HeaderSlotFlags.NeverIndexed) != 0);
        }

        if (!connect || !request.Protocol.IsEmpty)
        {
            at += encoder.WritePseudo(room[at..], HpackPseudo.Path, request.Path.IsEmpty ? "/"u8 : request.Path, (secret & RequestHeaders.NeverIndexedParts.Path) != 0);
        }

        if (connect && !request.Protocol.IsEmpty)
        {
            at += encoder.WritePseudo(room[at..], HpackPseudo.Protocol, request.Protocol, (secret & RequestHeaders.NeverIndexedParts.Protocol) != 0);
        }

        return at;
    }

    /// <summary>Whether a header of those that concern the codec goes out as it stands (RFC 9113 section 8.2.2).</summary>
    private static bool KeepsSpecial(HeaderMap headers, in HeaderSlot slot, bool isRequest, ref bool te)
    {
        switch (slot.Id)
        {
            case HeaderId.ContentLength:
            case HeaderId.Expect:
                return true;

            case HeaderId.Host:
                // A request's has become :authority.
                return !isRequest;

            case HeaderId.TE:
                // It may stand in a request only.
                var list = isRequest ? headers.ValueOf(slot) : default;
                while (HeaderBytes.NextListElement(ref list, out var coding))
                {
                    te |= HeaderBytes.EqualsIgnoreCase(coding, "trailers"u8);
                }

                return false;

            default:
                return false;
        }
    }

    private static bool IsNamedByConnection(HeaderMap headers, HeaderId id, ReadOnlySpan<byte> name)
    {
        if (id is HeaderId.Host or HeaderId.ContentLength or HeaderId.Expect)
        {
            return false;
        }

        foreach (ref readonly var slot in headers.Slots)
        {
            if (slot.Id != HeaderId.Connection || (slot.Flags & HeaderSlotFlags.Removed) != 0)
            {
                continue;
            }

            var list = headers.ValueOf(slot);
            while (HeaderBytes.NextListElement(ref list, out var option))
            {
                if (System.Text.Ascii.EqualsIgnoreCase(option, name))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
