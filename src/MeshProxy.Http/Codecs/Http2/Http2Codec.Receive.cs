using System.Buffers.Binary;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Http.Codecs.Http2;

// What arrives, frame by frame; messages are in the next part.
internal sealed partial class Http2Codec
{
    private int _prefaceMissing;        // server: bytes of the client's preface that have not come yet
    private int _settingsUnacknowledged;
    private readonly int _receiveInitial;   // what a new stream's receive window is
    private long _connectionReceive;    // what we let the peer send on the connection
    private int _connectionCredit;      // bytes that were taken, and not yet given back to the peer
    private long _connectionSend = Http2FrameHeader.DefaultWindow;

    /// <summary>Set by an event: Receive returns after the frame under way and leaves the rest, so that one connection does not keep its worker.</summary>
    public bool IsPaused { get; set; }

    /// <summary>A header block has begun whose end has not come: nothing else can come before it.</summary>
    public bool IsWithinHeaderBlock => _blockStreamId != 0;

    /// <summary>Frames of DATA and HEADERS so far.</summary>
    public int MessageFramesReceived { get; private set; }

    /// <summary>Reads all whole frames in the input, unless <see cref="IsPaused"/>, and drains them.</summary>
    /// <returns>False after a connection error: <see cref="Error"/>. A GOAWAY stands in Output; the owner flushes, closes and calls CloseAll.</returns>
    public bool Receive(IoBuffer input)
    {
        if (!_dead && (_prefaceMissing == 0 || ReadPreface(input)))
        {
            while (!IsPaused && ReadFrame(input))
            {
            }
        }

        if (_dead)
        {
            input.Clear();
        }

        return !_dead;
    }

    private bool ReadPreface(IoBuffer input)
    {
        Span<byte> got = stackalloc byte[Http2FrameHeader.Preface.Length];
        got = got[..(int)Math.Min(_prefaceMissing, input.Length)];
        input.CopyTo(got);
        input.Drain(got.Length);
        if (!got.SequenceEqual(Http2FrameHeader.Preface[^_prefaceMissing..][..got.Length]))
        {
            return Fail(Http2Errors.BadPreface);
        }

        _prefaceMissing -= got.Length;
        return _prefaceMissing == 0;
    }

    /// <summary>One frame. False if there is no whole one, or at an error.</summary>
    private bool ReadFrame(IoBuffer input)
    {
        if (input.Length < Http2FrameHeader.Bytes)
        {
            return false;
        }

        var first = input.FirstSpan;
        Http2FrameHeader header;
        if (first.Length >= Http2FrameHeader.Bytes)
        {
            header = Http2FrameHeader.Read(first);
        }
        else
        {
            Span<byte> bytes = stackalloc byte[Http2FrameHeader.Bytes];
            input.CopyTo(bytes);
            header = Http2FrameHeader.Read(bytes);
        }

        if (!CheckOrder(header))
        {
            return false;
        }

        var whole = Http2FrameHeader.Bytes + header.Length;
        if (input.Length < whole)
        {
            return false;
        }

        if (header.Type <= Http2FrameType.Headers)
        {
            MessageFramesReceived++;
        }

        if (header.Type == Http2FrameType.Data)
        {
            input.Drain(Http2FrameHeader.Bytes);
            return OnDataFrame(header, input);
        }

        if (first.Length < whole)
        {
            input.MakeContiguous(whole, whole);
            first = input.FirstSpan;
        }

        var well = OnFrame(header, first[Http2FrameHeader.Bytes..whole]);
        input.Drain(whole);
        return well && !_dead;
    }

    /// <summary>What can be said before the payload is there.</summary>
    private bool CheckOrder(in Http2FrameHeader header)
    {
        if (!SettingsReceived && (header.Type != Http2FrameType.Settings || (header.Flags & Http2Flags.Ack) != 0))
        {
            return Fail(Http2Errors.SettingsNotFirst);
        }

        if (header.Length > Http2FrameHeader.DefaultMaxFrameBytes)
        {
            // RFC 9113 section 4.2; we leave SETTINGS_MAX_FRAME_SIZE as it is.
            return Fail(Http2Errors.FrameTooLarge);
        }

        if (_blockStreamId != 0 && (header.Type != Http2FrameType.Continuation || header.StreamId != _blockStreamId))
        {
            return Fail(Http2Errors.WithinBlock);
        }

        return true;
    }

