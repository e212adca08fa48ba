using MeshProxy.Core.Buffers;
using MeshProxy.Http.Codecs.Http2.Hpack;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

// HEADERS, CONTINUATION and DATA: the messages.
internal sealed partial class Http2Codec
{
    /// <summary>The most bytes of one header block. What the header list may measure is far less, but a peer may compress badly.</summary>
    private const int MaxBlockBytes = 128 * 1024;

    /// <summary>How many informational responses may precede the final one.</summary>
    private const int MaxInformational = 32;

    /// <summary>A DATA payload up to this size is copied: to share the slab that it came in would hold more memory than the windows count.</summary>
    private const int MaxCopyBytes = 2048;

    /// <summary>
    /// When more than this is here and was not taken, all DATA is copied: bodies that wait for long must not each keep the slab that they came
    /// in, of which they may be a small part. Those that are taken as they come never get here.
    /// </summary>
    private const int MaxSharedBytes = 256 * 1024;

    private const int PriorityBytes = 5;

    private uint _blockStreamId;        // a header block has begun and has not ended
    private bool _blockEndStream;
    private int _blockFrames;
    private int _blockWireBytes;

    private bool OnHeadersFrame(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId == 0)
        {
            return Fail(Http2Errors.NeedsStream);
        }

        var wire = Http2FrameHeader.Bytes + payload.Length;
        var padding = 0;
        if ((header.Flags & Http2Flags.Padded) != 0)
        {
            if (payload.IsEmpty)
            {
                return Fail(Http2Errors.HeadersSize);
            }

            padding = payload[0];
            payload = payload[1..];
        }

        if ((header.Flags & Http2Flags.Priority) != 0)
        {
            if (payload.Length < PriorityBytes)
            {
                return Fail(Http2Errors.HeadersSize);
            }

            payload = payload[PriorityBytes..];
        }

        if (padding > payload.Length)
        {
            return Fail(Http2Errors.BadPadding);
        }

        payload = payload[..^padding];
        if (!Check(_guard.OnPayload(payload.Length, header.EndStream)))
        {
            return false;
        }

        if ((header.Flags & Http2Flags.EndHeaders) != 0)
        {
            return OnBlock(header.StreamId, header.EndStream, payload, wire);
        }

