using System.Threading.Tasks.Sources;
using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>
/// The stream under SslStream: two buffers, no socket. A read gives the next whole TLS record, or waits until <see cref="Feed"/> finds one;
/// a write is always taken at once. So SslStream runs on the worker's stack, in the very call that brings it bytes.
/// </summary>
/// <remarks>
/// Worker thread only. Records go up one at a time and only when they are whole: SslStream then keeps no bytes, and gives its own buffer
/// back, whenever it waits, and the end of the TLS session (close_notify) is never swallowed together with data before it.
/// </remarks>
internal sealed class TlsWire(SlabPool slabs) : Stream, IValueTaskSource<int>
{
    private static readonly Action<object?> s_completed = static _ => { };

    private Memory<byte> _wanted;
    private Action<object?>? _continuation;
    private object? _state;
    private int _result;
    private short _version;
    private int _recordLeft;
    private ServerHelloReader _serverHello;

    /// <summary>What has arrived from the socket.</summary>
    public IoBuffer In { get; } = new(slabs);

    /// <summary>What is to be sent.</summary>
    public IoBuffer Out { get; } = new(slabs);

    /// <summary>Whether a read waits for a record.</summary>
    public bool IsWaiting { get; private set; }

    /// <summary>The socket has ended: reads find the end once the whole records are used up.</summary>
    public bool IsEnded { get; set; }

    /// <summary>Records that were given since this was last set to 0.</summary>
    public int RecordsTaken { get; set; }

    /// <summary>Whether a read has met the end of the socket, rather than a close_notify.</summary>
    public bool EndWasMet { get; private set; }

    /// <summary>What stands at the front cannot be a TLS record.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Where the server's hello goes by: on the way out on a server, on the way in on a client. Off after the handshake.</summary>
    public ServerHelloSide Watch { get; set; }

    /// <summary>Whether the server took up an earlier session.</summary>
    public bool IsResumed => _serverHello.IsResumed;

    /// <summary>The length of the whole record at the front, header included; 0 if there is none.</summary>
    public int NextRecordLength => _recordLeft > 0 ? _recordLeft : PeekRecord();

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (TryTake(buffer.Span, out var count))
        {
            return new ValueTask<int>(count);
        }

        IsWaiting = true;
        _wanted = buffer;
        _continuation = null;
        return new ValueTask<int>(this, _version);
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (Watch == ServerHelloSide.Out)
        {
            _serverHello.Append(buffer.Span);
        }

        Out.Append(buffer.Span);
        return default;
    }

    public override Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Gives a waiting read what has arrived meanwhile, and runs what waits for it. Nothing else resumes a read.</summary>
    public void Feed()
    {
        if (!IsWaiting || !TryTake(_wanted.Span, out var count))
        {
            return;
        }

        IsWaiting = false;
        _wanted = default;
        _result = count;
        var continuation = _continuation;
        var state = _state;
        _continuation = s_completed;
        _state = null;
        continuation?.Invoke(state);
    }

    /// <summary>Gives the slabs back. A read that waits never ends.</summary>
    public void Clear()
    {
        _wanted = default;
        _continuation = null;
        _state = null;
        In.Clear();
        Out.Clear();
    }

    int IValueTaskSource<int>.GetResult(short token)
    {
        _continuation = null;
        _version++;
        return _result;
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) =>
        ReferenceEquals(_continuation, s_completed) ? ValueTaskSourceStatus.Succeeded : ValueTaskSourceStatus.Pending;

    void IValueTaskSource<int>.OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags)
    {
        if (ReferenceEquals(_continuation, s_completed))
        {
            continuation(state);
            return;
        }

        _state = state;
        _continuation = continuation;
    }

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private bool TryTake(Span<byte> into, out int count)
    {
        count = 0;
        if (_recordLeft == 0)
        {
            _recordLeft = PeekRecord();
            if (_recordLeft == 0)
            {
                EndWasMet |= IsEnded;
                return IsEnded;
            }

            RecordsTaken++;
            if (Watch == ServerHelloSide.In)
            {
                WatchRecord();
            }
        }

        count = Math.Min(into.Length, _recordLeft);
        In.CopyTo(into[..count]);
        In.Drain(count);
        _recordLeft -= count;
        return true;
    }

    private int PeekRecord()
    {
        if (In.Length < TlsRecord.HeaderBytes || IsBroken)
        {
            return 0;
        }

        Span<byte> header = stackalloc byte[TlsRecord.HeaderBytes];
        In.CopyTo(header);
        var length = TlsRecord.LengthOf(header);
        IsBroken = length == 0;
        return length <= In.Length ? length : 0;
    }

    private void WatchRecord()
    {
        Span<byte> start = stackalloc byte[Math.Min(_recordLeft, ServerHelloReader.MaxBytes)];
        In.CopyTo(start);
        _serverHello.Append(start);
    }
}

/// <summary>On which side of a handshake this process stands.</summary>
internal enum ServerHelloSide : byte
{
    None,

    In,

    Out,
}
