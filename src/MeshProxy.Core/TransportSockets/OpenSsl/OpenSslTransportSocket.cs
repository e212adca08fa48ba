using System.Net.Security;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Authentication;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>TLS over the layer below, by OpenSSL itself. What is common to a server's and a client's side.</summary>
/// <remarks>
/// Worker thread only. OpenSSL reads and writes buffers in memory (<see cref="OpenSslCallbacks"/>) and never waits: it goes as far as the
/// bytes that are there let it. The SSL exists from the handshake to <see cref="Release"/>; as long as it does, a handle to this object keeps
/// it alive for the callbacks.
/// </remarks>
internal abstract class OpenSslTransportSocket : TlsSocket
{
    /// <summary>Where an SSL keeps the handle to its socket: the index that is free without asking for one.</summary>
    public const int SelfIndex = 0;

    private const int MinRoomBytes = 1024;

    private static long s_live;

    private nint _ssl;
    private GCHandle _self;
    private byte[]? _peer;
    private bool _lowerHasEnded;

    protected OpenSslTransportSocket(ITransportSocketCallbacks lower, TlsStats stats)
        : base(lower, stats)
    {
        var slabs = lower.Connection.Loop.Slabs;
        In = new IoBuffer(slabs);
        Out = new IoBuffer(slabs);
    }

    /// <summary>How many SSLs there are in this process.</summary>
    public static long Live => Interlocked.Read(ref s_live);

    protected override IoBuffer In { get; }

    protected override IoBuffer Out { get; }

    protected nint Ssl => _ssl;

    /// <summary>The peer's certificate, if a handshake of this connection has brought one.</summary>
    protected byte[]? Peer => _peer;

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

        if (!Open())
        {
            return Fail(IoStatus.TransportFailed, "TLS_error: " + OpenSslErrors.Describe());
        }

