using System.Runtime.InteropServices;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>What is used of OpenSSL 3's libcrypto: BIOs, certificates, the queue of errors.</summary>
internal static unsafe partial class LibCrypto
{
    public const int BioTypeSourceSink = 0x0400;
    public const int BioControlFlush = 11;
    public const int BioFlagRead = 1;
    public const int BioFlagShouldRetry = 8;
    public const int BioFlagsOfRetries = 0xF;

    public const int VerifyOk = 0;
    public const int VerifyUnspecified = 1;
    public const int VerifyExpired = 10;
    public const int VerifyNoLocalIssuer = 20;
    public const int VerifyRevoked = 23;
    public const int VerifyRejected = 28;
    public const int VerifyByApplication = 50;
    public const int VerifyHostnameMismatch = 62;

    /// <summary>SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE.</summary>
    public const int ReasonNoCertificate = 199;

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial uint OPENSSL_version_major();

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial void ERR_clear_error();

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial CULong ERR_peek_error();

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint ERR_reason_error_string(CULong error);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint BIO_meth_new(int type, byte* name);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial int BIO_meth_set_read(nint method, delegate* unmanaged<nint, byte*, int, int> read);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial int BIO_meth_set_write(nint method, delegate* unmanaged<nint, byte*, int, int> write);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial int BIO_meth_set_ctrl(nint method, delegate* unmanaged<nint, int, CLong, nint, CLong> control);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint BIO_new(nint method);

    [LibraryImport(OpenSslLibrary.Crypto)]
    [SuppressGCTransition]
    public static partial void BIO_set_data(nint bio, nint data);

    [LibraryImport(OpenSslLibrary.Crypto)]
    [SuppressGCTransition]
    public static partial nint BIO_get_data(nint bio);

    [LibraryImport(OpenSslLibrary.Crypto)]
    [SuppressGCTransition]
    public static partial void BIO_set_init(nint bio, int init);

    [LibraryImport(OpenSslLibrary.Crypto)]
    [SuppressGCTransition]
    public static partial void BIO_set_flags(nint bio, int flags);

    [LibraryImport(OpenSslLibrary.Crypto)]
    [SuppressGCTransition]
    public static partial void BIO_clear_flags(nint bio, int flags);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint d2i_AutoPrivateKey(nint reuse, byte** bytes, CLong length);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial void EVP_PKEY_free(nint key);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint d2i_X509(nint reuse, byte** bytes, CLong length);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial int i2d_X509(nint certificate, byte** bytes);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial void X509_free(nint certificate);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint X509_STORE_CTX_get_ex_data(nint store, int index);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint X509_STORE_CTX_get0_cert(nint store);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint X509_STORE_CTX_get0_untrusted(nint store);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial void X509_STORE_CTX_set_error(nint store, int error);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial int OPENSSL_sk_num(nint stack);

    [LibraryImport(OpenSslLibrary.Crypto)]
    public static partial nint OPENSSL_sk_value(nint stack, int index);
}
