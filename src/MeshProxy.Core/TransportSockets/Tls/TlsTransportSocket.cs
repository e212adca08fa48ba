using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>TLS over the layer below, by SslStream. What is common to a server's and a client's side.</summary>
/// <remarks>
/// Worker thread only. SslStream is driven, not awaited: bytes are read from the layer below first, then handed to it
/// (<see cref="TlsWire.Feed"/>), and it has gone as far as it can when that call returns. So no continuation of its ever decides on which
/// thread it runs, an idle connection holds no buffer, and every await here is one of the engine's.
/// </remarks>
internal abstract class TlsTransportSocket : ITransportSocket
{
    /// <summary>What one read decrypts at most before its caller gets it.</summary>
    private const int MaxReadBytes = 64 * 1024;

    private const int MinOverheadBytes = TlsRecord.HeaderBytes + 16;

    /// <summary>A decrypted piece this small is copied behind what the reader has already.</summary>
    private const int MaxCopyBytes = 2048;

    private readonly ITransportSocketCallbacks _lower;
    private readonly TlsStats _stats;
    private readonly IoBuffer _plain;
    private PeerStream? _ssl;
    private ValueTask<int> _pendingRead;
    private bool _readPending;
    private bool _established;
    private bool _lowerEnded;
    private bool _endOfStream;
    private bool _failed;
    private bool _shutdownSent;
    private bool _closed;

    protected TlsTransportSocket(ITransportSocketCallbacks lower, TlsStats stats)
    {
        _lower = lower;
        _stats = stats;
        var slabs = lower.Connection.Loop.Slabs;
        Wire = new TlsWire(slabs);
        _plain = new IoBuffer(slabs);
    }

    public TlsInfo? Tls { get; private set; }

    public string? FailureReason { get; private set; }

    protected TlsWire Wire { get; }

    /// <summary>What checks the peer's certificate; null if none is asked for.</summary>
    protected abstract PeerVerifier? Verifier { get; }

    /// <summary>What the verifier found; kept for the stats and for the connection's info.</summary>
    protected PeerVerdict Verdict { get; private set; }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<IoResult> HandshakeAsync()
    {
        var prepared = await PrepareAsync();
        if (!prepared.IsOk)
        {
            return _closed ? new IoResult(IoStatus.Closed) : Fail(prepared);
        }

        _ssl = new PeerStream(Wire, this);
        var handshake = Begin(_ssl);
        while (!handshake.IsCompleted)
        {
            SendOut();
            if (!Wire.IsWaiting)
            {
                // Something inside took another thread; its end comes back to this one.
                await handshake.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
                break;
            }

            var read = await _lower.ReadAsync(Wire.In);
            if (_closed)
            {
                return new IoResult(IoStatus.Closed);
            }

            if (!read.IsOk)
            {
                if (read.Status != IoStatus.EndOfStream)
                {
                    return Fail(read.Status, "connection reset during the handshake");
                }

                Wire.IsEnded = true;
            }

            Feed();
            if (Wire.IsBroken)
            {
                return Fail(IoStatus.TransportFailed, "TLS_error: wrong version number");
            }
        }

        SendOut();
        if (handshake.IsCompletedSuccessfully)
        {
            Establish(_ssl);
            return IoResult.Success;
        }

        return Fail(IoStatus.TransportFailed, DescribeFailure(handshake.Exception?.InnerException));
    }

    public ValueTask<IoResult> ReadAsync(IoBuffer into) =>
        TryRead(into, out var result) ? new ValueTask<IoResult>(result) : ReadMoreAsync(into);

