using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using MeshProxy.Core.TransportSockets.Tls;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>What OpenSSL calls, on the worker that is inside one of its functions. Each finds its connection and hands over to it.</summary>
/// <remarks>
/// No exception may leave one of these: there are frames of C below. And none does I/O or runs anybody else's code, so that a connection
/// never closes, and its SSL is never freed, while OpenSSL is at work on it.
/// </remarks>
internal static unsafe class OpenSslCallbacks
{
    private const int Failed = -1;

    /// <summary>Bytes move between OpenSSL and the buffers of the connection, without a socket in between. One for the process.</summary>
    public static readonly nint BioMethod = CreateBioMethod();

    [UnmanagedCallersOnly]
    public static int SelectProtocol(nint ssl, byte** chosen, byte* chosenLength, byte* offered, uint offeredLength, nint argument)
    {
        // Null: none is negotiated, as in Envoy, where the two share nothing.
        var list = new ReadOnlySpan<byte>(offered, (int)offeredLength);
        foreach (var protocol in ((OpenSslServerSocket)Find(ssl)).Protocols)
        {
            for (var at = 0; at < list.Length; at += 1 + list[at])
            {
                if (list.Slice(at + 1, list[at]).SequenceEqual(protocol))
                {
                    *chosen = offered + at + 1;
                    *chosenLength = list[at];
                    return LibSsl.AlpnAccepted;
                }
            }
        }

        return LibSsl.AlpnNotAcknowledged;
    }

    [UnmanagedCallersOnly]
    public static int Verify(nint store, nint argument)
    {
        OpenSslTransportSocket? socket = null;
        int error;
        var accepted = false;
        try
        {
            socket = Find(LibCrypto.X509_STORE_CTX_get_ex_data(store, OpenSslLibrary.StoreIndex));
            accepted = socket.Verify(OpenSslPeer.ReadChain(store), out error);
        }
        catch (Exception exception)
        {
            socket?.NoteException(exception);
            error = LibCrypto.VerifyUnspecified;
        }

        // Whatever the building of a chain has left there would pass for a failure of the handshake, should that wait for bytes next.
        LibCrypto.ERR_clear_error();
        LibCrypto.X509_STORE_CTX_set_error(store, error);
        return accepted ? 1 : 0;
    }

    /// <summary>The server has asked for a certificate of ours; the context has it, or there is none.</summary>
    [UnmanagedCallersOnly]
    public static int CertificateAskedFor(nint ssl, nint argument)
    {
        ((OpenSslClientSocket)Find(ssl)).NoteCertificateAskedFor();
        return 1;
    }

    /// <returns>1: the session is ours now, with the reference that came with it.</returns>
    [UnmanagedCallersOnly]
    public static int NewSession(nint ssl, nint session)
    {
        try
        {
            return ((OpenSslClientSocket)Find(ssl)).Keep(session) ? 1 : 0;
        }
        catch (Exception)
        {
            return 0; // the next connection shakes hands in full
        }
    }

    [UnmanagedCallersOnly]
    private static int Read(nint bio, byte* buffer, int count)
    {
        LibCrypto.BIO_clear_flags(bio, LibCrypto.BioFlagsOfRetries);
        try
        {
            var n = FindByBio(bio).TakeIn(new Span<byte>(buffer, count));
            if (n > 0)
            {
                return n;
            }

            LibCrypto.BIO_set_flags(bio, LibCrypto.BioFlagRead | LibCrypto.BioFlagShouldRetry);
        }
        catch (Exception exception)
        {
            FindByBio(bio).NoteException(exception);
        }

        return Failed;
    }

    [UnmanagedCallersOnly]
    private static int Write(nint bio, byte* bytes, int count)
    {
        LibCrypto.BIO_clear_flags(bio, LibCrypto.BioFlagsOfRetries);
        try
        {
            FindByBio(bio).PutOut(new ReadOnlySpan<byte>(bytes, count));
            return count;
        }
        catch (Exception exception)
        {
            FindByBio(bio).NoteException(exception);
            return Failed;
        }
    }

    [UnmanagedCallersOnly]
    private static CLong Control(nint bio, int command, CLong number, nint pointer) => new(command == LibCrypto.BioControlFlush ? 1 : 0);

    private static OpenSslTransportSocket Find(nint ssl) => FromHandle(LibSsl.SSL_get_ex_data(ssl, OpenSslTransportSocket.SelfIndex));

    private static OpenSslTransportSocket FindByBio(nint bio) => FromHandle(LibCrypto.BIO_get_data(bio));

    private static OpenSslTransportSocket FromHandle(nint handle) => Unsafe.As<OpenSslTransportSocket>(GCHandle.FromIntPtr(handle).Target!);

    private static nint CreateBioMethod()
    {
        fixed (byte* name = "meshproxy\0"u8)
        {
            var method = LibCrypto.BIO_meth_new(LibCrypto.BioTypeSourceSink | 100, name);
            LibCrypto.BIO_meth_set_read(method, &Read);
            LibCrypto.BIO_meth_set_write(method, &Write);
            LibCrypto.BIO_meth_set_ctrl(method, &Control);
            return method;
        }
    }
}
