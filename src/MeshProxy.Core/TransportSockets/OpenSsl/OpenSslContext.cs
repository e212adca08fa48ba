using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>An SSL_CTX: versions, cipher suites, a certificate with its key, the keys of session tickets.</summary>
/// <remarks>
/// Set up on the control side, then shared by all workers and changed no more. A connection holds a reference of OpenSSL's own: a context
/// that a rotation has replaced lives as long as its last connection.
/// </remarks>
internal sealed class OpenSslContext : SafeHandleZeroOrMinusOneIsInvalid
{
    private static long s_live;

    private OpenSslContext()
        : base(ownsHandle: true)
    {
    }

    /// <summary>How many there are in this process.</summary>
    public static long Live => Interlocked.Read(ref s_live);

    /// <summary>For native calls while this object is known to live.</summary>
    public nint Pointer => handle;

    public static OpenSslContext Create(bool isServer)
    {
        LibCrypto.ERR_clear_error();
        var context = new OpenSslContext();
        var pointer = LibSsl.SSL_CTX_new(isServer ? LibSsl.TLS_server_method() : LibSsl.TLS_client_method());
        if (pointer == 0)
        {
            throw new OutOfMemoryException("SSL_CTX_new: " + OpenSslErrors.Describe());
        }

        context.SetHandle(pointer);
        Interlocked.Increment(ref s_live);
        context.Control(
            LibSsl.CtrlMode, LibSsl.ModeEnablePartialWrite | LibSsl.ModeAcceptMovingWriteBuffer | LibSsl.ModeNoAutoChain | LibSsl.ModeReleaseBuffers);
        LibSsl.SSL_CTX_set_options(pointer, LibSsl.OptionNoCompression | LibSsl.OptionNoRenegotiation | LibSsl.OptionCipherServerPreference);
        return context;
    }

    public long Control(int command, int number, nint pointer = 0) => LibSsl.SSL_CTX_ctrl(handle, command, new CLong(number), pointer).Value;

    protected override bool ReleaseHandle()
    {
        Interlocked.Decrement(ref s_live);
        LibSsl.SSL_CTX_free(handle);
        return true;
    }
}
