using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.ConnectionPools;

/// <summary>A CONNECT request that ends here: the host's connection is there, so it is granted at once, and what is DATA on one side is bytes on the other.</summary>
/// <remarks>Worker thread only.</remarks>
internal sealed class TcpUpstreamStream : IUpstreamStream, IConnectionCallbacks
{
    private const int FlushTimeoutMs = 1000;

    private readonly TcpConnectionPool _pool;
    private readonly LoopSource<ReadStatus> _readWait;
    private readonly Action _onRead;
    private readonly long _createdUs;
    private ValueTask<IoResult> _read;
    private BytesMeter _bytes;

    public TcpUpstreamStream(TcpConnectionPool pool, Connection connection)
    {
        _pool = pool;
        _createdUs = connection.Loop.NowUs;
        _readWait = new LoopSource<ReadStatus>(connection.Loop);
        _onRead = OnReadCompleted;
        Connection = connection;
        connection.Callbacks = this;
    }

    public Connection Connection { get; }

    public StreamProtocol Protocol => StreamProtocol.None;

    public bool IsUsable => Connection.IsOpen;

    public bool MayWaitAgain => false;

    public HeaderTrailers? ResponseTrailers => null;

    public string ProtocolErrorDetails => "";

    public UpstreamResetReason ResetReason => UpstreamResetReason.ConnectionTermination;

    public Http2ErrorCode? ResetCode => null;

    public bool IsRequestMalformed => false;

    public ref readonly BytesMeter Bytes => ref _bytes;

    public ValueTask<IoResult> EncodeHeadersAsync(RequestHeaders headers, bool endStream) => new(IoResult.Success);

    public ValueTask<IoResult> EncodeDataAsync(IoBuffer data, bool endStream)
    {
        _bytes.WireBytesSent += data.Length;
        return Connection.WriteAsync(data, endStream);
    }

    public ValueTask<IoResult> EncodeTrailersAsync(HeaderTrailers trailers) => Connection.WriteAsync(new IoBuffer(Connection.Loop.Slabs), endStream: true);

    public ValueTask<ReadStatus> ReadHeadersAsync(ResponseHeaders into)
    {
        into.Status = 200;
        return new ValueTask<ReadStatus>(ReadStatus.More);
    }

    public ValueTask<ReadStatus> ReadBodyAsync(IoBuffer into)
    {
        var read = Connection.ReadAsync(into);
        if (read.IsCompleted)
        {
            return new ValueTask<ReadStatus>(StatusOf(read.Result));
        }

        _read = read;
        read.GetAwaiter().UnsafeOnCompleted(_onRead);
        return _readWait.WaitAsync();
    }

    public void Release() => Connection.Close(CloseType.FlushWrite, FlushTimeoutMs);

    public void Reset()
    {
        _pool.Stats.DestroyedWithActiveRequest.Increment();
        Connection.FlushNow(); // what the client sent right before its end counts
        Connection.Close(CloseType.Reset); // RFC 9113 section 8.5
        _readWait.CompleteQueued(ReadStatus.Aborted);
    }

    public void ReturnUnused() => Connection.Close(CloseType.NoFlush);

    void IConnectionCallbacks.OnPeerReset()
    {
        // Shows at the next read or write.
    }

    void IConnectionCallbacks.OnClosed() => _pool.OnClosed(Connection, _createdUs);

    private ReadStatus StatusOf(IoResult result)
    {
        _bytes.WireBytesReceived += result.Bytes;
        return result.Status switch
        {
            IoStatus.Ok => ReadStatus.More,
            IoStatus.EndOfStream => ReadStatus.End,
            _ => ReadStatus.Reset,
        };
    }

    private void OnReadCompleted()
    {
        var result = _read.Result;
        _read = default;
        if (_readWait.IsPending)
        {
            _readWait.CompleteInline(StatusOf(result));
        }
    }
}
