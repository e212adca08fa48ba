using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>What TLS is to a connection, whichever library does it: how it begins, ends and fails.</summary>
/// <remarks>Worker thread only. An idle connection holds no buffer, and every await here is one of the engine's.</remarks>
internal abstract class TlsSocket : ITransportSocket
{
    /// <summary>What one read decrypts at most before its caller gets it.</summary>
    protected const int MaxReadBytes = 64 * 1024;

    /// <summary>The most that a record holds (RFC 8446, section 5.1).</summary>
    protected const int MaxRecordBytes = 16 * 1024;

    protected const string NoCertificateForName = "TLS_error: no certificate for the name that the client asks for";

    /// <summary>What reading alone may make this side say: answers to some 150 key updates.</summary>
    private const int MaxAnswerBytes = 4096;

    private readonly ITransportSocketCallbacks _lower;
    private readonly TlsStats _stats;
    private bool _lowerEnded;
    private bool _failed;
    private bool _shutdownSent;
    private long _answerBytes;

    protected TlsSocket(ITransportSocketCallbacks lower, TlsStats stats)
    {
        _lower = lower;
        _stats = stats;
    }

    public TlsInfo? Tls { get; private set; }

    public string? FailureReason { get; protected set; }

    protected Connection Connection => _lower.Connection;

    /// <summary>What has arrived from the layer below.</summary>
    protected abstract IoBuffer In { get; }

    /// <summary>What is to be sent.</summary>
    protected abstract IoBuffer Out { get; }

    /// <summary>What checks the peer's certificate; null if none is asked for.</summary>
    protected abstract PeerVerifier? Verifier { get; }

    /// <summary>The names of which the peer must have one.</summary>
    protected abstract PeerNames ExpectedNames { get; }

    /// <summary>What the verifier found; kept for the stats and for the connection's info.</summary>
    protected PeerVerdict Verdict { get; set; }

    protected bool IsEstablished { get; private set; }

    protected bool IsClosed { get; private set; }

    /// <summary>Whether a read has met the peer's close_notify.</summary>
    protected bool EndOfStream { get; set; }

    protected bool HasFailed => _failed;

    public abstract ValueTask<IoResult> HandshakeAsync();

    public ValueTask<IoResult> ReadAsync(IoBuffer into) =>
        TryRead(into, out var result) ? new ValueTask<IoResult>(result) : ReadMoreAsync(into);

