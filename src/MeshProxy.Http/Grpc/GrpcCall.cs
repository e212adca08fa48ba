using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Streams;
using MeshProxy.Core.Upstream.Clusters;
using MeshProxy.Http.AsyncClient;
using MeshProxy.Http.Codecs.Grpc;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Grpc;

/// <summary>
/// One gRPC call: messages out, messages in, a status at the end. Write as many requests as the method takes, the last one with
/// <c>endOfStream</c>; read until <see cref="ReadAsync"/> says false; then <see cref="Status"/> is known. Dispose at the end.
/// </summary>
/// <remarks>
/// On its client's loop only. One write and one read may be outstanding, at once. The service is held back while nobody reads. However a call
/// fails, that shows in <see cref="Status"/>; nothing is thrown, except what the method's serializer throws.
/// </remarks>
internal sealed class GrpcCall<TRequest, TResponse> : IDisposable
{
    private readonly GrpcMethod<TRequest, TResponse> _method;
    private readonly GrpcClientOptions _client;
    private readonly AsyncHttpStream _stream;
    private readonly IoBuffer _out;
    private readonly IoBuffer _in;
    private readonly LoopTimer _deadline;
    private readonly EventLoop _loop;
    private readonly CancellationTokenRegistration _cancellation;
    private readonly Task<bool> _started;
    private GrpcStatus? _status;
    private bool _headRead;
    private bool _bodyEnded;
    private bool _disposed;

    public GrpcCall(WorkerClusters clusters, GrpcClientOptions client, GrpcMethod<TRequest, TResponse> method, GrpcCallOptions options)
    {
        _loop = clusters.Loop;
        _loop.ThrowIfNotCurrent();
        _client = client;
        _method = method;
        _stream = new AsyncHttpStream(clusters, client.ClusterName);
        _out = new IoBuffer(_loop.Slabs);
        _in = new IoBuffer(_loop.Slabs);
        _deadline = new LoopTimer(_loop, static state => ((GrpcCall<TRequest, TResponse>)state!).OnDeadline(), this);
        var timeout = options.Timeout ?? client.Timeout;
        FillHeaders(options, timeout);
        if (timeout > TimeSpan.Zero)
        {
            _deadline.Arm((long)timeout.TotalMilliseconds);
        }

        _started = StartAsync();
        if (options.Cancellation.CanBeCanceled)
        {
            _cancellation = options.Cancellation.UnsafeRegister(
                static state => ((GrpcCall<TRequest, TResponse>)state!).PostCancel(), this);
        }
    }

    /// <summary>The message that <see cref="ReadAsync"/> has read.</summary>
    public TResponse Current { get; private set; } = default!;

    /// <summary>The metadata that the service sent before its messages, once <see cref="ReadHeadersAsync"/> or <see cref="ReadAsync"/> has returned. Empty
    /// after <see cref="Dispose"/>.</summary>
    public HeaderMap Headers => _stream.ResponseHeaders;

    /// <summary>The metadata that came with the status: the trailers, or the head of an answer that has nothing else. Empty after <see cref="Dispose"/>.</summary>
    public HeaderMap Trailers => _stream.ResponseTrailers is { } trailers ? trailers : _stream.ResponseHeaders;

    /// <summary>How the call ended; Unknown while it has not.</summary>
    public GrpcStatus Status => _status ?? new GrpcStatus(GrpcStatusCode.Unknown, "the call has not ended");

    public bool IsEnded => _status is not null;

    /// <summary>Sends a message, and completes when the service may be sent more. False: the call is over, or about to be; read to learn how.</summary>
    /// <param name="message">The message.</param>
    /// <param name="endOfStream">It is the last one.</param>
    public async ValueTask<bool> WriteAsync(TRequest message, bool endOfStream = false)
    {
        _loop.ThrowIfNotCurrent();
        if (!await _started || IsEnded)
        {
            return false;
        }

        try
        {
            GrpcFrame.BeginMessage(_out);
            _method.Serialize(message, _out);
            GrpcFrame.EndMessage(_out);
        }
        catch
        {
            _out.Clear();
            throw;
        }

        return await _stream.SendAsync(_out, endOfStream);
    }