    private bool OnFrame(in Http2FrameHeader header, ReadOnlySpan<byte> payload) => header.Type switch
    {
        Http2FrameType.Headers => OnHeadersFrame(header, payload),
        Http2FrameType.Continuation => OnContinuationFrame(header, payload),
        Http2FrameType.WindowUpdate => OnWindowUpdate(header, payload),
        Http2FrameType.RstStream => OnRstStream(header, payload),
        Http2FrameType.Settings => OnSettingsFrame(header, payload),
        Http2FrameType.Ping => OnPing(header, payload),
        Http2FrameType.GoAway => OnGoAwayFrame(header, payload),
        Http2FrameType.Priority => OnPriority(header, payload),
        Http2FrameType.PushPromise => Fail(Http2Errors.Push),
        _ => Check(_guard.OnExtension()),
    };

    /// <summary>RFC 9113 section 5.1.1: a number that has not been used yet.</summary>
    private bool IsIdle(uint id) => (id & 1) == 0 || (_role == Http2Role.Server ? id > _lastPeerStreamId : id >= _nextStreamId);

    private bool OnWindowUpdate(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (payload.Length != sizeof(uint))
        {
            return Fail(Http2Errors.WindowUpdateSize);
        }

        if (!Check(_guard.OnWindowUpdate()))
        {
            return false;
        }

        var increment = BinaryPrimitives.ReadUInt32BigEndian(payload) & Http2FrameHeader.MaxWindow;
        if (header.StreamId == 0)
        {
            if (increment == 0)
            {
                return Fail(Http2Errors.ZeroIncrement);
            }

            _connectionSend += increment;
            if (_connectionSend > Http2FrameHeader.MaxWindow)
            {
                return Fail(Http2Errors.WindowOverflow);
            }

            if (_ready.First is not null)
            {
                Signal();
            }

            return true;
        }

        var stream = _table.Find(header.StreamId);
        if (stream is null)
        {
            return !IsIdle(header.StreamId) || Fail(Http2Errors.IdleStream);
        }

        if (increment == 0)
        {
            return FailStream(stream, Http2ErrorCode.ProtocolError, Http2ResponseCodeDetails.StreamError);
        }

        stream.SendWindow += increment;
        if (stream.SendWindow > Http2FrameHeader.MaxWindow)
        {
            return FailStream(stream, Http2ErrorCode.FlowControlError, Http2ResponseCodeDetails.FlowControlError);
        }

        MakeReady(stream);
        return true;
    }

    private bool OnRstStream(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId == 0)
        {
            return Fail(Http2Errors.NeedsStream);
        }

        if (payload.Length != sizeof(uint))
        {
            return Fail(Http2Errors.RstSize);
        }

