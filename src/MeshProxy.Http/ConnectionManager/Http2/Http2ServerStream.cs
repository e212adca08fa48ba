using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager.Http2;

/// <summary>One request on a downstream HTTP/2 connection: stands between its <see cref="ActiveStream"/> and the codec's stream.</summary>
/// <remarks>
/// Rented from its worker from the head's first byte until both of them have let go: the request may end first, with its response still waiting
/// for the client's window, or the stream may be reset first, with a filter's call outstanding.
/// </remarks>
internal sealed class Http2ServerStream(HttpWorker worker) : IStreamOwner
{
    /// <summary>
    /// What one read of the body takes. A client may have a whole window waiting behind a slow upstream: taken at once it would all go
    /// into the upstream's buffer, beyond its limit, and the client would be given as much again to send.
    /// </summary>
    private const int MaxReadBytes = 64 * 1024;

    private Http2ServerConnection _connection = null!;
    private Http2Stream? _codecStream;
    private ActiveStream? _active;
    private LoopSource<ReadStatus>? _bodyWait;
    private LoopSource<IoResult>? _writeWait;
    private IoBuffer? _bodyInto;
    private HeaderTrailers? _sentTrailers;
    private HeaderTrailers? _keptTrailers;
    private Http2FlushTimer? _flushTimer;
    private Http2BodyLength _length;
    private (ResponseFlags Flag, string Details)? _reset;
    private bool _headDone;
    private bool _toHead;
    private bool _expectsContinue;
    private bool _wantsTunnel;
    private bool _isUpgrade;
    private bool _madeKey;
    private bool _isReady;

    public Connection Connection => _connection.Downstream.Connection;

    public StreamInfo ConnectionInfo => _connection.Downstream.ConnectionInfo;

    public bool IsHttp2 => true;

    public bool IsTunnel { get; private set; }

    public HeaderTrailers? RequestTrailers => _codecStream?.Trailers;

    /// <summary>The next one whose reader is to be woken.</summary>
    public Http2ServerStream? NextReady { get; set; }

    private Http2Codec Codec => _connection.Codec;

    private HttpConnectionManagerStats Stats => worker.Shared.Stats;

    /// <summary>A request begins. The map for its head.</summary>
    public RequestHeaders Attach(Http2ServerConnection connection, Http2Stream stream)
    {
        _connection = connection;
        _codecStream = stream;
        stream.Owner = this;
        _active = worker.Rent();
        _active.Attach(this);
        return _active.RequestHeaders;
    }

    public void OnHeaders(bool endStream)
    {
        _headDone = true;
        var active = _active!;
        var headers = active.RequestHeaders;
        _toHead = headers.MethodIs(KnownMethod.Head);
        _wantsTunnel = headers.MethodIs(KnownMethod.Connect);
        if (_wantsTunnel && !headers.Protocol.IsEmpty)
        {
            _isUpgrade = true;
            _madeKey = Http2Upgrade.FromExtendedConnect(headers);
        }

        _expectsContinue = !endStream && headers.Contains(HeaderId.Expect) && !worker.Shared.Config.Proxy100Continue
            && HeaderBytes.EqualsIgnoreCase(headers.Get(HeaderNames.Expect), "100-continue"u8);
        active.Begin(_connection.Downstream.Client, endStream && !_wantsTunnel, upgrade: _wantsTunnel);
    }

    /// <summary>Body bytes, or the end of the message, have come.</summary>
    public void OnBody()
    {
        if (_bodyInto is not null && !_isReady)
        {
            _isReady = true;
            _connection.QueueReader(this);
        }
    }

    /// <summary>Gives a reader what has come for it.</summary>
    public void WakeReader()
    {
        _isReady = false;
        if (_active is null && _codecStream is null)
        {
            Recycle(); // it ended in between
        }
        else if (_bodyInto is { } into && TakeBody(into) is { } status)
        {
            _bodyInto = null;
            _bodyWait!.CompleteInline(status);
        }

        if (_reset is { } reset)
        {
            _reset = null;
            OnReset(reset.Flag, reset.Details);
        }
    }

    /// <summary>The codec's stream is dead, and this side has not asked for it.</summary>
    public void OnReset(ResponseFlags flag, string details)
    {
        if (IsTunnel && _isReady && _codecStream is { Received.IsEmpty: false })
        {
            _reset = (flag, details); // behind what the reader is about to be given
            return;
        }

        var active = _active;
        MeterInto(active);
        LetGoOfCodec();
        if (active is null)
        {
            RecycleIfGone();
        }
        else if (_headDone)
        {
            active.OnDownstreamReset(flag, details);
        }
        else if (flag == ResponseFlags.DownstreamProtocolError)
        {
            active.BeginReset(flag, details);
        }
        else
        {
            _active = null;
            active.Discard();
            RecycleIfGone();
        }
    }

