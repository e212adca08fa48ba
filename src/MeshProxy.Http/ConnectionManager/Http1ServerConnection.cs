using System.Diagnostics;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http1;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionManager;

/// <summary>
/// A downstream HTTP/1.1 connection: decodes heads, runs one stream at a time, writes its response. No state machine of its own: what arrives
/// drives it, and an idle connection holds no buffer and no stream.
/// </summary>
internal sealed class Http1ServerConnection : ServerConnection, IStreamOwner
{
    private ActiveStream? _stream;
    private Http1ServerCodec? _codec;
    private LoopSource<ReadStatus>? _bodyWait;
    private IoBuffer? _bodyInto;
    private int _requests;
    private Http1ConnectionState _state;
    private bool _closeAfterResponse;
    private bool _closeWhenIdle;
    private bool _continueSent;
    private bool _isTunnel;

    public Http1ServerConnection(DownstreamConnection downstream)
        : base(downstream)
    {
        var stats = Worker.Shared.Stats;
        stats.Http1ConnectionsTotal.Increment();
        stats.Http1ConnectionsActive.Add(1);
    }

    private enum Http1ConnectionState : byte
    {
        /// <summary>Between requests, or inside a head.</summary>
        Head,

        /// <summary>The stream pulls the body, or a tunnel's bytes.</summary>
        Body,

        /// <summary>
        /// A tunnel was asked for and not granted yet. What the client sends before that waits: an upstream that declines would
        /// read it as requests that nobody has checked.
        /// </summary>
        AwaitingTunnel,

        /// <summary>The request is complete, the response is under way.</summary>
        Watching,
    }

    public Connection Connection => Downstream.Connection;

    public StreamInfo ConnectionInfo => Downstream.ConnectionInfo;

    public HeaderTrailers? RequestTrailers => _codec?.Trailers;

    public bool IsHttp2 => false;

    public bool IsTunnel => _isTunnel;

    public override bool IsIdle => _stream is null;

    public override bool HasActiveRequest => _stream is { IsLive: true };

    private IoBuffer Input => Downstream.Input;

    private Http1RequestDecoder Decoder => _codec!.Decoder;

    private Http1ResponseWriter Writer => _codec!.Writer;

    /// <summary>Whether the peer is gone. A tunnel's FIN ends one direction only, once the stream has read what came before it.</summary>
    private bool PeerHasLeft => Downstream.ReadEnded && (!_isTunnel || Downstream.ReadFailed);

    /// <summary>Something arrived.</summary>
    public override void OnInput()
    {
        if (_bodyInto is { } into && _state == Http1ConnectionState.Body)
        {
            if (DecodeBody(into) is { } status)
            {
                _bodyInto = null;
                _bodyWait!.CompleteInline(status);
            }
        }
        else if (_state == Http1ConnectionState.Head)
        {
            ProcessHead();
        }
        else if (PeerHasLeft)
        {
            Downstream.CloseByPeer();
        }
    }

    /// <summary>Closes now if no request is under way, else after the response.</summary>
    public override void Drain()
    {
        _closeWhenIdle = true;
        if (IsIdle && Downstream.IsOpen)
        {
            Downstream.CloseGently();
        }
    }

    public override void OnClosed()
    {
        if (_stream is { } stream)
        {
            if (stream.IsLive)
            {
                stream.OnDownstreamReset(ResponseFlags.DownstreamConnectionTermination, ResponseCodeDetails.DownstreamRemoteDisconnect);
            }
            else
            {
                _stream = null;
                stream.Discard();
                GiveBackCodec();
            }
        }
    }

    public override void OnDestroy()
    {
        GiveBackCodec();
        var stats = Worker.Shared.Stats;
        stats.Http1ConnectionsActive.Add(-1);
        stats.UpgradesActive.Add(_isTunnel ? -1 : 0);
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        while (true)
        {
            var status = DecodeBody(into);
            if (status is not null)
            {
                if (!Downstream.IsReading)
                {
                    Downstream.QueueInput(); // to read again, so that the peer's close is seen whatever the stream does now
                }

                return new ValueTask<ReadStatus>(status.Value);
            }

            SendContinue();
            if (Downstream.IsReading || _state == Http1ConnectionState.AwaitingTunnel || !Downstream.StartRead())
            {
                _bodyInto = into;
                _bodyWait ??= new LoopSource<ReadStatus>(Worker.Loop);
                return _bodyWait.WaitAsync();
            }
        }
    }

