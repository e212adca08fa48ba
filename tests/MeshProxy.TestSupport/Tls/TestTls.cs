using MeshProxy.Core.Config;

namespace MeshProxy.TestSupport.Tls;

/// <summary>Which library the servers and sockets of the running test do TLS by.</summary>
/// <remarks>A class of tests that runs on either sets it in its constructor. Else it is what MESHPROXY_TEST_TLS says: auto, sslstream or openssl.</remarks>
public static class TestTls
{
    private static readonly AsyncLocal<TlsImplementation?> s_ofTest = new();

    private static readonly TlsImplementation s_ofProcess =
        Enum.TryParse<TlsImplementation>(Environment.GetEnvironmentVariable("MESHPROXY_TEST_TLS"), ignoreCase: true, out var value) ? value : TlsImplementation.Auto;

    public static TlsImplementation Implementation
    {
        get => s_ofTest.Value ?? s_ofProcess;
        set => s_ofTest.Value = value;
    }
}
