using System.Buffers.Binary;
using System.Diagnostics;
using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Codecs.Http2;

// What is sent: control frames and heads at once, DATA when the owner asks for it.
internal sealed partial class Http2Codec
{
    /// <summary>No frame that we send is larger, whatever the peer takes: so no stream holds the connection for long.</summary>
    private const int MaxSentFrameBytes = Http2FrameHeader.DefaultMaxFrameBytes;

    /// <summary>DATA up to this size is copied behind what is in Output: one run leaves in a plain send.</summary>
    private const int MaxCopiedDataBytes = 4096;

    private const int MaxDebugBytes = 128;

    /// <summary>So many streams may each queue up to the watermark; more of them share what these may hold together.</summary>
    private const int StreamsWithFullWatermark = 16;

    /// <summary>What a stream may queue however many there are.</summary>
    private const int MinWatermarkBytes = 64 * 1024;

    private bool _signalled;

    /// <summary>Ends a response's or a request's head. A 1xx does not end the stream.</summary>
    public void SendHeaders(Http2Stream stream, ResponseHeaders headers, bool endStream)
    {
        Debug.Assert(_role == Http2Role.Server && headers.Status is >= 200 or (>= 100 and < 200 and not 101) && !(endStream && headers.Status < 200));
        if (!stream.IsClosed && !stream.LocalEnded)
        {
            WriteHead(stream, headers, endStream);
        }
    }

    public void SendHeaders(Http2Stream stream, RequestHeaders headers, bool endStream)
    {
        Debug.Assert(_role == Http2Role.Client && (stream.Id == 0 || stream.IsClosed), "a request has one head");
        if (stream.IsClosed)
        {
            return;
        }

        _unsent--;
        if (GoAwayReceived || _dead || _nextStreamId > Http2FrameHeader.MaxStreamId)
        {
            stream.IsReset = true;
            stream.IsClosed = true;
            _events.OnReset(stream, Http2ErrorCode.RefusedStream, byPeer: false, Http2ResponseCodeDetails.GoAwayReceived);
            return;
        }

        stream.IsHead = headers.KnownMethod == KnownMethod.Head;
        stream.IsConnect = headers.KnownMethod == KnownMethod.Connect;
        Open(stream, _nextStreamId);
        _nextStreamId += 2;
        WriteHead(stream, headers, endStream);
    }

    /// <summary>Takes all of data into the stream's queue.</summary>
    public void SendData(Http2Stream stream, IoBuffer data, bool endStream)
    {
        if (stream.IsClosed || stream.LocalEnded || _dead)
        {
            data.Clear();
            return;
        }

        Debug.Assert(!stream.EndQueued && stream.Id != 0, "DATA after the end, or before the head");
        if (!data.IsEmpty)
        {
            _stats.PendingSendBytes.Add(data.Length);
            stream.Queue.MoveOrCopyFrom(data, MaxCopyBytes);
        }

        if (stream.Queue.IsEmpty)
        {
            if (endStream)
            {
                WriteFrame(Http2FrameType.Data, Http2Flags.EndStream, stream.Id, default, control: false);
                stream.BytesSent += Http2FrameHeader.Bytes;
                EndLocal(stream);
            }

            return;
        }

        stream.EndQueued = endStream;
        stream.IsAboveHighWatermark |= stream.Queue.Length > HighWatermark();
        MakeReady(stream);
    }

    /// <summary>Ends the message with trailers, after what is queued. The map must stay as it is until LocalEnded or IsReset.</summary>
    public void SendTrailers(Http2Stream stream, HeaderTrailers trailers)
    {
        if (stream.IsClosed || stream.LocalEnded || _dead)
        {
            return;
        }

        Debug.Assert(!stream.EndQueued, "trailers after the end");
        if (stream.Queue.IsEmpty)
        {
            WriteHead(stream, trailers, endStream: true);
            return;
        }

        stream.EndQueued = true;
        stream.QueuedTrailers = trailers;
    }

    /// <summary>Moves DATA of ready streams, in turn, into Output until it holds that many bytes.</summary>
    /// <returns>Whether more is ready.</returns>
    public bool FillData(int maxBytes)
    {
        // What is made here needs no signal: the owner is about to take it.
        _signalled = true;
        while (_ready.First is { } stream && _connectionSend > 0 && Output.Length < maxBytes && !_dead)
        {
            SendOneFrame(stream);
        }

        _signalled = false;
        return _ready.First is not null && _connectionSend > 0 && !_dead;
    }