    public void OnWritable() => _writeWait?.CompleteQueued(IoResult.Success);

    /// <summary>The response's last byte is on its way.</summary>
    public void OnSent()
    {
        if (_active is null)
        {
            FinishSent();
        }
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        if (TakeBody(into) is { } status)
        {
            return new ValueTask<ReadStatus>(status);
        }

        SendContinue();
        _bodyInto = into;
        _bodyWait ??= new LoopSource<ReadStatus>(worker.Loop);
        return _bodyWait.WaitAsync();
    }

    public void AbortRead()
    {
        _bodyInto = null;
        _bodyWait?.CompleteQueued(ReadStatus.Aborted);
    }

    public void Reset(ActiveStream stream)
    {
        AbortRead();
        _writeWait?.CompleteQueued(new IoResult(IoStatus.Aborted));
        if (IsTunnel && _codecStream is { } tunnel)
        {
            Codec.SendBeforeReset(tunnel); // what came with the cut counts: a tunnel's last message
        }

        if (_codecStream is not null)
        {
            MeterInto(stream);
            ResetCodec(IsTunnel ? Http2ErrorCode.ConnectError : Http2ErrorCode.InternalError);
        }
    }

    public ValueTask<IoResult> EncodeInformationalAsync(ResponseHeaders headers)
    {
        // RFC 9113 section 8.6: HTTP/2 has no 101.
        if (_codecStream is { } stream && headers.Status != 101)
        {
            _expectsContinue &= headers.Status != 100;
            Codec.SendHeaders(stream, headers, endStream: false);
        }

        return new ValueTask<IoResult>(IoResult.Success);
    }

    public ValueTask<IoResult> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        if (_codecStream is not { } stream)
        {
            return new ValueTask<IoResult>(new IoResult(IoStatus.Reset));
        }

        _expectsContinue = false;
        _connection.CheckDrain();
        if (_wantsTunnel && BeginsTunnel(headers))
        {
            return BeginTunnel(stream, headers, endStream);
        }

        if (headers.Status < 200)
        {
            // A filter's 1xx in the place of the response.
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        _length = Http2BodyLength.Settle(headers, endStream, _toHead);
        Codec.SendHeaders(stream, headers, endStream: _length.NoBody);
        return new ValueTask<IoResult>(IoResult.Success);
    }

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        if (_length.NoBody || _codecStream is not { } stream)
        {
            data.Clear();
            return new ValueTask<IoResult>(_length.NoBody ? IoResult.Success : new IoResult(IoStatus.Reset));
        }

