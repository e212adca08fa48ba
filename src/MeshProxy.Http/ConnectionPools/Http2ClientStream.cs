using System.Buffers.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>One exchange on an upstream HTTP/2 connection.</summary>
/// <remarks>
/// Worker thread only; rented from its worker while the exchange lives. The receive window is given back as the body is read, so that a
/// downstream that takes nothing stops the upstream at the window.
/// </remarks>
internal sealed class Http2ClientStream : IUpstreamStream
{
    /// <summary>What one read of the body takes: more would stand in the downstream's buffer beyond its limit.</summary>
    private const int MaxReadBytes = 64 * 1024;
    private const int LingerMs = 1000;

    private readonly Http2ClientWorker _worker;
    private readonly LoopSource<ReadStatus> _readWait;
    private readonly LoopSource<IoResult> _writeWait;
    private readonly Queue<ResponseHeaders> _heads = new();
    private Http2ClientConnection _connection = null!;
    private Http2Stream? _stream;
    private ExtendedConnect? _connect;
    private LingerTimer? _linger;
    private ResponseHeaders? _headInto;
    private ResponseHeaders? _decoding;
    private IoBuffer? _bodyInto;
    private IoBuffer? _rest;
    private HeaderTrailers? _trailers;
    private UpstreamResetReason? _failure;
    private string _details = "";
    private BytesMeter _bytes;
    private long _requestRemaining;
    private bool _headIntoReady;
    private bool _decodingIsRented;
    private bool _isComplete;
    private bool _requestEnded;
    private bool _isTunnel;
    private bool _isUpgrade;

    public Http2ClientStream(Http2ClientWorker worker)
    {
        _worker = worker;
        _readWait = new LoopSource<ReadStatus>(worker.Loop);
        _writeWait = new LoopSource<IoResult>(worker.Loop);
    }

    public Connection Connection => _connection.Connection;

    public StreamProtocol Protocol => StreamProtocol.Http2;

    public bool IsUsable => _stream is not null && _failure is null && _connection.IsUsable;

    public bool MayWaitAgain => _connection.HasCarried;

    public HeaderTrailers? ResponseTrailers => _stream is { } stream ? stream.Trailers : _trailers;

    public string ProtocolErrorDetails => _details;

    public UpstreamResetReason ResetReason => _failure ?? UpstreamResetReason.ConnectionTermination;

    public Http2ErrorCode? ResetCode { get; private set; }

    public bool IsRequestMalformed { get; private set; }

    /// <summary>Its place among its connection's streams.</summary>
    public int Index { get; set; }

    /// <summary>Whether it stands in its connection's list of streams to resume.</summary>
    public bool IsSignaled { get; set; }

    public ref readonly BytesMeter Bytes
    {
        get
        {
            KeepBytes();
            return ref _bytes;
        }
    }

    /// <summary>A new exchange on a stream that was just opened.</summary>
    public void Begin(Http2ClientConnection connection, Http2Stream stream, int index)
    {
        _connection = connection;
        _stream = stream;
        Index = index;
        _failure = null;
        _details = "";
        _bytes = default;
        _headIntoReady = false;
        _isComplete = false;
        _requestEnded = false;
        _isTunnel = false;
        _isUpgrade = false;
        IsRequestMalformed = false;
        ResetCode = null;
    }

    public ValueTask<IoResult> EncodeHeadersAsync(RequestHeaders headers, bool endStream)
    {
        if (_stream is not { } stream || _failure is not null)
        {
            return Aborted();
        }

        _connection.HasCarried = true;
        _requestEnded = endStream;
        _isUpgrade = headers.Contains(HeaderNames.Upgrade);
        _isTunnel = _isUpgrade || headers.MethodIs(KnownMethod.Connect);
        _requestRemaining = long.MaxValue;
        if (_isUpgrade)
        {
            return BeginUpgrade(headers);
        }

        if (!_isTunnel && Utf8Parser.TryParse(headers.Get(HeaderNames.ContentLength), out long length, out _))
        {
            if (!endStream)
            {
                _requestRemaining = length;
            }
            else if (length != 0)
            {
                // Whatever a filter has written there: without a body there is none to announce.
                headers.Remove(HeaderNames.ContentLength);
            }
        }

        _connection.Codec.SendHeaders(stream, headers, endStream);
        return Written(stream);
    }

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        if (_stream is not { IsReset: false } stream || _failure is not null)
        {
            data.Clear();
            return Aborted();
        }