        var stream = _table.Find(header.StreamId);
        if (stream is null)
        {
            return !IsIdle(header.StreamId) || Fail(Http2Errors.IdleStream);
        }

        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload);
        _stats.RxReset.Increment();
        stream.IsReset = true;
        Close(stream, Http2Closed.ResetByPeer);
        _events.OnReset(stream, code, byPeer: true, code == Http2ErrorCode.RefusedStream ? Http2ResponseCodeDetails.RemoteRefused : Http2ResponseCodeDetails.RemoteReset);

        // A server may reset as many of our requests as it likes.
        return _role == Http2Role.Client ? !_dead : CountReset();
    }

    private bool OnSettingsFrame(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0)
        {
            return Fail(Http2Errors.NeedsConnection);
        }

        if ((header.Flags & Http2Flags.Ack) != 0)
        {
            return OnSettingsAck(payload);
        }

        var windowBefore = _peer.InitialWindowSize;
        var tableBefore = _peer.HeaderTableSize;
        var error = _peer.Apply(payload, _role);
        if (error.IsSet)
        {
            return Fail(error);
        }

        SettingsReceived = true;
        if (_peer.SmallestHeaderTableSize != tableBefore || _peer.HeaderTableSize != tableBefore)
        {
            _encoder.SetPeerTableLimit(_peer.SmallestHeaderTableSize);
            _encoder.SetPeerTableLimit(_peer.HeaderTableSize);
        }

        if (_peer.InitialWindowSize != windowBefore && !ChangeSendWindows(_peer.InitialWindowSize - (long)windowBefore))
        {
            return Fail(Http2Errors.StreamWindowOverflow);
        }

        WriteFrame(Http2FrameType.Settings, Http2Flags.Ack, 0, default, control: true);
        _events.OnSettings();
        return !_dead;
    }

    private bool OnSettingsAck(ReadOnlySpan<byte> payload)
    {
        if (!payload.IsEmpty)
        {
            return Fail(Http2Errors.SettingsAckSize);
        }

        if (_settingsUnacknowledged == 0)
        {
            return Fail(Http2Errors.SettingsAckUnasked);
        }

        _settingsUnacknowledged--;
        _decoder.SetTableLimit(_options.Protocol.HpackTableSize);
        return true;
    }

    /// <summary>RFC 9113 section 6.9.2: the setting holds for streams that are open already; their windows may fall below zero.</summary>
    private bool ChangeSendWindows(long delta)
    {
        foreach (var stream in _table.Slots)
        {
            if (stream is null)
            {
                continue;
            }

            stream.SendWindow += delta;
            if (stream.SendWindow > Http2FrameHeader.MaxWindow)
            {
                return false;
            }

            MakeReady(stream);
        }

        return true;
    }

    private bool OnPing(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.StreamId != 0)
        {
            return Fail(Http2Errors.NeedsConnection);
        }

        if (payload.Length != sizeof(ulong))
        {
            return Fail(Http2Errors.PingSize);
        }

        if ((header.Flags & Http2Flags.Ack) != 0)
        {
            _events.OnPingAck(BinaryPrimitives.ReadUInt64BigEndian(payload));
            return !_dead;
        }

        WriteFrame(Http2FrameType.Ping, Http2Flags.Ack, 0, payload, control: true);
        return !_dead;
    }

    private bool OnGoAwayFrame(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        const int Fixed = 8;
        if (header.StreamId != 0)
        {
            return Fail(Http2Errors.NeedsConnection);
        }

        if (payload.Length < Fixed)
        {
            return Fail(Http2Errors.GoAwaySize);
        }

        var last = BinaryPrimitives.ReadUInt32BigEndian(payload) & Http2FrameHeader.MaxStreamId;
        var code = (Http2ErrorCode)BinaryPrimitives.ReadUInt32BigEndian(payload[4..]);
        GoAwayReceived = true;
        while (_role == Http2Role.Client && _table.FindAbove(last) is { } stream)
        {
            // RFC 9113 section 6.8: these were not looked at, and can be tried again elsewhere.
            stream.IsReset = true;
            Close(stream, Http2Closed.ResetByUs);
            _events.OnReset(stream, Http2ErrorCode.RefusedStream, byPeer: true, Http2ResponseCodeDetails.GoAwayReceived);
        }

        _events.OnGoAway(last, code);
        return !_dead;
    }

    private bool OnPriority(in Http2FrameHeader header, ReadOnlySpan<byte> payload)
    {
        const int Size = 5;
        if (header.StreamId == 0)
        {
            return Fail(Http2Errors.NeedsStream);
        }

        if (payload.Length != Size && _closed.Find(header.StreamId) != Http2Closed.ResetByUs)
        {
            // RFC 9113 section 6.3: an error of the stream, if there is one to reset, and that we have not reset (section 5.4.2).
            return _table.Find(header.StreamId) is { } stream
                ? FailStream(stream, Http2ErrorCode.FrameSizeError, Http2ResponseCodeDetails.StreamError)
                : IsIdle(header.StreamId) ? Fail(Http2Errors.PrioritySize) : FailClosedStream(header.StreamId, Http2ErrorCode.FrameSizeError);
        }

        return Check(_guard.OnPriority());
    }

    private void CreditConnection(int bytes)
    {
        _connectionCredit += bytes;
        GiveConnectionCredit();
    }

    /// <summary>
    /// Gives the connection's window back: by half of it, or of what is left of it where bodies wait that nobody takes. Else one stream that
    /// holds more than half would stop all others for good, as what they give back never comes to a half.
    /// </summary>
    private void GiveConnectionCredit()
    {
        if ((_connectionCredit >= _options.Protocol.InitialConnectionWindowSize / 2 || _connectionCredit >= _connectionReceive) && _connectionCredit > 0 && !_dead)
        {
            _connectionReceive += _connectionCredit;
            WriteWindowUpdate(0, _connectionCredit);
            _connectionCredit = 0;
        }
    }

    private void CreditStream(Http2Stream stream, int bytes)
    {
        if (stream.RemoteEnded || stream.IsClosed)
        {
            return;
        }

        stream.Credit += bytes;
        if (stream.Credit >= _options.Protocol.InitialStreamWindowSize / 2 && !_dead)
        {
            stream.ReceiveWindow += stream.Credit;
            WriteWindowUpdate(stream.Id, stream.Credit);
            stream.Credit = 0;
        }
    }
}
