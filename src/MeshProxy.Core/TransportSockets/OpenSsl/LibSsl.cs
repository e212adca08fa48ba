using System.Runtime.InteropServices;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>What is used of OpenSSL 3's libssl: contexts, connections, sessions. <see cref="OpenSslLibrary"/> finds the library.</summary>
/// <remarks>
/// No call takes the shortcut past the garbage collector (<c>SuppressGCTransition</c>) unless it reads or writes a field and no more: the
/// others call back, or take long.
/// </remarks>
internal static unsafe partial class LibSsl
{
    public const int ErrorSsl = 1;
    public const int ErrorWantRead = 2;
    public const int ErrorWantWrite = 3;
    public const int ErrorZeroReturn = 6;

    public const int CtrlMode = 33;
    public const int CtrlSessionCacheMode = 44;
    public const int CtrlSetServerName = 55;
    public const int CtrlChainCertificate = 89;
    public const int CtrlSetMinVersion = 123;
    public const int CtrlSetMaxVersion = 124;

    public const int ModeEnablePartialWrite = 0x1;
    public const int ModeAcceptMovingWriteBuffer = 0x2;
    public const int ModeNoAutoChain = 0x8;
    public const int ModeReleaseBuffers = 0x10;

    public const ulong OptionNoTicket = 1UL << 14;
    public const ulong OptionNoCompression = 1UL << 17;
    public const ulong OptionCipherServerPreference = 1UL << 22;
    public const ulong OptionNoRenegotiation = 1UL << 30;

    public const int SessionCacheOff = 0;
    public const int SessionCacheClient = 0x1;
    public const int SessionCacheNoInternal = 0x300;

    public const int VerifyNone = 0;
    public const int VerifyPeer = 1;
    public const int VerifyFailIfNoPeerCertificate = 2;

    public const int AlpnAccepted = 0;
    public const int AlpnNotAcknowledged = 3;

    public const int ShutdownBoth = 3;

    public const int Tls12 = 0x0303;
    public const int Tls13 = 0x0304;

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint TLS_server_method();

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint TLS_client_method();

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint SSL_CTX_new(nint method);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_CTX_free(nint context);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial CLong SSL_CTX_ctrl(nint context, int command, CLong number, nint pointer);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial ulong SSL_CTX_set_options(nint context, ulong options);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_CTX_set_num_tickets(nint context, nuint count);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_CTX_use_certificate(nint context, nint certificate);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_CTX_use_PrivateKey(nint context, nint key);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_CTX_check_private_key(nint context);

    [LibraryImport(OpenSslLibrary.Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_set_cipher_list(nint context, string names);

    [LibraryImport(OpenSslLibrary.Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int SSL_CTX_set_ciphersuites(nint context, string names);

    /// <summary>OpenSSL's name of a cipher suite with this IANA name; "(NONE)" if it has no such suite.</summary>
    [LibraryImport(OpenSslLibrary.Ssl, StringMarshalling = StringMarshalling.Utf8)]
    public static partial nint OPENSSL_cipher_name(string standardName);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_CTX_set_session_id_context(nint context, byte* id, uint length);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_CTX_set_verify(nint context, int mode, nint callback);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_CTX_set_cert_verify_callback(nint context, delegate* unmanaged<nint, nint, int> callback, nint argument);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_CTX_set_cert_cb(nint context, delegate* unmanaged<nint, nint, int> callback, nint argument);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_CTX_set_alpn_select_cb(nint context, delegate* unmanaged<nint, byte**, byte*, byte*, uint, nint, int> callback, nint argument);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_CTX_sess_set_new_cb(nint context, delegate* unmanaged<nint, nint, int> callback);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_CTX_add_client_CA(nint context, nint certificate);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint SSL_new(nint context);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_free(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial CLong SSL_ctrl(nint ssl, int command, CLong number, nint pointer);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_set_ex_data(nint ssl, int index, nint data);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint SSL_get_ex_data(nint ssl, int index);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_get_ex_data_X509_STORE_CTX_idx();

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_set_bio(nint ssl, nint read, nint write);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_set_accept_state(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_set_connect_state(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_set_alpn_protos(nint ssl, byte* protocols, uint length);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_set_session(nint ssl, nint session);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_do_handshake(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_read(nint ssl, byte* buffer, int count);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_write(nint ssl, byte* buffer, int count);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_get_error(nint ssl, int result);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_shutdown(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    [SuppressGCTransition]
    public static partial void SSL_set_shutdown(nint ssl, int mode);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_get0_alpn_selected(nint ssl, byte** data, uint* length);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_session_reused(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_version(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint SSL_get_current_cipher(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial ushort SSL_CIPHER_get_protocol_id(nint cipher);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial CLong SSL_get_verify_result(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial nint SSL_get1_peer_certificate(nint ssl);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial void SSL_SESSION_free(nint session);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_SESSION_up_ref(nint session);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_SESSION_is_resumable(nint session);

    [LibraryImport(OpenSslLibrary.Ssl)]
    public static partial int SSL_SESSION_get_protocol_version(nint session);
}