        var length = _requestRemaining;
        _requestRemaining = length == long.MaxValue ? length : length - data.Length;
        if (_requestRemaining < 0 || (endStream && length != long.MaxValue && _requestRemaining != 0))
        {
            data.Clear();
            return RefuseBody();
        }

        _requestEnded |= endStream;
        _connection.Codec.SendData(stream, data, endStream);
        return Written(stream);
    }

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers)
    {
        if (_stream is not { IsReset: false } stream || _failure is not null)
        {
            return Aborted();
        }

        if (_requestRemaining is not (0 or long.MaxValue))
        {
            return RefuseBody();
        }

        _requestEnded = true;
        if (_isTunnel)
        {
            // A tunnel has none (RFC 9113 section 8.5), and its last bytes may leave after the map is gone.
            _connection.Codec.SendData(stream, _rest ??= new IoBuffer(_worker.Loop.Slabs), endStream: true);
        }
        else
        {
            _connection.Codec.SendTrailers(stream, trailers);
        }

        return new ValueTask<IoResult>(IoResult.Success);
    }

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into)
    {
        if (_heads.TryDequeue(out var head))
        {
            into.CopyFrom(head);
            _worker.Return(head);
            return new ValueTask<ReadStatus>(HeadStatus(into));
        }

        if (_failure is not null)
        {
            return new ValueTask<ReadStatus>(FailureStatus());
        }

        _headInto = into;
        _headIntoReady = false;
        return _readWait.WaitAsync();
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        if (TryReadBody(into) is { } status)
        {
            return new ValueTask<ReadStatus>(status);
        }

        _bodyInto = into;
        return _readWait.WaitAsync();
    }

    public void Release()
    {
        if (_requestEnded && _stream is { LocalEnded: false, IsReset: false, QueuedTrailers: null })
        {
            // What the client sent last is still on its way out, and the server may want it though it has answered. (Trailers live only as long as
            // the request.)
            (_linger ??= new LingerTimer(this)).Arm(LingerMs);
            return;
        }

        End();
    }

    public void Reset()
    {
        if (_stream is { } stream)
        {
            if (_isTunnel)
            {
                _connection.Codec.SendBeforeReset(stream); // what the client sent right before its end
            }

            _connection.Codec.Reset(stream, Http2ErrorCode.Cancel);
        }

        End();
    }

    public void ReturnUnused() => End();

    /// <summary>The codec begins to decode a head: the map for it.</summary>
    public ResponseHeaders BeginHead()
    {
        _decodingIsRented = _headInto is null || _headIntoReady || _heads.Count > 0;
        _decoding = _decodingIsRented ? _worker.RentHead() : _headInto!;
        return _decoding;
    }

    public void OnHead()
    {
        if (_decoding is not { } head)
        {
            return;
        }

        _decoding = null;
        if (head == _headInto)
        {
            _headIntoReady = true;
        }
        else
        {
            _heads.Enqueue(head);
        }

        _connection.Signal(this);
    }

    public void OnReadable() => _connection.Signal(this);

    public void OnSettings()
    {
        if (_connect is { IsPending: true } connect && _stream is { } stream)
        {
            SendUpgrade(stream, connect);
            _connection.Signal(this);
        }
    }

    /// <summary>All of the request stands in the codec's output.</summary>
    public void OnSent()
    {
        if (_linger is { IsArmed: true })
        {
            End();
        }
    }

    public void OnReset(Http2ErrorCode code, bool byPeer, string details)
    {
        // The peer has said all that it has to say, and does not want the rest of the request (RFC 9113 section 8.1).
        if (_stream is not { RemoteEnded: true } || !byPeer)
        {
            Fail(ReasonOf(code, byPeer), details);
            ResetCode = byPeer ? code : null;
        }

        if (_linger is { IsArmed: true })
        {
            End();
        }
        else
        {
            _connection.Signal(this);
        }
    }

    /// <summary>The connection is lost. A response that has come whole can still be read.</summary>
    /// <param name="reason">Null: the peer broke the protocol.</param>
    public void OnConnectionEnd(UpstreamResetReason? reason)
    {
        if (_stream is not { } stream)
        {
            return;
        }

        if (_linger is { IsArmed: true })
        {
            End();
            return;
        }

        if (stream is { RemoteEnded: true } && _failure is null)
        {
            _isComplete = true;
            (_rest ??= new IoBuffer(_worker.Loop.Slabs)).MoveFrom(stream.Received);
            if (stream.Trailers is { } trailers)
            {
                (_trailers ??= new HeaderTrailers(_worker.Loop.Slabs)).CopyFrom(trailers);
            }
        }
        else
        {
            Fail(reason ?? UpstreamResetReason.ProtocolError, _connection.Codec.Error.Details ?? "");
        }

        ReleaseStream();
        Resume(queued: true);
    }

    /// <summary>Lets those go on who can.</summary>
    public void Resume(bool queued = false)
    {
        if (_writeWait.IsPending && !IsWriteBlocked())
        {
            Complete(_writeWait, _failure is null && _stream is { IsReset: false } ? IoResult.Success : new IoResult(IoStatus.Aborted), queued);
        }

        ReadStatus? status = null;
        if (_headInto is { } head)
        {
            status = _headIntoReady ? HeadStatus(head) : _failure is null ? null : FailureStatus();
        }
        else if (_bodyInto is { } body)
        {
            status = TryReadBody(body);
        }

        if (status is { } known)
        {
            _headInto = null;
            _bodyInto = null;
            Complete(_readWait, known, queued);
        }
    }

    private static void Complete<T>(LoopSource<T> wait, T result, bool queued)
    {
        if (queued)
        {
            wait.CompleteQueued(result);
        }
        else
        {
            wait.CompleteInline(result);
        }
    }

    private static ValueTask<IoResult> Aborted() => new(new IoResult(IoStatus.Aborted));

    private static UpstreamResetReason ReasonOf(Http2ErrorCode code, bool byPeer) => code switch
    {
        Http2ErrorCode.RefusedStream => UpstreamResetReason.RemoteRefusedStreamReset,
        _ when !byPeer => UpstreamResetReason.ProtocolError,
        Http2ErrorCode.ConnectError => UpstreamResetReason.ConnectError,
        _ => UpstreamResetReason.RemoteReset,
    };

    private ValueTask<IoResult> Written(Http2Stream stream) =>
        stream.IsReset ? Aborted() : stream.IsAboveHighWatermark ? _writeWait.WaitAsync() : new ValueTask<IoResult>(IoResult.Success);

    private bool IsWriteBlocked() =>
        _failure is null && _stream is { IsReset: false } stream && (stream.IsAboveHighWatermark || _connect is { IsPending: true });

    /// <summary>A body that is not as long as its head says is a malformed message to the peer (RFC 9113 section 8.1.1).</summary>
    private ValueTask<IoResult> RefuseBody()
    {
        IsRequestMalformed = true;
        return Aborted();
    }

    /// <summary>Whether the peer takes upgrades shows only in its SETTINGS: the head waits for them.</summary>
    private ValueTask<IoResult> BeginUpgrade(RequestHeaders headers)
    {
        _connect ??= new ExtendedConnect(_worker.Loop.Slabs);
        _connect.Begin(headers);
        if (!_connection.AllowsConnect)
        {
            _connect.Clear();
            Fail(UpstreamResetReason.LocalReset, "");
            return Aborted();
        }

        if (!_connection.Codec.SettingsReceived)
        {
            return _writeWait.WaitAsync();
        }

        SendUpgrade(_stream!, _connect);
        return _failure is null ? new ValueTask<IoResult>(IoResult.Success) : Aborted();
    }

    private void SendUpgrade(Http2Stream stream, ExtendedConnect connect)
    {
        connect.IsPending = false;
        if (_connection.Codec.PeerEnablesConnectProtocol)
        {
            _connection.Codec.SendHeaders(stream, connect.Request, endStream: false);
        }
        else
        {
            Fail(UpstreamResetReason.LocalReset, "");
        }
    }

    private ReadStatus HeadStatus(ResponseHeaders head)
    {
        if (head.Status is >= 100 and < 200)
        {
            return ReadStatus.More;
        }

        if (_isUpgrade && head.Status is >= 200 and < 300)
        {
            _connect!.Accept(head);
            return ReadStatus.More;
        }

        return _stream is { } stream
            ? stream is { RemoteEnded: true, Received.IsEmpty: true, Trailers: null } ? ReadStatus.End : ReadStatus.More
            : _isComplete && _rest is not { IsEmpty: false } && _trailers is not { Count: > 0 } ? ReadStatus.End : ReadStatus.More;
    }

    private ReadStatus? TryReadBody(IoBuffer into)
    {
        // What a tunnel's server sent right before its reset counts.
        if (_failure is not null && !(_isTunnel && _stream is { Received.IsEmpty: false }))
        {
            return FailureStatus();
        }

        if (_stream is not { } stream)
        {
            var rest = _rest!;
            into.MoveFrom(rest, Math.Min(rest.Length, MaxReadBytes));
            return rest.IsEmpty ? ReadStatus.End : ReadStatus.More;
        }

        var count = Math.Min(stream.Received.Length, MaxReadBytes);
        if (count > 0)
        {
            into.MoveFrom(stream.Received, count);
            _connection.Codec.Consume(stream, (int)count);
        }

        return stream is { RemoteEnded: true, Received.IsEmpty: true } ? ReadStatus.End : count > 0 ? ReadStatus.More : null;
    }

    private ReadStatus FailureStatus() => _failure == UpstreamResetReason.ProtocolError ? ReadStatus.ProtocolError : ReadStatus.Reset;

    private void Fail(UpstreamResetReason reason, string details)
    {
        _failure ??= reason;
        _details = details;
    }

    private void KeepBytes()
    {
        if (_stream is { } stream)
        {
            _bytes.HeaderBytesReceived = stream.HeaderBytesReceived;
            _bytes.HeaderBytesSent = stream.HeaderBytesSent;
            _bytes.WireBytesReceived = stream.BytesReceived;
            _bytes.WireBytesSent = stream.BytesSent;
        }
    }

    private void ReleaseStream()
    {
        if (_stream is { } stream)
        {
            KeepBytes();
            _stream = null;
            if (_decoding is { } head)
            {
                // It was malformed; or one too many.
                _decoding = null;
                if (_decodingIsRented)
                {
                    _worker.Return(head);
                }
            }

            stream.Owner = null;
            _connection.Codec.Release(stream);
        }
    }

    /// <summary>The exchange is over. An object that somebody still hears from is not used again.</summary>
    private void End()
    {
        _linger?.Cancel();
        ReleaseStream();
        while (_heads.TryDequeue(out var head))
        {
            _worker.Return(head);
        }

        _connect?.Clear();
        _rest?.Clear();
        _trailers?.Clear();
        _headInto = null;
        _bodyInto = null;
        IsSignaled = false;
        _readWait.CompleteQueued(ReadStatus.Aborted);
        _writeWait.CompleteQueued(new IoResult(IoStatus.Aborted));
        _connection.OnStreamEnd(Index);
        if (_readWait.IsIdle && _writeWait.IsIdle)
        {
            _worker.Return(this);
        }
    }

    private sealed class LingerTimer(Http2ClientStream stream) : LoopTimer(stream._worker.Loop)
    {
        protected override void OnElapsed() => stream.End();
    }
}