    public void AbortRead()
    {
        _bodyInto = null;
        _bodyWait?.CompleteQueued(ReadStatus.Aborted);
    }

    public void Reset(ActiveStream stream)
    {
        AbortRead();
        if (Downstream.IsOpen && PeerHasLeft)
        {
            Downstream.CloseByPeer();
        }
        else if (Downstream.IsOpen)
        {
            CloseCut(stream);
        }
    }

    public ValueTask<IoResult> EncodeInformationalAsync(ResponseHeaders headers)
    {
        _continueSent |= headers.Status == 100;
        return Writer.WriteInformationalAsync(headers);
    }

    public ValueTask<IoResult> EncodeHeadersAsync(ResponseHeaders headers, bool endStream)
    {
        var isTunnel = Writer.BeginsTunnel(headers.Status);
        if (!isTunnel)
        {
            DecideClose();
        }

        var written = Writer.WriteHeadersAsync(headers, endStream, ref _closeAfterResponse);
        if (isTunnel && _state == Http1ConnectionState.AwaitingTunnel)
        {
            OpenTunnel();
        }

        return written;
    }

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream) => Writer.WriteDataAsync(data, endStream);

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers) => Writer.WriteTrailersAsync(trailers);

    public void OnHeadTimeout(ActiveStream stream, string details) => Refuse(stream, 408, details, ResponseFlags.None);

    public void OnStreamEnding(ActiveStream stream)
    {
        // Counted as it went.
    }

    public void OnStreamComplete(ActiveStream stream)
    {
        _stream = null;
        if (!Downstream.IsOpen)
        {
            Downstream.CheckDone();
            return;
        }

        if (!stream.ResponseEnded)
        {
            CloseCut(stream);
            return;
        }

        if (_closeAfterResponse || _closeWhenIdle || _state != Http1ConnectionState.Watching || Writer.EndsWithConnection)
        {
            Downstream.CloseGently();
            return;
        }

        _state = Http1ConnectionState.Head;
        GiveBackCodec();
        Downstream.GoIdle();
        if (!Input.IsEmpty || Downstream.ReadEnded)
        {
            Downstream.QueueInput();
        }
    }

    /// <summary>Ends a response that cannot be completed. A body that ends with the connection is cut off by RST: it must not be taken for the whole.</summary>
    private void CloseCut(ActiveStream stream) => Downstream.CloseCut(reset: Writer.EndsWithConnection && stream.ResponseStarted);

    private void ProcessHead()
    {
        if (Input.IsEmpty || Downstream.ReadEnded)
        {
            if (Downstream.ReadEnded)
            {
                Downstream.CloseByPeer();
            }

            return;
        }

        var stream = _stream;
        if (stream is null)
        {
            _codec = Worker.RentCodec(Downstream.Callbacks);
            _stream = stream = Worker.Rent();
            stream.Attach(this);
        }

        var before = Input.Length;
        switch (Decoder.DecodeHead(Input, stream.RequestHeaders))
        {
            case DecodeStatus.Complete:
                ref var meter = ref stream.StreamInfo.DownstreamBytes;
                meter.HeaderBytesReceived = meter.WireBytesReceived = before - Input.Length;
                if (Decoder.DroppedUnderscores > 0)
                {
                    Worker.Shared.Stats.HeadersWithUnderscoresDropped.Add(Decoder.DroppedUnderscores);
                }

                BeginStream(stream);
                break;
            case DecodeStatus.NeedMore:
                stream.AwaitHead();
                break;
            case DecodeStatus.Error:
                Worker.Shared.Stats.ProtocolError.Increment();
                if (Decoder.Error.Details == Http1ResponseCodeDetails.UnexpectedUnderscore)
                {
                    Worker.Shared.Stats.RequestsRejectedForUnderscores.Increment();
                }

                Refuse(stream, Decoder.Error.StatusCode, Decoder.Error.Details, ResponseFlags.DownstreamProtocolError);
                break;
        }
    }

    /// <summary>Answers a head that is not a request; the connection closes then.</summary>
    private void Refuse(ActiveStream stream, int status, string details, ResponseFlags flag)
    {
        _state = Http1ConnectionState.Body; // whatever follows is not a request
        _closeAfterResponse = true;
        Writer.Begin(stream.StreamInfo, toHead: false, http10: false, upgrade: false, connect: false);
        stream.BeginRefused(status, details, flag);
    }

    private void BeginStream(ActiveStream stream)
    {
        _requests++;
        _continueSent = false;
        _closeAfterResponse = false;
        var headers = stream.RequestHeaders;
        var connect = headers.MethodIs(KnownMethod.Connect);
        var wantsTunnel = Decoder.IsUpgrade || connect;
        Writer.Begin(stream.StreamInfo, headers.MethodIs(KnownMethod.Head), headers.HttpVersion == 10, Decoder.IsUpgrade, connect);
        if (wantsTunnel)
        {
            Decoder.StartTunnel();
            _state = Http1ConnectionState.AwaitingTunnel;
            stream.Begin(Downstream.Client, endStream: false, upgrade: true);
            return;
        }

        var endStream = Decoder.Framing == BodyFraming.None;
        _state = endStream ? Http1ConnectionState.Watching : Http1ConnectionState.Body;
        stream.Begin(Downstream.Client, endStream, upgrade: false);
    }

    /// <summary>The tunnel was granted: what has come for it goes on.</summary>
    private void OpenTunnel()
    {
        _isTunnel = true;
        Worker.Shared.Stats.UpgradesTotal.Increment();
        Worker.Shared.Stats.UpgradesActive.Add(1);
        _state = Http1ConnectionState.Body;
        if (_bodyInto is { } into && DecodeBody(into) is { } status)
        {
            _bodyInto = null;
            _bodyWait!.CompleteQueued(status);
        }

        Downstream.QueueInput();
    }

    /// <summary>Decodes body bytes that are here. Null: none are.</summary>
    private ReadStatus? DecodeBody(IoBuffer into)
    {
        if (!Downstream.IsOpen)
        {
            return ReadStatus.Aborted;
        }

        if (_state != Http1ConnectionState.Body)
        {
            return _state == Http1ConnectionState.AwaitingTunnel ? null : ReadStatus.End;
        }

        var trailers = Decoder.Framing == BodyFraming.Chunked ? _codec!.NeedTrailers() : null;
        var before = Input.Length;
        var decoded = Decoder.DecodeBody(Input, into, trailers);
        _stream!.StreamInfo.DownstreamBytes.WireBytesReceived += before - Input.Length;
        switch (decoded)
        {
            case DecodeStatus.Complete:
                _state = Http1ConnectionState.Watching;
                return ReadStatus.End;
            case DecodeStatus.Error:
                Worker.Shared.Stats.ProtocolError.Increment();
                _closeAfterResponse = true;
                _stream.StreamInfo.AddResponseFlag(ResponseFlags.DownstreamProtocolError);
                _stream.SendLocalReply(Decoder.Error.StatusCode, "", Decoder.Error.Details);
                return ReadStatus.ProtocolError;
        }

        if (!into.IsEmpty)
        {
            return ReadStatus.More;
        }

        if (!Downstream.ReadEnded)
        {
            return null;
        }

        return _isTunnel && !Downstream.ReadFailed ? ReadStatus.End : ReadStatus.Reset;
    }

    private void SendContinue()
    {
        if (Decoder.ExpectContinue && !_continueSent && !Worker.Shared.Config.Proxy100Continue && !_stream!.ResponseStarted)
        {
            _continueSent = true;
            _ = Writer.WriteContinueAsync();
        }
    }

    private void DecideClose()
    {
        var shared = Worker.Shared;

        // A request that is not complete, or a tunnel that was not granted: what follows on this connection is not a request.
        if (!Decoder.KeepAlive || _state != Http1ConnectionState.Watching || _closeWhenIdle)
        {
            _closeAfterResponse = true;
        }

        if (shared.MaxRequestsPerConnection > 0 && _requests >= shared.MaxRequestsPerConnection)
        {
            shared.Stats.MaxRequestsReached.Increment();
            _closeAfterResponse = true;
        }

        if (shared.IsDraining)
        {
            shared.Stats.DrainClose.Increment();
            _closeAfterResponse = true;
        }
    }

    private void GiveBackCodec()
    {
        if (_codec is { } codec)
        {
            Debug.Assert(_stream is null, "the stream still reads and writes by it");
            _codec = null;
            Worker.Return(codec);
        }
    }
}
