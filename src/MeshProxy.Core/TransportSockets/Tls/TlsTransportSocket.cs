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
/// thread it runs.
/// </remarks>
internal abstract class TlsTransportSocket : TlsSocket
{
    private const int MinOverheadBytes = TlsRecord.HeaderBytes + 16;

    /// <summary>Records in a row that may bring no data: session tickets, key updates.</summary>
    private const int MaxEmptyRecords = 256;

    /// <summary>A decrypted piece this small is copied behind what the reader has already.</summary>
    private const int MaxCopyBytes = 2048;

    private readonly IoBuffer _plain;
    private PeerStream? _ssl;
    private ValueTask<int> _pendingRead;
    private bool _readPending;

    protected TlsTransportSocket(ITransportSocketCallbacks lower, TlsStats stats)
        : base(lower, stats)
    {
        var slabs = lower.Connection.Loop.Slabs;
        Wire = new TlsWire(slabs);
        _plain = new IoBuffer(slabs);
    }

    protected TlsWire Wire { get; }

    protected override IoBuffer In => Wire.In;

    protected override IoBuffer Out => Wire.Out;

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public override async ValueTask<IoResult> HandshakeAsync()
    {
        var prepared = await PrepareAsync();
        if (IsClosed)
        {
            return new IoResult(IoStatus.Closed); // also where the hello had come before
        }

        if (!prepared.IsOk)
        {
            return Fail(prepared);
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

            var read = await ReadLowerAsync();
            if (IsClosed)
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

    /// <summary>Decides on a peer's certificate; called by SslStream while it is being fed.</summary>
    public bool Verify(X509Certificate2? certificate, X509Chain? chain)
    {
        Verdict = Verifier is { } verifier ? Decide(verifier, certificate, chain) : PeerVerdict.NotAsked;
        if (!Verdict.Accepted)
        {
            FailureReason = Verdict.Reason;
        }

        return Verdict.Accepted;
    }

    /// <summary>A client's session that is taken up again holds the client's own certificate, and none of those that had come with it.</summary>
    private PeerVerdict Decide(PeerVerifier verifier, X509Certificate2? certificate, X509Chain? chain)
    {
        var verdict = verifier.Verify(certificate, chain, ExpectedNames);
        if (!Wire.IsResumed && verdict.Validated)
        {
            verifier.RememberIssuers(chain!);
        }

        return Wire.IsResumed && verdict is { Presented: true, Validated: false }
            ? verifier.VerifyWithKnownIssuers(certificate!, ExpectedNames)
            : verdict;
    }

    /// <summary>Brings what the handshake needs before it can begin.</summary>
    protected abstract ValueTask<IoResult> PrepareAsync();

    /// <summary>Starts the handshake, without a synchronization context around it.</summary>
    protected abstract Task StartHandshake(SslStream ssl);

    protected abstract SslTlsInfo CreateInfo(SslStream ssl);

    protected override void Release()
    {
        _ssl?.Dispose();
        Wire.Clear();
        _plain.Clear();
    }

    protected override int Decrypt(IoBuffer into)
    {
        var count = 0;
        try
        {
            while (count < MaxReadBytes && DecryptRecord() is var n and > 0)
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

        if (Wire.IsBroken)
        {
            Fail(IoStatus.TransportFailed, "TLS_error: bad record");
        }
        else if (Wire.RecordsTaken > MaxEmptyRecords)
        {
            Fail(IoStatus.TransportFailed, "TLS_error: too many key updates");
        }

        return count;
    }

    protected override bool TryWriteRecord(Slab slab, int offset, int count)
    {
        try
        {
            var write = _ssl!.WriteAsync(slab.Array.AsMemory(offset, count));
            if (!write.IsCompleted)
            {
                throw new InvalidOperationException("a write of SslStream did not complete at once");
            }

            write.GetAwaiter().GetResult();
            return true;
        }
        catch (Exception exception)
        {
            Fail(IoStatus.TransportFailed, Describe(exception));
            return false;
        }
    }

    protected override bool TryShutdown()
    {
        try
        {
            _ssl!.ShutdownAsync().GetAwaiter().GetResult(); // complete: the wire takes everything at once
            return true;
        }
        catch (Exception exception)
        {
            Fail(IoStatus.TransportFailed, Describe(exception));
            return false;
        }
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
        Wire.Watch = ServerHelloSide.None;
        Wire.RecordsTaken = 0;
        Establish(CreateInfo(ssl));
    }

    /// <summary>One record's content into the plain buffer's tail. 0: nothing there, or the end.</summary>
    private int DecryptRecord()
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
            _pendingRead = _ssl!.ReadAsync(_plain.GetMemory(Math.Clamp(length - MinOverheadBytes, 256, MaxRecordBytes)));
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
        if (Wire.RecordsTaken <= MaxEmptyRecords)
        {
            Wire.RecordsTaken = 0;
        }

        if (count == 0)
        {
            _plain.Clear();
            EndOfStream = true;
        }

        return count;
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