    /// <summary>There are no more messages to send.</summary>
    public async ValueTask<bool> CompleteAsync()
    {
        _loop.ThrowIfNotCurrent();
        return await _started && !IsEnded && await _stream.SendAsync(_out, endStream: true);
    }

    /// <summary>Waits for the service's <see cref="Headers"/>. False: the call has ended without any.</summary>
    public async ValueTask<bool> ReadHeadersAsync()
    {
        _loop.ThrowIfNotCurrent();
        return _headRead || await ReadHeadAsync();
    }

    /// <summary>Waits for the next message, which is then <see cref="Current"/>. False: the call has ended.</summary>
    public async ValueTask<bool> ReadAsync()
    {
        _loop.ThrowIfNotCurrent();
        if (!_headRead && !await ReadHeadAsync())
        {
            return false;
        }

        while (!IsEnded)
        {
            if (TryTakeMessage(out var isMessage))
            {
                return isMessage;
            }

            if (_bodyEnded)
            {
                EndWithTrailers();
                return false;
            }

            var read = await _stream.ReadBodyAsync(_in);
            if (IsEnded)
            {
                break;
            }

            _bodyEnded = read == ReadStatus.End;
            if (read is not (ReadStatus.More or ReadStatus.End))
            {
                EndLost();
            }
        }

        return false;
    }

    /// <summary>Ends the call: the service sees RST_STREAM with CANCEL. Does nothing if it has ended.</summary>
    public void Cancel() => End(new GrpcStatus(GrpcStatusCode.Cancelled, "cancelled by the client"));

    /// <summary>Cancels the call if it has not ended, and frees what it holds.</summary>
    public void Dispose()
    {
        if (_disposed)
        {
            return;
        }

        _disposed = true;
        Cancel();
        _cancellation.Dispose();
        _stream.Dispose();
        _in.Clear();
        _out.Clear();
    }

    private void FillHeaders(GrpcCallOptions options, TimeSpan timeout)
    {
        var headers = _stream.RequestHeaders;
        headers.HttpVersion = 20;
        headers.SetMethod(KnownMethod.Post);
        headers.SetScheme(_stream.IsSecure ? "https"u8 : "http"u8);
        headers.SetPath(_method.Path);
        headers.SetAuthority(_client.Authority.Length > 0 ? _client.Authority : _client.ClusterName);
        headers.Set(HeaderNames.TE, "trailers"u8);
        headers.Set(HeaderNames.ContentType, GrpcProtocol.ContentType);
        headers.Set(HeaderNames.UserAgent, "meshproxy-grpc"u8);
        headers.Set(HeaderNames.GrpcAcceptEncoding, "identity"u8);
        if (timeout > TimeSpan.Zero)
        {
            Span<byte> text = stackalloc byte[GrpcTimeout.MaxLength];
            headers.Set(HeaderNames.GrpcTimeout, text[..GrpcTimeout.Format((long)timeout.TotalMilliseconds, text)]);
        }

        foreach (var entry in _client.InitialMetadata)
        {
            headers.Add(entry.Name, entry.Value);
        }

        foreach (var entry in options.Metadata)
        {
            headers.Add(entry.Name, entry.Value);
        }
    }

    private async Task<bool> StartAsync()
    {
        if (!await _stream.StartAsync(endStream: false))
        {
            EndLost();
            return false;
        }

        if (_stream.Protocol != StreamProtocol.Http2)
        {
            End(new GrpcStatus(GrpcStatusCode.Internal, $"the cluster '{_client.ClusterName}' does not speak HTTP/2"));
            return false;
        }

        return !IsEnded;
    }

