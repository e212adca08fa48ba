using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>An authority, a server's certificate for localhost and 127.0.0.1, and a client's, as PEM files in a folder that goes with it.</summary>
internal sealed class TlsFiles : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("meshproxy-tls").FullName;

    public TlsFiles()
    {
        Root = TestPki.Root();
        var intermediate = TestPki.Intermediate(Root);
        Ca = Path.Combine(_folder, "ca.pem");
        File.WriteAllText(Ca, Root.CertificatePem);
        (ServerCertificate, ServerKey) = TestPki.Create(
            "CN=localhost", intermediate, new TestCertificateOptions { Dns = ["localhost"], Ips = ["127.0.0.1"] }).Save(_folder, "server");
        (ClientCertificate, ClientKey) = TestPki.Create(
            "CN=client", intermediate, new TestCertificateOptions { Uris = ["spiffe://test/client"] }).Save(_folder, "client");
    }

    public TestCertificate Root { get; }

    public string Ca { get; }

    public string ServerCertificate { get; }

    public string ServerKey { get; }

    public string ClientCertificate { get; }

    public string ClientKey { get; }

    /// <summary>The server's certificate and key in one file, as HAProxy wants them.</summary>
    public string ServerBundle()
    {
        var path = InFolder("bundle.pem");
        File.WriteAllText(path, File.ReadAllText(ServerCertificate) + File.ReadAllText(ServerKey));
        return path;
    }

    /// <summary>A file's path in the folder.</summary>
    public string InFolder(string name) => Path.Combine(_folder, name);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
