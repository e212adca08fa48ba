using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Server;
using MeshProxy.Core.Tests.TransportSockets.Tls;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.OpenSsl;

public sealed class OpenSslContextTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost");

    public OpenSslContextTests() => TestTls.Implementation = TlsImplementation.OpenSsl;

    [Theory]
    [InlineData(TlsImplementation.Auto, true)]
    [InlineData(TlsImplementation.OpenSsl, true)]
    [InlineData(TlsImplementation.SslStream, false)]
    public void Implementation_IsTheOneThatIsAskedFor(TlsImplementation implementation, bool openSsl)
    {
        TestTls.Implementation = implementation;
        var pair = new TlsPair(TlsServer.Context(s_leaf), UpstreamTlsTests.Context("localhost", s_root));
        (pair.Server.Socket is OpenSslServerSocket, pair.Client.Socket is OpenSslClientSocket).ShouldBe((openSsl, openSsl));
        (pair.Server.Socket is DownstreamTlsSocket).ShouldBe(!openSsl);
    }

    [Fact]
    public void Implementation_OutOfRange_IsAConfigError() =>
        Should.Throw<ConfigException>(() => new MeshProxyServer(new MeshProxyOptions { TlsImplementation = (TlsImplementation)9 }, new ServerConfig()))
            .Message.ShouldContain("tls_implementation");

    [Theory]
    [InlineData("TLS_AES_128_GCM_SHA256", "TLSv1.3", "TLS_AES_128_GCM_SHA256")]
    [InlineData("ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384")]
    [InlineData("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305")]
    public void CipherSuites_OfOneVersion_LeaveNoOther(string suite, string version, string name)
    {
        var pair = new TlsPair(With(new TlsParametersConfig { CipherSuites = [suite] }), UpstreamTlsTests.Context("localhost", s_root));
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        (pair.Client.Socket.Tls!.Version, pair.Client.Socket.Tls!.CipherSuite).ShouldBe((version, name));
    }

    [Theory]
    [InlineData("TLS_AES_128_GCM_SHA256", TlsProtocolVersion.Auto, TlsProtocolVersion.Tls12)]
    [InlineData("ECDHE-ECDSA-AES256-GCM-SHA384", TlsProtocolVersion.Tls13, TlsProtocolVersion.Auto)]
    [InlineData("TLS_RSA_EXPORT_WITH_RC4_40_MD5", TlsProtocolVersion.Auto, TlsProtocolVersion.Auto)]
    public void CipherSuites_ThatCannotBeUsed_AreAConfigError(string suite, TlsProtocolVersion min, TlsProtocolVersion max)
    {
        var config = With(new TlsParametersConfig { CipherSuites = [suite], TlsMinimumProtocolVersion = min, TlsMaximumProtocolVersion = max });
        Should.Throw<ConfigException>(() => new TlsPair(config, UpstreamTlsTests.Context("localhost", s_root))).Message.ShouldContain("tls_params.cipher_suites");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pkcs12_WithRootAndInAnyOrder_SendsTheChainThatAClientNeeds(bool rsa)
    {
        var intermediate = TestPki.Intermediate(s_root);
        var leaf = TestPki.Create("CN=leaf", intermediate, new TestCertificateOptions { IsRsa = rsa, Dns = ["localhost"] });
        X509Certificate2Collection all =
        [
            X509CertificateLoader.LoadCertificate(s_root.Certificate.RawData),
            leaf.WithKey,
            X509CertificateLoader.LoadCertificate(intermediate.Certificate.RawData),
        ];
        var config = new TlsCertificateConfig
        {
            Pkcs12 = new DataSourceConfig { InlineBytes = all.Export(X509ContentType.Pkcs12, "secret")! },
            Password = DataSourceConfig.Inline("secret"),
        };
        var pair = new TlsPair(
            new DownstreamTlsContextConfig { CommonTlsContext = new CommonTlsContextConfig { TlsCertificates = [config] } }, UpstreamTlsTests.Context("localhost", s_root));
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        pair.Client.Socket.Tls!.PeerSubject.ShouldBe("CN=leaf");
    }

    [Theory]
    [InlineData("expired", "certificate expired")]
    [InlineData("stranger", "unknown ca")]
    [InlineData("revoked", "certificate revoked")]
    [InlineData("unpinned", "bad certificate")]
    public void ClientCertificate_Refused_TellsTheClientWhy(string kind, string alert)
    {
        var person = kind switch
        {
            "expired" => TestPki.Create("CN=late", s_root, new TestCertificateOptions { NotBefore = DateTimeOffset.UtcNow.AddDays(-9), NotAfter = DateTimeOffset.UtcNow.AddDays(-1) }),
            "stranger" => TestPki.Leaf(TestPki.Root("CN=Stranger"), "client"),
            _ => TestPki.Leaf(s_root, "client"),
        };
        var server = TlsServer.Context(s_leaf);
        var validation = new CertificateValidationContextConfig
        {
            TrustedCa = s_root.Ca,
            Crl = kind == "revoked" ? DataSourceConfig.Inline(s_root.CrlPem(null, person)) : null,
            VerifyCertificateHash = kind == "unpinned" ? [Convert.ToHexString(SHA256.HashData([]))] : [],
        };
        server = server with { RequireClientCertificate = true, CommonTlsContext = server.CommonTlsContext with { ValidationContext = validation } };
        var client = UpstreamTlsTests.Context("localhost", s_root);
        var pair = new TlsPair(server, client with { CommonTlsContext = client.CommonTlsContext with { TlsCertificates = [person.Config] } });
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Client.Read().Status.ShouldBe(IoStatus.TransportFailed);
        pair.Client.Socket.FailureReason!.ShouldContain(alert);
    }

    [Fact]
    public void ClientCertificate_MissingWhereRequired_HasNoSession()
    {
        var server = TlsServer.Context(s_leaf);
        server = server with
        {
            RequireClientCertificate = true,
            CommonTlsContext = server.CommonTlsContext with { ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca } },
        };
        var pair = new TlsPair(server, UpstreamTlsTests.Context("localhost", s_root));
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Server.Socket.FailureReason!.ShouldContain("no certificate");
        pair.Counter("server.ssl.fail_verify_no_cert").ShouldBe(1);
        pair.Client.Read().Status.ShouldBe(IoStatus.TransportFailed);
        pair.Client.Socket.FailureReason!.ShouldContain("certificate required");
    }

    private static DownstreamTlsContextConfig With(TlsParametersConfig parameters)
    {
        var server = TlsServer.Context(s_leaf);
        return server with { CommonTlsContext = server.CommonTlsContext with { TlsParams = parameters } };
    }
}