    private async ValueTask<bool> ReadHeadAsync()
    {
        if (IsEnded || !await _started)
        {
            return false;
        }

        var read = await _stream.ReadHeadersAsync();
        if (IsEnded)
        {
            return false;
        }

        if (read is not (ReadStatus.More or ReadStatus.End))
        {
            EndLost();
            return false;
        }

        var headers = _stream.ResponseHeaders;
        if (read == ReadStatus.End && GrpcProtocol.TryGetStatus(headers, out var code))
        {
            End(code, headers);
            return false;
        }

        if (headers.Status != 200)
        {
            End(new GrpcStatus(GrpcProtocol.FromHttpStatus(headers.Status), $"HTTP status {headers.Status}"));
            return false;
        }

        if (!GrpcProtocol.IsGrpcResponse(headers))
        {
            End(new GrpcStatus(GrpcStatusCode.Unknown, $"the content type is '{headers.GetString(HeaderNames.ContentType)}'"));
            return false;
        }

        if (read == ReadStatus.End)
        {
            End(new GrpcStatus(GrpcStatusCode.Unknown, "the answer has no grpc-status"));
            return false;
        }

        _headRead = true;
        return true;
    }

    /// <summary>False: more bytes are needed. True: there is a message, or the call has ended because of one.</summary>
    private bool TryTakeMessage(out bool isMessage)
    {
        isMessage = false;
        if (!GrpcFrame.TryReadPrefix(_in, out var flags, out var length))
        {
            return false;
        }

        if (flags != 0)
        {
            End(flags == 1 && _stream.ResponseHeaders.Contains(HeaderNames.GrpcEncoding)
                ? new GrpcStatus(GrpcStatusCode.Unimplemented, $"compression '{_stream.ResponseHeaders.GetString(HeaderNames.GrpcEncoding)}' was not asked for")
                : new GrpcStatus(GrpcStatusCode.Internal, "a message has flags that mean nothing"));
            return true;
        }

        if (length > (uint)_client.MaxReceiveMessageBytes)
        {
            End(new GrpcStatus(GrpcStatusCode.ResourceExhausted, $"a message has {length} bytes; {_client.MaxReceiveMessageBytes} are allowed"));
            return true;
        }

        if (_in.Length < GrpcFrame.PrefixBytes + length)
        {
            return false;
        }

        try
        {
            Current = _method.Parse(_in.AsSequence().Slice(GrpcFrame.PrefixBytes, length));
        }
        catch (Exception exception)
        {
            End(new GrpcStatus(GrpcStatusCode.Internal, $"a message could not be read: {exception.Message}"));
            return true;
        }

        _in.Drain(GrpcFrame.PrefixBytes + length);
        isMessage = true;
        return true;
    }

    private void EndWithTrailers()
    {
        if (!_in.IsEmpty)
        {
            End(new GrpcStatus(GrpcStatusCode.Internal, "the answer ended within a message"));
        }
        else if (GrpcProtocol.TryGetStatus(Trailers, out var code))
        {
            End(code, Trailers);
        }
        else
        {
            End(new GrpcStatus(GrpcStatusCode.Unknown, "the answer has no grpc-status"));
        }
    }

    private void EndLost() => End(GrpcStatus.Of(_stream.Failure ?? new AsyncFailure("cancelled", UpstreamResetReason.LocalReset)));

    private void End(GrpcStatusCode code, HeaderMap source) => End(new GrpcStatus(code, GrpcMessageText.Decode(source.Get(HeaderNames.GrpcMessage))));

    private void OnDeadline() => End(new GrpcStatus(GrpcStatusCode.DeadlineExceeded, "the deadline has passed"));

    private void PostCancel() => _loop.Post(static state => ((GrpcCall<TRequest, TResponse>)state!).Cancel(), this);

    /// <summary>The call is over. A service that has not said its last word, or still takes messages, is told so.</summary>
    private void End(GrpcStatus status)
    {
        if (_status is null)
        {
            _status = status;
            _deadline.Cancel();
            _stream.Cancel();
        }
    }
}