        _blockStreamId = header.StreamId;
        _blockEndStream = header.EndStream;
        _blockFrames = 0;
        _blockWireBytes = wire;
        _block.Append(payload);
        return true;
    }

    private bool OnContinuationFrame(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (_blockStreamId == 0)
        {
            return Fail(Http2Errors.ContinuationAlone);
        }

        if (!Check(_guard.OnPayload(payload.Length, endStream: false))
            || !Check(_guard.OnContinuation(++_blockFrames, _block.Length + payload.Length, MaxBlockBytes)))
        {
            return false;
        }

        _block.Append(payload);
        _blockWireBytes += Http2FrameHeader.Bytes + payload.Length;
        if ((header.Flags & Http2Flags.EndHeaders) == 0)
        {
            return true;
        }

        _blockStreamId = 0;
        var length = (int)_block.Length;
        if (_block.FirstSpan.Length == length)
        {
            return EndAssembledBlock(header.StreamId, _block.FirstSpan);
        }

        var slab = _slabs.Rent(length);
        _block.CopyTo(slab.Array.AsSpan(0, length));
        var well = EndAssembledBlock(header.StreamId, slab.Array.AsSpan(0, length));
        slab.Release();
        return well;
    }

    private bool EndAssembledBlock(uint id, ReadOnlySpan<byte> block)
    {
        var well = OnBlock(id, _blockEndStream, block, _blockWireBytes);
        _block.Clear();
        return well;
    }

    /// <summary>A whole header block. Whatever becomes of it, it is unpacked, or the connection ends.</summary>
    private bool OnBlock(uint id, bool endStream, ReadOnlySpan<byte> block, int wireBytes)
    {
        if (_table.Find(id) is { } stream)
        {
            stream.HeaderBytesReceived += wireBytes;
            stream.BytesReceived += wireBytes;
            if (stream.RemoteEnded)
            {
                // RFC 9113 section 5.1, half-closed (remote).
                return Discard(block) && FailStream(stream, Http2ErrorCode.StreamClosed, Http2ResponseCodeDetails.StreamError);
            }

            return stream.HeadReceived ? OnTrailerBlock(stream, endStream, block) : OnResponseBlock(stream, endStream, block);
        }

        if (_role == Http2Role.Server && (id & 1) != 0 && id > _lastPeerStreamId)
        {
            return OnRequestBlock(id, endStream, block, wireBytes);
        }

        if (IsIdle(id))
        {
            return Fail(Http2Errors.BadStreamId);
        }

        switch (_closed.Find(id))
        {
            case Http2Closed.ResetByUs:
                _stats.HeadersCbNoStream.Increment();
                return Discard(block);
            case Http2Closed.ResetByPeer:
                return Discard(block) && FailClosedStream(id, Http2ErrorCode.StreamClosed);
            case Http2Closed.Ended:
                return Fail(Http2Errors.HeadersOnClosed);
            default:
                return Fail(Http2Errors.BadStreamId);
        }
    }

    private bool OnRequestBlock(uint id, bool endStream, ReadOnlySpan<byte> block, int wireBytes)
    {
        _lastPeerStreamId = id;
        if (id > _goAwayLastId)
        {
            // We have said that we will not look at it (RFC 9113 section 6.8); nor at what follows.
            _closed.Add(id, Http2Closed.ResetByUs);
            return Discard(block);
        }

        // Streams that are closed here and still at work behind us count twofold: resetting them must not make room for more without end.
        var most = _options.Protocol.MaxConcurrentStreams;
        if (_table.Count >= most || _held >= 2L * most)
        {
            return Discard(block) && Refuse(id);
        }

        var stream = Rent();
        Open(stream, id);
        stream.HeaderBytesReceived = wireBytes;
        stream.BytesReceived = wireBytes;
        if (_events.BeginRequest(stream) is not { } headers)
        {
            Close(stream, Http2Closed.ResetByUs);
            Return(stream);
            return Discard(block) && Refuse(id);
        }

        var sink = new Http2HeadSink(_options, Http2BlockKind.Request, headers, _slabs);
        if (!Decode(stream, block, ref sink, endStream))
        {
            return !_dead;
        }

        stream.HeadReceived = true;
        stream.IsConnect = headers.KnownMethod == KnownMethod.Connect;

        // What a tunnel carries is no content, whatever a content-length says of it.
        stream.ExpectedBytes = stream.IsConnect ? -1 : sink.ContentLength;
        return EndHead(stream, endStream);
    }

    private bool OnResponseBlock(Http2Stream stream, bool endStream, ReadOnlySpan<byte> block)
    {
        if (_events.BeginResponse(stream) is not { } headers)
        {
            return Discard(block) && FailStream(stream, Http2ErrorCode.Cancel, Http2ResponseCodeDetails.StreamError);
        }

        var sink = new Http2HeadSink(_options, Http2BlockKind.Response, headers, _slabs);
        if (!Decode(stream, block, ref sink, endStream))
        {
            return !_dead;
        }

        if (headers.Status < 200)
        {
            if (++stream.Informational > MaxInformational)
            {
                _stats.TooManyHeaderFrames.Increment();
                return FailStream(stream, Http2ErrorCode.EnhanceYourCalm, Http2ResponseCodeDetails.TooManyHeaderFrames);
            }

            _events.OnHeaders(stream, endStream: false);
            return !_dead;
        }

        stream.HeadReceived = true;
        stream.NoBody = stream.IsHead || headers.Status is 204 or 304;
        var tunnel = stream.IsConnect && headers.Status < 300;
        stream.IsConnect = tunnel;
        if (!stream.NoBody && !tunnel)
        {
            stream.ExpectedBytes = sink.ContentLength;
            if (endStream && sink.ContentLength > 0)
            {
                return Malformed(stream, Http2ResponseCodeDetails.MessagingViolation, "content-length without a body");
            }
        }

        return EndHead(stream, endStream);
    }

    private bool EndHead(Http2Stream stream, bool endStream)
    {
        if (endStream)
        {
            EndRemote(stream);
        }

        _events.OnHeaders(stream, endStream);
        return !_dead;
    }

    private bool OnTrailerBlock(Http2Stream stream, bool endStream, ReadOnlySpan<byte> block)
    {
        if (stream.IsConnect)
        {
            // RFC 9113 section 8.5: a tunnel has DATA and nothing else.
            return Discard(block) && FailStream(stream, Http2ErrorCode.ProtocolError, Http2ResponseCodeDetails.MessagingViolation);
        }

        stream.Trailers = _streams.RentTrailers();
        var sink = new Http2HeadSink(_options, Http2BlockKind.Trailers, stream.Trailers, _slabs);
        if (!Decode(stream, block, ref sink, endStream))
        {
            return !_dead;
        }

        if (stream.ExpectedBytes >= 0 && stream.ExpectedBytes != stream.BodyBytesReceived)
        {
            return Malformed(stream, Http2ResponseCodeDetails.MessagingViolation, "content-length differs from the body's length");
        }

        _stats.Trailers.Increment();
        EndRemote(stream);
        _events.OnTrailers(stream);
        return !_dead;
    }

    /// <summary>Unpacks a block into what the sink holds. False if the stream, or the connection, has ended for it.</summary>
    private bool Decode(Http2Stream stream, ReadOnlySpan<byte> block, ref Http2HeadSink sink, bool endStream)
    {
        var error = _decoder.Decode(block, ref sink);
        var well = sink.Finish(endStream);
        if (error != HpackError.None)
        {
            return FailBlock(error);
        }

        if (sink.DroppedUnderscores > 0)
        {
            _stats.DroppedHeadersWithUnderscores.Add(sink.DroppedUnderscores);
        }

        if (well)
        {
            return true;
        }

        switch (sink.Fault)
        {
            case Http2BlockFault.TooLarge:
                _stats.HeaderOverflow.Increment();
                FailStream(stream, Http2ErrorCode.EnhanceYourCalm, Http2ResponseCodeDetails.HeadersTooLarge);
                break;
            case Http2BlockFault.TooMany:
                _stats.HeaderOverflow.Increment();
                FailStream(stream, Http2ErrorCode.EnhanceYourCalm, Http2ResponseCodeDetails.TooManyHeaders);
                break;
            case Http2BlockFault.Underscore:
                _stats.RequestsRejectedForUnderscores.Increment();
                FailStream(stream, Http2ErrorCode.ProtocolError, Http2ResponseCodeDetails.UnexpectedUnderscore);
                break;
            case Http2BlockFault.InvalidField:
                Malformed(stream, Http2ResponseCodeDetails.InvalidHeader, sink.Reason);
                break;
            default:
                Malformed(stream, Http2ResponseCodeDetails.MessagingViolation, sink.Reason);
                break;
        }

        return false;
    }

    /// <summary>Unpacks a block that nobody wants: the tables must follow (RFC 9113 section 4.3).</summary>
    private bool Discard(ReadOnlySpan<byte> block)
    {
        var sink = new Http2HeadSink(_options, Http2BlockKind.Discarded, null, _slabs);
        var error = _decoder.Decode(block, ref sink);
        return error == HpackError.None || FailBlock(error);
    }

    private bool FailBlock(HpackError error) => Fail(error == HpackError.HeaderListTooLarge ? _guard.OnExpansion() : Http2Errors.Compression);

    private bool Refuse(uint id)
    {
        _stats.StreamRefusedErrors.Increment();
        return FailClosedStream(id, Http2ErrorCode.RefusedStream);
    }

    /// <summary>A malformed message (RFC 9113 section 8.1.1) ends its stream, or as Envoy has it by default, the connection.</summary>
    private bool Malformed(Http2Stream stream, string details, string reason)
    {
        _stats.RxMessagingError.Increment();
        return _options.StreamErrorOnInvalidHttpMessage
            ? FailStream(stream, Http2ErrorCode.ProtocolError, details)
            : Fail(new Http2Error(Http2ErrorCode.ProtocolError, details, reason));
    }

    /// <summary>The header has been drained; the payload is all there.</summary>
    private bool OnDataFrame(in Http2FrameHeader header, IoBuffer input)
    {
        var length = header.Length;
        if (header.StreamId == 0)
        {
            return Fail(Http2Errors.NeedsStream);
        }

        // The window counts the padding as well (RFC 9113 section 6.1), and whatever becomes of the stream.
        if (length > _connectionReceive)
        {
            return Fail(Http2Errors.WindowExceeded);
        }

        _connectionReceive -= length;
        GiveConnectionCredit();
        var body = length;
        var padding = 0;
        if ((header.Flags & Http2Flags.Padded) != 0)
        {
            if (length == 0)
            {
                return Fail(Http2Errors.DataSize);
            }

            padding = input.FirstSpan[0];
            input.Drain(1);
            if (padding > --body)
            {
                return Fail(Http2Errors.BadPadding);
            }

            body -= padding;
        }

        if (!Check(_guard.OnPayload(body, header.EndStream)))
        {
            return false;
        }

        var stream = _table.Find(header.StreamId);
        if (stream is null || stream.RemoteEnded)
        {
            Skip(input, length, body + padding);
            return stream is null ? OnDataWithoutStream(header.StreamId) : FailStream(stream, Http2ErrorCode.StreamClosed, Http2ResponseCodeDetails.StreamError);
        }

        if (length > stream.ReceiveWindow)
        {
            Skip(input, length, body + padding);
            return FailStream(stream, Http2ErrorCode.FlowControlError, Http2ResponseCodeDetails.FlowControlError);
        }

        if (FaultOfData(stream, body, header.EndStream) is { } fault)
        {
            Skip(input, length, body + padding);
            return Malformed(stream, Http2ResponseCodeDetails.MessagingViolation, fault);
        }

        stream.ReceiveWindow -= length;
        stream.BytesReceived += Http2FrameHeader.Bytes + length;
        stream.BodyBytesReceived += body;
        stream.Unconsumed += body;
        TakeBody(stream, input, body);
        input.Drain(padding);
        if (header.EndStream)
        {
            EndRemote(stream);
        }

        if (length > body)
        {
            CreditConnection(length - body);
            CreditStream(stream, length - body);
        }

        _events.OnData(stream, header.EndStream);
        return !_dead;
    }

    private void TakeBody(Http2Stream stream, IoBuffer input, int body)
    {
        if (body > MaxCopyBytes && UntakenBytes() <= MaxSharedBytes)
        {
            stream.Received.MoveFrom(input, body);
            return;
        }

        while (body > 0)
        {
            var piece = input.FirstSpan;
            piece = piece[..Math.Min(piece.Length, body)];
            stream.Received.Append(piece);
            body -= piece.Length;
            input.Drain(piece.Length);
        }
    }

    /// <summary>What has come on all streams and was not taken.</summary>
    private long UntakenBytes() =>
        Math.Max(_options.Protocol.InitialConnectionWindowSize, Http2FrameHeader.DefaultWindow) - _connectionReceive - _connectionCredit;

    /// <summary>What is wrong with a DATA frame by the message that it belongs to.</summary>
    private string? FaultOfData(Http2Stream stream, int body, bool endStream)
    {
        if (!stream.HeadReceived)
        {
            return "DATA before the response's head";
        }

        if (stream.NoBody && body > 0)
        {
            return "a body where there can be none";
        }

        var got = stream.BodyBytesReceived + body;
        return stream.ExpectedBytes >= 0 && (got > stream.ExpectedBytes || (endStream && got != stream.ExpectedBytes))
            ? "content-length differs from the body's length"
            : null;
    }

    /// <summary>RFC 9113 sections 5.1 and 6.1: late DATA of a stream that we have reset is ignored.</summary>
    private bool OnDataWithoutStream(uint id)
    {
        if (IsIdle(id))
        {
            return Fail(Http2Errors.IdleStream);
        }

        return _closed.Find(id) == Http2Closed.ResetByUs ? !_dead : FailClosedStream(id, Http2ErrorCode.StreamClosed);
    }

    /// <summary>What nobody takes is given back at once.</summary>
    private void Skip(IoBuffer input, int length, int left)
    {
        input.Drain(left);
        CreditConnection(length);
    }
}
