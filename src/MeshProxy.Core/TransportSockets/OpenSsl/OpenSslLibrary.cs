using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MeshProxy.Core.TransportSockets.OpenSsl;

/// <summary>Finds OpenSSL 3 on this machine.</summary>
internal static class OpenSslLibrary
{
    public const string Ssl = "libssl";
    public const string Crypto = "libcrypto";

    private const uint Major = 3;

    private static readonly Lazy<Loaded> s_loaded = new(Load);

    /// <summary>Why it cannot be used; null if it can.</summary>
    public static string? Missing => s_loaded.Value.Missing;

    /// <summary>SSL's index of the connection in a certificate store's context.</summary>
    public static int StoreIndex => s_loaded.Value.StoreIndex;

    private static Loaded Load()
    {
        if (!OperatingSystem.IsLinux())
        {
            return new Loaded("it is used on Linux only", 0);
        }

        // By the name that says the version: a program that is linked to another one has both.
        if (!NativeLibrary.TryLoad("libcrypto.so.3", out var crypto) || !NativeLibrary.TryLoad("libssl.so.3", out var ssl))
        {
            return new Loaded("libssl.so.3 and libcrypto.so.3 cannot be loaded", 0);
        }

        NativeLibrary.SetDllImportResolver(typeof(OpenSslLibrary).Assembly, (name, _, _) => name switch
        {
            Ssl => ssl,
            Crypto => crypto,
            _ => 0,
        });
        var major = NativeLibrary.TryGetExport(crypto, "OPENSSL_version_major", out _) ? LibCrypto.OPENSSL_version_major() : 0;
        return major == Major
            ? new Loaded(null, LibSsl.SSL_get_ex_data_X509_STORE_CTX_idx())
            : new Loaded($"libcrypto.so.3 says that it is version {major}", 0);
    }

    private sealed record Loaded(string? Missing, int StoreIndex);
}

/// <summary>The queue of errors that OpenSSL keeps for each thread.</summary>
internal static class OpenSslErrors
{
    /// <summary>What the queue says has gone wrong, as OpenSSL names it; never a secret.</summary>
    public static string Describe()
    {
        var error = LibCrypto.ERR_peek_error();
        var text = error.Value == 0 ? null : Marshal.PtrToStringUTF8(LibCrypto.ERR_reason_error_string(error));
        LibCrypto.ERR_clear_error();
        return text ?? (error.Value == 0 ? "unknown" : $"error {error.Value:x}");
    }

    /// <summary>The reason's number of the first error; 0 for none.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static int PeekReason() => (int)(LibCrypto.ERR_peek_error().Value & 0x7FFFFF);
}