        if (!_length.Take(data.Length, endStream))
        {
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        if (!data.IsEmpty || endStream)
        {
            Codec.SendData(stream, data, endStream);
        }

        if (endStream || !stream.IsAboveHighWatermark)
        {
            return new ValueTask<IoResult>(IoResult.Success);
        }

        _writeWait ??= new LoopSource<IoResult>(worker.Loop);
        return _writeWait.WaitAsync();
    }

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers)
    {
        if (_length.NoBody || _codecStream is not { } stream)
        {
            return new ValueTask<IoResult>(_length.NoBody ? IoResult.Success : new IoResult(IoStatus.Reset));
        }

        if (!_length.Take(0, endStream: true))
        {
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        if (stream.QueuedBytes > 0)
        {
            // They wait for the body, longer than the upstream's map lives.
            _sentTrailers = worker.Http2Streams.RentTrailers();
            _sentTrailers.CopyFrom(trailers);
            trailers = _sentTrailers;
        }

        Codec.SendTrailers(stream, trailers);
        return new ValueTask<IoResult>(IoResult.Success);
    }

    public void OnHeadTimeout(ActiveStream stream, string details)
    {
        // A head comes whole; the connection watches over what is before that.
    }

    public void OnStreamEnding(ActiveStream stream) => MeterInto(stream);

    public void OnStreamComplete(ActiveStream stream)
    {
        _active = null;
        Stats.UpgradesActive.Add(IsTunnel ? -1 : 0);
        _connection.OnRequestEnd(stream.StreamInfo);
        if (_codecStream is not { } codecStream)
        {
            RecycleIfGone();
        }
        else if (!stream.ResponseEnded)
        {
            ResetCodec(Http2ErrorCode.InternalError);
            RecycleIfGone();
        }
        else if (codecStream.LocalEnded)
        {
            FinishSent();
        }
        else
        {
            (_flushTimer ??= new Http2FlushTimer(this, worker)).Start(codecStream);
        }
    }

    /// <summary>The client takes nothing of what is left of the response, which is complete on our side.</summary>
    public void GiveUpFlush()
    {
        worker.Shared.Http2Stats.TxFlushTimeout.Increment();
        ResetCodec(Http2ErrorCode.Cancel);
        RecycleIfGone();
    }

    /// <summary>The body bytes that are here. Null: none are.</summary>
    private ReadStatus? TakeBody(IoBuffer into)
    {
        if (_codecStream is not { } stream)
        {
            return ReadStatus.Aborted;
        }

        if (_wantsTunnel && !IsTunnel)
        {
            // An upstream that declines would read what is meant for the tunnel as requests that nobody has checked.
            return null;
        }

        var length = Math.Min(stream.Received.Length, MaxReadBytes);
        if (length > 0)
        {
            into.MoveFrom(stream.Received, length);
            Codec.Consume(stream, (int)length);
        }

        return stream is { RemoteEnded: true, Received.IsEmpty: true } ? ReadStatus.End : length > 0 ? ReadStatus.More : null;
    }

    private void SendContinue()
    {
        if (_expectsContinue && _codecStream is { } stream)
        {
            _expectsContinue = false;
            Codec.SendHeaders(stream, worker.ContinueHeaders, endStream: false);
        }
    }

    private bool BeginsTunnel(ResponseHeaders headers)
    {
        if (!_isUpgrade)
        {
            return headers.Status is >= 200 and < 300;
        }

        if (headers.Status is >= 200 and < 300)
        {
            // To the client a 2xx would say that the tunnel stands (RFC 8441 section 5).
            var info = _active!.StreamInfo;
            info.ResponseCode = headers.Status = 502;
            info.ResponseCodeDetails = ResponseCodeDetails.WebsocketHandshakeUnsuccessful;
        }

        return headers.Status == 101;
    }

    private ValueTask<IoResult> BeginTunnel(Http2Stream stream, ResponseHeaders headers, bool endStream)
    {
        IsTunnel = true;
        Stats.UpgradesTotal.Increment();
        Stats.UpgradesActive.Add(1);
        _length = Http2BodyLength.Any;
        headers.Remove(HeaderNames.ContentLength);
        if (_madeKey)
        {
            Http2Upgrade.RemoveAccept(headers);
        }

        var status = headers.Status;
        headers.Status = status == 101 ? 200 : status;
        Codec.SendHeaders(stream, headers, endStream);
        headers.Status = status; // logs tell of the upgrade
        if (_bodyInto is { } into && TakeBody(into) is { } read)
        {
            _bodyInto = null;
            _bodyWait!.CompleteQueued(read);
        }

        return new ValueTask<IoResult>(IoResult.Success);
    }

    /// <summary>The response is out. What is left of the request goes nowhere (RFC 9113 section 8.1).</summary>
    private void FinishSent()
    {
        if (_codecStream is { RemoteEnded: false })
        {
            ResetCodec(Http2ErrorCode.NoError);
        }

        LetGoOfCodec();
        RecycleIfGone();
    }

    private void ResetCodec(Http2ErrorCode code)
    {
        Codec.Reset(_codecStream!, code);
        LetGoOfCodec();
    }

    private void LetGoOfCodec()
    {
        _flushTimer?.Cancel();
        _reset = null;
        if (_codecStream is { } stream)
        {
            _codecStream = null;
            if (_active is not null)
            {
                // A filter may still be at work on them.
                _keptTrailers = stream.Trailers;
                stream.Trailers = null;
            }

            stream.Owner = null;
            Codec.Release(stream);
        }

        if (_sentTrailers is { } trailers)
        {
            _sentTrailers = null;
            worker.Http2Streams.ReturnTrailers(trailers);
        }
    }

    private void MeterInto(ActiveStream? active)
    {
        if (active is not null && _codecStream is { } stream)
        {
            ref var meter = ref active.StreamInfo.DownstreamBytes;
            meter.HeaderBytesReceived = stream.HeaderBytesReceived;
            meter.WireBytesReceived = stream.BytesReceived;
            meter.HeaderBytesSent = stream.HeaderBytesSent;
            meter.WireBytesSent = stream.BytesSent + stream.QueuedBytes;
        }
    }

    private void RecycleIfGone()
    {
        if (_active is null && _codecStream is null && !_isReady)
        {
            Recycle();
        }
    }

    private void Recycle()
    {
        if (_keptTrailers is { } trailers)
        {
            _keptTrailers = null;
            worker.Http2Streams.ReturnTrailers(trailers);
        }

        _headDone = false;
        _toHead = false;
        _expectsContinue = false;
        _wantsTunnel = false;
        _isUpgrade = false;
        _madeKey = false;
        IsTunnel = false;
        _bodyInto = null;
        _length = default;
        var connection = _connection;
        _connection = null!;
        connection.OnStreamGone(this);
    }
}