        while (true)
        {
            var step = Advance();
            SendOut();
            if (step != IoStatus.Aborted)
            {
                return new IoResult(step);
            }

            if (_lowerHasEnded)
            {
                return Fail(IoStatus.TransportFailed, "connection closed during the handshake");
            }

            var read = await ReadLowerAsync();
            if (IsClosed)
            {
                return new IoResult(IoStatus.Closed);
            }

            if (read.Status == IoStatus.EndOfStream)
            {
                _lowerHasEnded = true;
            }
            else if (!read.IsOk)
            {
                return Fail(read.Status, "connection reset during the handshake");
            }
        }
    }

    /// <summary>For OpenSSL: as many bytes as are there, and as it wants.</summary>
    public int TakeIn(Span<byte> into)
    {
        var n = (int)Math.Min(into.Length, In.Length);
        if (n > 0)
        {
            In.CopyTo(into[..n]);
            In.Drain(n);
        }

        return n;
    }

    /// <summary>From OpenSSL.</summary>
    public void PutOut(ReadOnlySpan<byte> bytes) => Out.Append(bytes);

    /// <summary>Decides on a peer's certificate, within the handshake.</summary>
    public bool Verify(List<byte[]> sent, out int error)
    {
        Verdict = OpenSslPeer.Verify(Verifier!, sent, ExpectedNames, out error);
        _peer = Verdict.Presented ? sent[0] : null;
        if (!Verdict.Accepted)
        {
            FailureReason = Verdict.Reason;
        }

        return Verdict.Accepted;
    }

    /// <summary>A fault inside of a callback, whose exception may not go on through OpenSSL: the connection fails.</summary>
    public void NoteException(Exception exception) => FailureReason ??= "TLS_error: " + exception.Message;

    /// <summary>Brings what the handshake needs before it can begin.</summary>
    protected abstract ValueTask<IoResult> PrepareAsync();

    /// <summary>The one to make the SSL of.</summary>
    protected abstract OpenSslContext Context { get; }

    /// <summary>Says which side the SSL is, and what it is to ask for.</summary>
    protected abstract bool Configure(nint ssl);

    /// <summary>Whom an earlier session has met; the verdict goes to <see cref="TlsSocket.Verdict"/>.</summary>
    /// <returns>The peer's certificate, if there was one.</returns>
    protected abstract byte[]? Recall(nint ssl);

    protected abstract SslTlsInfo CreateInfo(string? protocol, SslProtocols version, TlsCipherSuite cipher, bool resumed, byte[]? peer);

    protected override unsafe int Decrypt(IoBuffer into)
    {
        var count = 0;
        while (count < MaxReadBytes)
        {
            var room = into.WritableTail(MinRoomBytes, (int)Math.Clamp(In.Length, MinRoomBytes, MaxRecordBytes));
            int n;
            LibCrypto.ERR_clear_error();
            fixed (byte* p = room)
            {
                n = LibSsl.SSL_read(_ssl, p, room.Length);
            }

            into.Commit(Math.Max(n, 0));
            if (n <= 0)
            {
                NoteEnd(n);
                break;
            }

            count += n;
            if (n < room.Length && In.IsEmpty)
            {
                break; // the last record is used up
            }
        }

        return count;
    }

    protected override unsafe bool TryWriteRecord(Slab slab, int offset, int count)
    {
        LibCrypto.ERR_clear_error();
        var n = LibSsl.SSL_write(_ssl, slab.Pointer + offset, count);
        if (n == count)
        {
            return true;
        }

        Fail(IoStatus.TransportFailed, "TLS_error: " + OpenSslErrors.Describe());
        return false;
    }

    protected override bool TryShutdown()
    {
        LibCrypto.ERR_clear_error();
        if (LibSsl.SSL_shutdown(_ssl) >= 0)
        {
            return true;
        }

        Fail(IoStatus.TransportFailed, "TLS_error: " + OpenSslErrors.Describe());
        return false;
    }

    protected override void Release()
    {
        if (_ssl != 0)
        {
            // As if both had said goodbye: else OpenSSL looks for the session in the context, under its lock, and spoils it.
            LibSsl.SSL_set_shutdown(_ssl, LibSsl.ShutdownBoth);
            LibSsl.SSL_free(_ssl);
            _ssl = 0;
            _self.Free();
            Interlocked.Decrement(ref s_live);
        }

        In.Clear();
        Out.Clear();
    }

    private bool Open()
    {
        LibCrypto.ERR_clear_error();
        var ssl = LibSsl.SSL_new(Context.Pointer);
        if (ssl == 0)
        {
            return false;
        }

        _ssl = ssl;
        _self = GCHandle.Alloc(this);
        Interlocked.Increment(ref s_live);
        var self = GCHandle.ToIntPtr(_self);
        var bio = LibCrypto.BIO_new(OpenSslCallbacks.BioMethod);
        if (bio == 0)
        {
            return false;
        }

        LibCrypto.BIO_set_data(bio, self);
        LibCrypto.BIO_set_init(bio, 1);
        LibSsl.SSL_set_bio(ssl, bio, bio); // takes it over
        return LibSsl.SSL_set_ex_data(ssl, SelfIndex, self) == 1 && Configure(ssl);
    }

    /// <summary>Goes on with the handshake.</summary>
    /// <returns>Ok or TransportFailed at its end; Aborted where it needs more bytes.</returns>
    private IoStatus Advance()
    {
        LibCrypto.ERR_clear_error();
        var result = LibSsl.SSL_do_handshake(_ssl);
        if (result == 1)
        {
            return Establish();
        }

        if (LibSsl.SSL_get_error(_ssl, result) is LibSsl.ErrorWantRead or LibSsl.ErrorWantWrite)
        {
            return IoStatus.Aborted;
        }

        if (OpenSslErrors.PeekReason() == LibCrypto.ReasonNoCertificate && Verifier is { } verifier)
        {
            Verdict = verifier.Verify(null, null, ExpectedNames);
            FailureReason ??= Verdict.Reason;
        }

        return Fail(IoStatus.TransportFailed, "TLS_error: " + OpenSslErrors.Describe()).Status;
    }

    /// <summary>Whatever OpenSSL says, nobody is let in whom the verifier has not let in.</summary>
    private unsafe IoStatus Establish()
    {
        var resumed = LibSsl.SSL_session_reused(_ssl) == 1;
        if (resumed)
        {
            _peer = Recall(_ssl);
        }
        else if (_peer is null && Verifier is { } verifier)
        {
            Verdict = verifier.Verify(null, null, ExpectedNames); // asked for, and not shown
        }

        if (Verifier is not null && !Verdict.Accepted)
        {
            return Fail(IoStatus.TransportFailed, Verdict.Reason ?? "").Status;
        }

        byte* protocol;
        uint length;
        LibSsl.SSL_get0_alpn_selected(_ssl, &protocol, &length);
        Establish(CreateInfo(
            length == 0 ? null : ClientHelloText.ProtocolName(new ReadOnlySpan<byte>(protocol, (int)length)),
            LibSsl.SSL_version(_ssl) == LibSsl.Tls13 ? SslProtocols.Tls13 : SslProtocols.Tls12,
            (TlsCipherSuite)LibSsl.SSL_CIPHER_get_protocol_id(LibSsl.SSL_get_current_cipher(_ssl)),
            resumed,
            _peer));
        return IoStatus.Ok;
    }

    private void NoteEnd(int result)
    {
        switch (LibSsl.SSL_get_error(_ssl, result))
        {
            case LibSsl.ErrorWantRead or LibSsl.ErrorWantWrite:
                break;
            case LibSsl.ErrorZeroReturn:
                EndOfStream = true;
                break;
            default:
                Fail(IoStatus.TransportFailed, "TLS_error: " + OpenSslErrors.Describe());
                break;
        }
    }
}