    /// <summary>Sends what a stream has queued, as far as the windows let it: for the owner that is about to reset the stream.</summary>
    public void SendBeforeReset(Http2Stream stream)
    {
        while (!_dead && !stream.IsClosed && !stream.EndQueued && !stream.Queue.IsEmpty && stream.SendWindow > 0 && _connectionSend > 0)
        {
            SendOneFrame(stream);
        }
    }

    public void SendPing(ulong payload)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, payload);
        WriteFrame(Http2FrameType.Ping, Http2Flags.None, 0, bytes, control: false);
    }

    /// <summary>The first step of a drain: GOAWAY with the highest id; new streams are still taken.</summary>
    public void BeginGoAway() => WriteGoAway(Http2FrameHeader.MaxStreamId, Http2ErrorCode.NoError, "");

    /// <summary>The second step, a round trip or more later: GOAWAY with the last id that was taken. New streams are ignored from now on.</summary>
    public void FinishGoAway() => SendGoAway(Http2ErrorCode.NoError, "");

    /// <summary>GOAWAY with an error. The owner closes the connection when it is written. The last id never rises (RFC 9113 section 6.8).</summary>
    public void SendGoAway(Http2ErrorCode code, string debug)
    {
        _goAwayLastId = Math.Min(_goAwayLastId, _lastPeerStreamId);
        WriteGoAway(_goAwayLastId, code, debug);
    }

    /// <summary>
    /// A peer that opens many streams and takes nothing of any must not make us hold their number times the watermark. A stream that is
    /// above it by this rule alone is writable again after its next frame.
    /// </summary>
    private int HighWatermark()
    {
        var full = _options.HighWatermarkBytes;
        return _table.Count <= StreamsWithFullWatermark
            ? full
            : (int)Math.Min(full, Math.Max(MinWatermarkBytes, (long)full * StreamsWithFullWatermark / _table.Count));
    }

    private void SendOneFrame(Http2Stream stream)
    {
        var queue = stream.Queue;
        var limit = Math.Min(Math.Min(_connectionSend, stream.SendWindow), MaxSentFrameBytes);
        var n = (int)Math.Min(queue.Length, limit);
        Debug.Assert(n > 0, "a stream in the list has bytes and a window");
        var last = n == queue.Length && stream.EndQueued && stream.QueuedTrailers is null;
        var flags = last ? Http2Flags.EndStream : Http2Flags.None;
        BeginOutput();
        if (n <= MaxCopiedDataBytes)
        {
            var room = Output.WritableTail(Http2FrameHeader.Bytes + n, WantedBytes());
            Http2FrameHeader.Write(room, n, Http2FrameType.Data, flags, stream.Id);
            queue.CopyTo(room.Slice(Http2FrameHeader.Bytes, n));
            Output.Commit(Http2FrameHeader.Bytes + n);
            queue.Drain(n);
        }
        else
        {
            Http2FrameHeader.Write(Output.WritableTail(Http2FrameHeader.Bytes, Http2FrameHeader.Bytes), n, Http2FrameType.Data, flags, stream.Id);
            Output.Commit(Http2FrameHeader.Bytes);
            Output.MoveFrom(queue, n);
        }

        _connectionSend -= n;
        stream.SendWindow -= n;
        stream.BytesSent += Http2FrameHeader.Bytes + n;
        _stats.PendingSendBytes.Sub(n);
        _guard.OnDataSent();
        if (!CountOutput(control: false))
        {
            return;
        }

        AfterFrame(stream, queue);
    }

    private void AfterFrame(Http2Stream stream, IoBuffer queue)
    {
        if (!queue.IsEmpty)
        {
            if (stream.SendWindow > 0)
            {
                _ready.MoveToEnd(stream);
            }
            else
            {
                _ready.Remove(stream);
            }
        }
        else
        {
            _ready.Remove(stream);
            if (stream.EndQueued)
            {
                if (stream.QueuedTrailers is { } trailers)
                {
                    stream.QueuedTrailers = null;
                    WriteHead(stream, trailers, endStream: true);
                }
                else
                {
                    EndLocal(stream);
                }

                if (stream.LocalEnded)
                {
                    _events.OnSent(stream);
                }

                return;
            }
        }

        if (stream.IsAboveHighWatermark && queue.Length <= _options.LowWatermarkBytes)
        {
            stream.IsAboveHighWatermark = false;
            _events.OnWritable(stream);
        }
    }

    private void MakeReady(Http2Stream stream)
    {
        if (stream.SendWindow <= 0 || stream.Queue.IsEmpty)
        {
            if (stream.SendWindow <= 0)
            {
                _ready.Remove(stream);
            }

            return;
        }

        _ready.Add(stream);
        if (_connectionSend > 0)
        {
            Signal();
        }
    }

    /// <summary>A slab for what one turn sends, larger as more comes together.</summary>
    private int WantedBytes() => (int)Math.Clamp(Output.Length, SlabPool.MinSlabBytes, SlabPool.MaxSlabBytes);

    private void WriteHead(Http2Stream stream, HeaderMap headers, bool endStream)
    {
        if (_dead)
        {
            return;
        }

        BeginOutput();
        var bytes = Http2HeadWriter.Write(Output, _encoder, stream.Id, headers, endStream, WantedBytes(), out var frames);
        stream.HeaderBytesSent += bytes;
        stream.BytesSent += bytes;
        for (var i = 0; i < frames; i++)
        {
            if (!CountOutput(control: false))
            {
                return;
            }
        }

        if (endStream)
        {
            EndLocal(stream);
        }
    }

    private void WriteFrame(Http2FrameType type, Http2Flags flags, uint streamId, ReadOnlySpan<byte> payload, bool control)
    {
        if (_dead)
        {
            return;
        }

        BeginOutput();
        var room = Output.WritableTail(Http2FrameHeader.Bytes + payload.Length, WantedBytes());
        Http2FrameHeader.Write(room, payload.Length, type, flags, streamId);
        payload.CopyTo(room[Http2FrameHeader.Bytes..]);
        Output.Commit(Http2FrameHeader.Bytes + payload.Length);
        CountOutput(control);
    }

    private void WriteReset(uint id, Http2ErrorCode code, bool control)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, (uint)code);
        _stats.TxReset.Increment();
        WriteFrame(Http2FrameType.RstStream, Http2Flags.None, id, bytes, control);
    }

    private void WriteWindowUpdate(uint id, int increment)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteInt32BigEndian(bytes, increment);
        WriteFrame(Http2FrameType.WindowUpdate, Http2Flags.None, id, bytes, control: false);
    }

    private void WriteGoAway(uint lastId, Http2ErrorCode code, string debug)
    {
        const int Fixed = 8;
        Span<byte> bytes = stackalloc byte[Fixed + MaxDebugBytes];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, lastId);
        BinaryPrimitives.WriteUInt32BigEndian(bytes[4..], (uint)code);
        var length = Encoding.ASCII.GetBytes(debug.AsSpan(0, Math.Min(debug.Length, MaxDebugBytes)), bytes[Fixed..]);
        _stats.GoAwaySent.Increment();
        WriteFrame(Http2FrameType.GoAway, Http2Flags.None, 0, bytes[..(Fixed + length)], control: false);
    }

    private void WriteSettings()
    {
        const int EntryBytes = 6;
        const int MaxEntries = 5;
        Span<byte> bytes = stackalloc byte[MaxEntries * EntryBytes];
        var protocol = _options.Protocol;
        var at = 0;
        if (protocol.HpackTableSize != Hpack.HpackDecoder.DefaultTableBytes)
        {
            Put(bytes, Http2Setting.HeaderTableSize, (uint)protocol.HpackTableSize);
        }

        if (_role == Http2Role.Client)
        {
            Put(bytes, Http2Setting.EnablePush, 0);
        }
        else
        {
            Put(bytes, Http2Setting.MaxConcurrentStreams, (uint)protocol.MaxConcurrentStreams);
            if (protocol.AllowConnect)
            {
                Put(bytes, Http2Setting.EnableConnectProtocol, 1);
            }
        }

        Put(bytes, Http2Setting.InitialWindowSize, (uint)protocol.InitialStreamWindowSize);
        Put(bytes, Http2Setting.MaxHeaderListSize, (uint)(_options.HeadKb * 1024));
        _settingsUnacknowledged++;
        WriteFrame(Http2FrameType.Settings, Http2Flags.None, 0, bytes[..at], control: false);

        void Put(Span<byte> room, Http2Setting setting, uint value)
        {
            BinaryPrimitives.WriteUInt16BigEndian(room[at..], (ushort)setting);
            BinaryPrimitives.WriteUInt32BigEndian(room[(at + sizeof(ushort))..], value);
            at += EntryBytes;
        }
    }

    /// <summary>Before a frame is written: an empty Output means that the owner has taken all before it.</summary>
    private void BeginOutput()
    {
        if (Output.IsEmpty)
        {
            _guard.OnOutputTaken(WrittenBytes, SentBytes);
        }
    }

    /// <summary>False if the connection has ended; the GOAWAY that says so is not counted.</summary>
    private bool CountOutput(bool control)
    {
        Signal();
        return !Error.IsSet && Check(_guard.OnOutbound(control));
    }

    private void Signal()
    {
        if (!_signalled)
        {
            _signalled = true;
            _events.OnOutput();
        }
    }
}
