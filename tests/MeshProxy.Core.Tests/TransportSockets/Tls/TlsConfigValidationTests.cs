using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class TlsConfigValidationTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost");
    private static readonly TestCertificate s_other = TestPki.Leaf(s_root, "other");

    [Fact]
    public void Downstream_Good_HasNoErrors() => Errors(TlsServer.Context(s_leaf)).ShouldBeEmpty();

    [Fact]
    public void Downstream_WithoutCertificate_IsAnError() =>
        Errors(new DownstreamTlsContextConfig()).ShouldHaveSingleItem().Path.ShouldBe("common_tls_context.tls_certificates");

    [Theory]
    [InlineData("certificate_chain.filename", "cannot be read")]
    public void Certificate_FileMissing_IsAnErrorAtItsPath(string path, string message)
    {
        var error = Errors(With(TlsCertificateConfig.FromFiles("/nowhere/cert.pem", "/nowhere/key.pem"))).First();
        error.Path.ShouldBe("common_tls_context.tls_certificates[0]." + path);
        error.Message.ShouldContain(message);
        error.Message.ShouldContain("/nowhere/cert.pem");
    }

    [Fact]
    public void Certificate_Broken_IsAnErrorAtItsPath()
    {
        Error(TlsCertificateConfig.FromPem("nothing", s_leaf.KeyPem)).Path.ShouldBe("common_tls_context.tls_certificates[0].certificate_chain");
        Error(TlsCertificateConfig.FromPem("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", s_leaf.KeyPem)).Path.ShouldEndWith("certificate_chain");
        Error(TlsCertificateConfig.FromPem(s_leaf.ChainPem, "nothing")).ShouldSatisfyAllConditions(
            e => e.Path.ShouldEndWith("private_key"), e => e.Message.ShouldContain("holds no PEM private key"));
        Error(new TlsCertificateConfig { CertificateChain = DataSourceConfig.Inline(s_leaf.ChainPem) }).Path.ShouldEndWith("private_key");
        Error(new TlsCertificateConfig { CertificateChain = new DataSourceConfig(), PrivateKey = DataSourceConfig.Inline(s_leaf.KeyPem) })
            .Message.ShouldContain("exactly one of");
        Error(new TlsCertificateConfig
        {
            CertificateChain = DataSourceConfig.Inline(s_leaf.ChainPem),
            PrivateKey = new DataSourceConfig { EnvironmentVariable = "MESHPROXY_NOT_SET" },
        }).Path.ShouldEndWith("private_key.environment_variable");
    }

    [Fact]
    public void Key_OfAnotherCertificate_IsAnErrorThatShowsNoKey()
    {
        var error = Error(TlsCertificateConfig.FromPem(s_leaf.ChainPem, s_other.KeyPem));
        error.Path.ShouldBe("common_tls_context.tls_certificates[0].private_key");
        error.Message.ShouldContain("not the key of the certificate");
        error.Message.ShouldNotContain(s_other.KeyPem.Split('\n')[1]);
    }

    [Fact]
    public void Key_Encrypted_NeedsItsPassword()
    {
        var pem = s_leaf.WithKey.GetECDsaPrivateKey()!.ExportEncryptedPkcs8PrivateKeyPem("s3cret!", new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1000));
        var config = TlsCertificateConfig.FromPem(s_leaf.ChainPem, pem);
        Error(config).Message.ShouldContain("password is required");
        var wrong = Error(config with { Password = DataSourceConfig.Inline("wr0ng!") });
        wrong.Message.ShouldNotContain("wr0ng!");
        Errors(With(config with { Password = DataSourceConfig.Inline("s3cret!\n") })).ShouldBeEmpty();
    }

    [Fact]
    public void Pkcs12_WithItsPassword_IsGood()
    {
        var bytes = s_leaf.WithKey.Export(X509ContentType.Pkcs12, "s3cret!");
        var config = new TlsCertificateConfig { Pkcs12 = new DataSourceConfig { InlineBytes = bytes }, Password = DataSourceConfig.Inline("s3cret!") };
        Errors(With(config)).ShouldBeEmpty();
        Error(config with { Password = DataSourceConfig.Inline("other") }).Path.ShouldBe("common_tls_context.tls_certificates[0].pkcs12");
    }

    [Fact]
    public void Text_OfAnyConfig_ShowsNoSecret()
    {
        var config = With(TlsCertificateConfig.FromPem(s_leaf.ChainPem, s_leaf.KeyPem) with
        {
            Password = DataSourceConfig.Inline("s3cret!"),
            Pkcs12 = new DataSourceConfig { InlineBytes = [1, 2, 3] },
        });
        var text = config.ToString() + new TlsSecrets { TlsCertificates = config.CommonTlsContext.TlsCertificates };
        text.ShouldNotContain("s3cret!");
        text.ShouldNotContain("PRIVATE KEY");
        text.ShouldContain("inline_string");
        text.ShouldContain("inline_bytes");
        foreach (var error in Errors(config))
        {
            error.Message.ShouldNotContain("s3cret!");
            error.Message.ShouldNotContain(s_leaf.KeyPem.Split('\n')[1]);
        }
    }

    [Fact]
    public void ClientCertificate_RequiredFromNobodyInParticular_IsAnError()
    {
        Required(new()).ShouldBe(["common_tls_context.validation_context.trusted_ca"]);
        Required(new() { TrustedCa = s_root.Ca }).ShouldBeEmpty();
        Required(new() { VerifyCertificateHash = [new string('a', 64)] }).ShouldBeEmpty();
        Required(new() { TrustChainVerification = TrustChainVerification.AcceptUntrusted }).ShouldBeEmpty();

        static string[] Required(CertificateValidationContextConfig validation)
        {
            var config = With(s_leaf.Config);
            config = config with { RequireClientCertificate = true, CommonTlsContext = config.CommonTlsContext with { ValidationContext = validation } };
            return [.. Errors(config).Select(static error => error.Path)];
        }
    }

    [Fact]
    public void Validation_Broken_IsAnErrorAtItsPath()
    {
        Context(new() { TrustedCa = DataSourceConfig.Inline("x") }).ShouldBe(["trusted_ca"]);
        Context(new() { TrustedCa = s_root.Ca, Crl = DataSourceConfig.Inline("x") }).ShouldBe(["crl"]);
        Context(new() { Crl = DataSourceConfig.Inline(s_root.CrlPem(null)) }).ShouldBe(["crl"]);
        Context(new() { VerifyCertificateHash = ["12", new string('a', 64)] }).ShouldBe(["verify_certificate_hash[0]"]);
        Context(new() { VerifyCertificateSpki = ["?"] }).ShouldBe(["verify_certificate_spki[0]"]);
        Context(new() { TrustedCa = s_root.Ca, MaxVerifyDepth = 101 }).ShouldBe(["max_verify_depth"]);
        Context(Names(new StringMatcherConfig())).ShouldBe(["match_typed_subject_alt_names[0].matcher"]);
        Context(Names(new StringMatcherConfig { Exact = "a", Prefix = "b" })).ShouldBe(["match_typed_subject_alt_names[0].matcher"]);
        Context(Names(new StringMatcherConfig { Prefix = "" })).ShouldBe(["match_typed_subject_alt_names[0].matcher.prefix"]);
        Context(Names(new StringMatcherConfig { SafeRegex = "(" })).ShouldBe(["match_typed_subject_alt_names[0].matcher.safe_regex"]);
        Context(Names(new StringMatcherConfig { SafeRegex = "(a)\\1" })).ShouldBe(["match_typed_subject_alt_names[0].matcher.safe_regex"]);
        Context(Names(new StringMatcherConfig { Exact = "a" }) with { TrustedCa = null }).ShouldBe(["match_typed_subject_alt_names"]);

        static CertificateValidationContextConfig Names(StringMatcherConfig matcher) => new()
        {
            TrustedCa = s_root.Ca,
            MatchTypedSubjectAltNames = [new SubjectAltNameMatcherConfig { Matcher = matcher }],
        };

        static IEnumerable<string> Context(CertificateValidationContextConfig validation)
        {
            var config = TlsServer.Context(s_leaf);
            return Errors(config with { CommonTlsContext = config.CommonTlsContext with { ValidationContext = validation } })
                .Select(e => e.Path.Replace("common_tls_context.validation_context.", "", StringComparison.Ordinal));
        }
    }

    [Fact]
    public void Parameters_Contradicting_AreErrors()
    {
        Parameters(new() { TlsMinimumProtocolVersion = TlsProtocolVersion.Tls13, TlsMaximumProtocolVersion = TlsProtocolVersion.Tls12 })
            .ShouldHaveSingleItem().Path.ShouldBe("common_tls_context.tls_params.tls_maximum_protocol_version");
        Parameters(new() { CipherSuites = ["RC4-MD5"] }).ShouldHaveSingleItem().Path.ShouldBe("common_tls_context.tls_params.cipher_suites[0]");
        Parameters(new() { CipherSuites = ["TLS_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256"] }).ShouldBeEmpty();

        static IReadOnlyList<ConfigError> Parameters(TlsParametersConfig parameters)
        {
            var config = TlsServer.Context(s_leaf);
            return Errors(config with { CommonTlsContext = config.CommonTlsContext with { TlsParams = parameters } });
        }
    }

    [Fact]
    public void RequireClientCertificate_WithoutAuthority_IsAnError() =>
        Errors(TlsServer.Context(s_leaf) with { RequireClientCertificate = true }).ShouldHaveSingleItem().Path.ShouldBe("require_client_certificate");

    [Fact]
    public void Upstream_SystemRootsWithoutAnyName_IsAnError()
    {
        Errors(new UpstreamTlsContextConfig()).ShouldHaveSingleItem().Path.ShouldBe("sni");
        Errors(new UpstreamTlsContextConfig { Sni = "example.com" }).ShouldBeEmpty();
        Errors(new UpstreamTlsContextConfig { AutoHostSni = true }).ShouldBeEmpty();
        Errors(Validation(new() { TrustedCa = s_root.Ca })).ShouldBeEmpty();
        Errors(Validation(new() { VerifyCertificateHash = [new string('a', 64)] })).ShouldBeEmpty();
        Errors(Validation(new() { TrustChainVerification = TrustChainVerification.AcceptUntrusted })).ShouldBeEmpty();

        static UpstreamTlsContextConfig Validation(CertificateValidationContextConfig validation) =>
            new() { CommonTlsContext = new CommonTlsContextConfig { ValidationContext = validation } };
    }

    [Fact]
    public void Upstream_Renegotiation_IsAnError() =>
        Errors(new UpstreamTlsContextConfig { Sni = "a", AllowRenegotiation = true }).ShouldHaveSingleItem().Path.ShouldBe("allow_renegotiation");

    private static DownstreamTlsContextConfig With(TlsCertificateConfig certificate) =>
        new() { CommonTlsContext = new CommonTlsContextConfig { TlsCertificates = [certificate] } };

    private static ConfigError Error(TlsCertificateConfig certificate) => Errors(With(certificate)).ShouldHaveSingleItem();

    private static IReadOnlyList<ConfigError> Errors(DownstreamTlsContextConfig config)
    {
        var errors = new ConfigErrors();
        new DownstreamTlsContextConfigValidator().Validate(config, errors);
        return errors.All;
    }

    private static IReadOnlyList<ConfigError> Errors(UpstreamTlsContextConfig config)
    {
        var errors = new ConfigErrors();
        new UpstreamTlsContextConfigValidator().Validate(config, errors);
        return errors.All;
    }
}
