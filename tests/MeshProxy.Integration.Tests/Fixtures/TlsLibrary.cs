using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>Which library our side does TLS by.</summary>
internal static class TlsLibrary
{
    /// <summary>For the proxies that the running test starts from now on; skips it where that library is not there.</summary>
    public static void Use(TlsImplementation implementation)
    {
        Skip.If(implementation == TlsImplementation.OpenSsl && OpenSslLibrary.Missing is not null, $"no OpenSSL 3: {OpenSslLibrary.Missing}");
        TestTls.Implementation = implementation;
    }
}