    public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream)
    {
        if (!IsEstablished || IsClosed || _shutdownSent || _failed)
        {
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(_failed ? IoStatus.TransportFailed : IoStatus.Closed));
        }

        if (!TryEncrypt(data) || (endStream && !TrySayGoodbye()))
        {
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        return _lower.WriteAsync(Out, endStream);
    }

    public void Close(CloseType how)
    {
        if (IsClosed)
        {
            return;
        }

        if (how is CloseType.FlushWrite or CloseType.FlushWriteAndDelay)
        {
            if (IsEstablished && !_failed && !_shutdownSent)
            {
                TrySayGoodbye();
            }

            SendOut();
        }

        IsClosed = true;
        Release();
    }

    /// <summary>Decrypts what is there to the end of the buffer. A failure is told by <see cref="Fail(IoStatus, string)"/>.</summary>
    /// <returns>How many bytes; 0 if no whole record is there, or at the end.</returns>
    protected abstract int Decrypt(IoBuffer into);

    /// <summary>Turns bytes of a slab into one record. False: it has failed.</summary>
    protected abstract bool TryWriteRecord(Slab slab, int offset, int count);

    /// <summary>Puts a close_notify among what is to be sent (RFC 8446, section 6.1). False: it has failed.</summary>
    protected abstract bool TryShutdown();

    /// <summary>Gives everything back: the connection has closed.</summary>
    protected abstract void Release();

    /// <summary>Reads more from the layer below.</summary>
    protected ValueTask<IoResult> ReadLowerAsync() => _lower.ReadAsync(In);

    /// <summary>Reads the whole hello of a client, and leaves its bytes where they are. What is none never gets to the library.</summary>
    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    protected async ValueTask<IoResult> ReadClientHelloAsync(ClientHelloReader hello)
    {
        while (true)
        {
            var read = await ReadLowerAsync();
            if (!read.IsOk)
            {
                return Fail(
                    read.Status == IoStatus.EndOfStream ? IoStatus.TransportFailed : read.Status, "connection closed during the handshake");
            }

            switch (hello.Advance())
            {
                case ClientHelloStatus.NeedMore:
                    continue;
                case ClientHelloStatus.Complete:
                    return IoResult.Success;
                case ClientHelloStatus.NotTls:
                    return Fail(IoStatus.TransportFailed, "TLS_error: the client does not speak TLS");
                case ClientHelloStatus.TooLarge:
                    return Fail(IoStatus.TransportFailed, "TLS_error: the client's hello is too long");
                default:
                    return Fail(IoStatus.TransportFailed, "TLS_error: the client's hello is malformed");
            }
        }
    }

    protected void SendOut()
    {
        if (!Out.IsEmpty)
        {
            _ = _lower.WriteAsync(Out, endStream: false);
        }
    }

    /// <summary>The handshake is done.</summary>
    protected void Establish(SslTlsInfo info)
    {
        IsEstablished = true;
        Tls = info;
        _stats.HandshakeDone(info.Cipher, info.Protocol, info.IsResumed, Verdict);
    }

    /// <summary>A failure's value, with its reason for logs.</summary>
    protected IoResult Fail(IoStatus status, string reason)
    {
        FailureReason ??= reason;
        return Fail(new IoResult(status));
    }

    protected IoResult Fail(IoResult result)
    {
        if (!_failed)
        {
            _failed = true;
            if (!IsEstablished)
            {
                _stats.HandshakeFailed(Verdict);
            }
        }

        return result;
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<IoResult> ReadMoreAsync(IoBuffer into)
    {
        while (true)
        {
            var read = await _lower.ReadAsync(In);
            if (IsClosed)
            {
                return new IoResult(IoStatus.Closed);
            }

            if (read.Status == IoStatus.EndOfStream)
            {
                _lowerEnded = true;
            }
            else if (!read.IsOk)
            {
                return read;
            }

            if (TryRead(into, out var result))
            {
                return result;
            }
        }
    }

    /// <summary>Decrypts what is there. False: no whole record is.</summary>
    private bool TryRead(IoBuffer into, out IoResult result)
    {
        var count = 0;
        if (IsEstablished && !IsClosed && !_failed && !EndOfStream)
        {
            count = Decrypt(into);
            if (!Out.IsEmpty)
            {
                Answer(count);
            }
        }

        if (count > 0)
        {
            result = new IoResult(IoStatus.Ok, count); // what ended or broke it shows again at the next read
            return true;
        }

        return TryEnd(out result);
    }

    /// <summary>Sends an alert, or the answer to a key update. A peer that makes this side answer and answer, and sends no data or takes no
    /// answer, would have its CPU and memory for nothing.</summary>
    private void Answer(int count)
    {
        if (count > 0 && Connection.BufferedBytes == 0)
        {
            _answerBytes = 0;
        }

        _answerBytes += Out.Length;
        if (_answerBytes > MaxAnswerBytes)
        {
            Fail(IoStatus.TransportFailed, "TLS_error: too many key updates");
        }

        SendOut();
    }

    private bool TryEnd(out IoResult result)
    {
        if (!IsEstablished || IsClosed)
        {
            result = new IoResult(IoStatus.Closed);
        }
        else if (_failed)
        {
            result = new IoResult(IoStatus.TransportFailed);
        }
        else if (EndOfStream)
        {
            result = new IoResult(IoStatus.EndOfStream);
        }
        else if (_lowerEnded)
        {
            FailureReason ??= "the peer closed the connection without a close_notify";
            result = new IoResult(IoStatus.Truncated);
        }
        else
        {
            result = default;
            return false;
        }

        return true;
    }

    /// <summary>Turns all of the data into records: large slices where they stand, small ones gathered into one.</summary>
    private bool TryEncrypt(IoBuffer data)
    {
        while (!data.IsEmpty)
        {
            var contiguous = data.FirstSpan.Length;
            if (contiguous >= MaxRecordBytes || contiguous == data.Length)
            {
                var n = Math.Min(contiguous, MaxRecordBytes);
                if (!TryWriteRecord(data.FirstSlab, data.FirstOffset, n))
                {
                    return false;
                }

                data.Drain(n);
                continue;
            }

            var slab = data.Pool.Rent(MaxRecordBytes);
            var gathered = (int)Math.Min(data.Length, MaxRecordBytes);
            data.CopyTo(slab.Array.AsSpan(0, gathered));
            var written = TryWriteRecord(slab, 0, gathered);
            slab.Release();
            if (!written)
            {
                return false;
            }

            data.Drain(gathered);
        }

        return true;
    }

    /// <summary>Says that nothing follows.</summary>
    private bool TrySayGoodbye()
    {
        _shutdownSent = true;
        return TryShutdown();
    }
}
