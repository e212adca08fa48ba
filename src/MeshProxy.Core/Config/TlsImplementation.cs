namespace MeshProxy.Core.Config;

/// <summary>Which library does TLS. Configs, stats and logs are the same.</summary>
public enum TlsImplementation : byte
{
    /// <summary><see cref="OpenSsl"/> on Linux where libssl 3 is there, <see cref="SslStream"/> elsewhere.</summary>
    Auto,

    /// <summary>The platform's <see cref="System.Net.Security.SslStream"/>; everywhere.</summary>
    SslStream,

    /// <summary>OpenSSL 3 without the platform in between: about 0.6 times the CPU for a handshake, half of the memory for an idle connection. Linux.</summary>
    OpenSsl,
}