    public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream)
    {
        if (!_established || _closed || _shutdownSent || _failed)
        {
            data.Clear();
            return new ValueTask<IoResult>(new IoResult(_failed ? IoStatus.TransportFailed : IoStatus.Closed));
        }

        try
        {
            _ssl!.Encrypt(data);
            if (endStream)
            {
                Shutdown();
            }
        }
        catch (Exception exception)
        {
            data.Clear();
            Fail(IoStatus.TransportFailed, Describe(exception));
            return new ValueTask<IoResult>(new IoResult(IoStatus.TransportFailed));
        }

        return _lower.WriteAsync(Wire.Out, endStream);
    }

    public void Close(CloseType how)
    {
        if (_closed)
        {
            return;
        }

        if (_established && !_failed && !_shutdownSent && how is CloseType.FlushWrite or CloseType.FlushWriteAndDelay)
        {
            try
            {
                Shutdown();
            }
            catch (Exception exception)
            {
                FailureReason ??= Describe(exception);
            }
        }

        if (how is CloseType.FlushWrite or CloseType.FlushWriteAndDelay)
        {
            SendOut();
        }

        _closed = true;
        _ssl?.Dispose();
        Wire.Clear();
        _plain.Clear();
        OnClosed();
    }

    /// <summary>Decides on a peer's certificate; called by SslStream while it is being fed.</summary>
    public bool Verify(X509Certificate2? certificate, X509Chain? chain)
    {
        Verdict = Verifier is { } verifier ? verifier.Verify(certificate, chain, ExpectedNames) : PeerVerdict.NotAsked;
        if (!Verdict.Accepted)
        {
            FailureReason = Verdict.Reason;
        }

        return Verdict.Accepted;
    }

    /// <summary>Brings what the handshake needs before it can begin.</summary>
    protected abstract ValueTask<IoResult> PrepareAsync();

    /// <summary>Starts the handshake, without a synchronization context around it.</summary>
    protected abstract Task StartHandshake(SslStream ssl);

    /// <summary>The names of which the peer must have one.</summary>
    protected abstract PeerNames ExpectedNames { get; }

    protected abstract TlsInfo CreateInfo(SslStream ssl);

    protected virtual void OnClosed()
    {
    }

    /// <summary>Reads more of what the peer sends before the handshake.</summary>
    protected ValueTask<IoResult> ReadLowerAsync() => _lower.ReadAsync(Wire.In);

    /// <summary>A failure's value, with its reason for logs.</summary>
    protected IoResult Fail(IoStatus status, string reason)
    {
        FailureReason ??= reason;
        return Fail(new IoResult(status));
    }

    private IoResult Fail(IoResult result)
    {
        if (!_failed)
        {
            _failed = true;
            if (!_established)
            {
                _stats.HandshakeFailed(Verdict);
            }
        }

        return result;
    }

    private Task Begin(PeerStream ssl)
    {
        var outer = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            return StartHandshake(ssl);
        }
        catch (Exception exception)
        {
            return Task.FromException(exception);
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
        }
    }

    /// <summary>With a synchronization context, a task inside of SslStream would go on in the thread pool.</summary>
    private void Feed()
    {
        var outer = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            Wire.Feed();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
        }
    }

    private void Establish(PeerStream ssl)
    {
        _established = true;
        Wire.Watch = ServerHelloSide.None;
        Tls = CreateInfo(ssl);
        _stats.HandshakeDone(ssl.NegotiatedCipherSuite, ssl.SslProtocol, Wire.IsResumed, Verdict);
    }

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    private async ValueTask<IoResult> ReadMoreAsync(IoBuffer into)
    {
        while (true)
        {
            var read = await _lower.ReadAsync(Wire.In);
            if (_closed)
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
        if (_established && !_closed && !_failed && !_endOfStream)
        {
            try
            {
                while (count < MaxReadBytes && Decrypt() is var n and > 0)
                {
                    _plain.Advance(n);
                    into.MoveOrCopyFrom(_plain, MaxCopyBytes);
                    count += n;
                }
            }
            catch (Exception exception)
            {
                Fail(IoStatus.TransportFailed, Describe(exception));
            }

            SendOut(); // an alert, or the answer to a key update
        }

        if (count > 0)
        {
            result = new IoResult(IoStatus.Ok, count); // what ended or broke it shows again at the next read
            return true;
        }

        return TryEnd(out result);
    }

    private bool TryEnd(out IoResult result)
    {
        if (!_established || _closed)
        {
            result = new IoResult(IoStatus.Closed);
        }
        else if (_failed)
        {
            result = new IoResult(IoStatus.TransportFailed);
        }
        else if (_endOfStream)
        {
            result = new IoResult(IoStatus.EndOfStream);
        }
        else if (Wire.IsBroken)
        {
            result = Fail(IoStatus.TransportFailed, "TLS_error: bad record");
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

    /// <summary>One record's content into the plain buffer's tail. 0: nothing there, or the end.</summary>
    private int Decrypt()
    {
        if (_readPending)
        {
            Feed();
        }
        else
        {
            var length = Wire.NextRecordLength;
            if (length == 0)
            {
                return 0;
            }

            // Room for all that the record can hold: a header and a tag are no content. So SslStream keeps nothing back.
            _pendingRead = _ssl!.ReadAsync(_plain.GetMemory(Math.Clamp(length - MinOverheadBytes, 256, PeerStream.MaxRecordBytes)));
            _readPending = true;
        }

        if (!_pendingRead.IsCompleted)
        {
            return 0; // a record without content, such as a session ticket: the read goes on with the next one
        }

        _readPending = false;
        var read = _pendingRead;
        _pendingRead = default;
        var count = read.GetAwaiter().GetResult();
        if (count == 0)
        {
            _plain.Clear();
            _endOfStream = true;
        }

        return count;
    }

    /// <summary>Says that nothing follows (close_notify, RFC 8446, section 6.1).</summary>
    private void Shutdown()
    {
        _shutdownSent = true;
        _ssl!.ShutdownAsync().GetAwaiter().GetResult(); // complete: the wire takes everything at once
    }

    private void SendOut()
    {
        if (!Wire.Out.IsEmpty)
        {
            _ = _lower.WriteAsync(Wire.Out, endStream: false);
        }
    }

    private string DescribeFailure(Exception? exception) =>
        Wire.EndWasMet ? "connection closed during the handshake" : exception is null ? "TLS_error: unknown" : Describe(exception);

    /// <summary>The innermost message: what the TLS library says.</summary>
    private static string Describe(Exception exception)
    {
        while (exception.InnerException is { } inner)
        {
            exception = inner;
        }

        return "TLS_error: " + exception.Message;
    }
}
