using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class PeerVerifierTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_intermediate = TestPki.Intermediate(s_root);
    private static readonly TestCertificate s_leaf = TestPki.Create("CN=client,O=Acme", s_intermediate, new TestCertificateOptions
    {
        Dns = ["a.example.com", "*.wild.example.com"],
        Uris = ["spiffe://cluster.local/ns/default/sa/orders"],
        Emails = ["ops@example.com"],
        Ips = ["10.1.2.3", "2001:db8::1"],
    });

    private static readonly CertificateValidationContextConfig s_trustsRoot = new() { TrustedCa = s_root.Ca };

    [Fact]
    public void Chain_ToTheTrustedRoot_IsValidated()
    {
        var verdict = Verify(s_trustsRoot, s_leaf);
        verdict.Accepted.ShouldBeTrue();
        verdict.Validated.ShouldBeTrue();
    }

    [Fact]
    public void Chain_WithoutItsIntermediate_IsRefused() =>
        Verify(s_trustsRoot, s_leaf, sent: []).Outcome.ShouldBe(PeerOutcome.Untrusted);

    [Fact]
    public void Chain_ToAnotherRoot_IsRefused() =>
        Verify(new() { TrustedCa = TestPki.Root("CN=Other").Ca }, s_leaf).Outcome.ShouldBe(PeerOutcome.Untrusted);

    [Fact]
    public void Chain_TrustedIntermediate_IsAnAnchor() =>
        Verify(new() { TrustedCa = s_intermediate.Ca }, s_leaf).Accepted.ShouldBeTrue();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Chain_ForgedUnderTheTrustedNames_IsRefused(bool trustRoot)
    {
        // The same names with other keys, so that only the signatures tell them apart.
        var forgedRoot = TestPki.Root();
        var forgedIntermediate = TestPki.Intermediate(forgedRoot);
        var forged = TestPki.Leaf(forgedIntermediate, "a.example.com");
        var config = new CertificateValidationContextConfig { TrustedCa = (trustRoot ? s_root : s_intermediate).Ca };
        Verify(config, forged, [forgedIntermediate, forgedRoot]).Outcome.ShouldBe(PeerOutcome.Untrusted);
        Verify(config, forged, [s_intermediate, s_root]).Outcome.ShouldBe(PeerOutcome.Untrusted);
    }

    [Fact]
    public void Chain_LeafActingAsAuthority_IsRefused()
    {
        var child = TestPki.Leaf(s_leaf, "a.example.com");
        Verify(s_trustsRoot, child, [s_leaf, s_intermediate]).Outcome.ShouldBe(PeerOutcome.Untrusted);
    }

    [Fact]
    public void Usage_ForServersOnly_IsRefusedAsClient()
    {
        var server = TestPki.Create("CN=s", s_root, new TestCertificateOptions { Dns = ["s"], ExtendedKeyUsages = ["1.3.6.1.5.5.7.3.1"] });
        Verify(s_trustsRoot, server).Outcome.ShouldBe(PeerOutcome.Untrusted);
        Verify(s_trustsRoot, server, isClient: true).Accepted.ShouldBeTrue();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(true, true)]
    public void Certificate_Expired_PassesOnlyWhereAllowed(bool allow, bool accepted)
    {
        var expired = TestPki.Create("CN=old", s_root, new TestCertificateOptions { NotBefore = DateTimeOffset.UtcNow.AddDays(-9), NotAfter = DateTimeOffset.UtcNow.AddDays(-8) });
        Verify(s_trustsRoot with { AllowExpiredCertificate = allow }, expired).Accepted.ShouldBe(accepted);
    }

    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    public void Depth_OfIntermediates_IsLimited(int max, bool accepted) =>
        Verify(s_trustsRoot with { MaxVerifyDepth = max }, s_leaf).Accepted.ShouldBe(accepted);

    [Fact]
    public void AcceptUntrusted_OfAStranger_IsNotValidated()
    {
        var verdict = Verify(new() { TrustedCa = s_root.Ca, TrustChainVerification = TrustChainVerification.AcceptUntrusted }, TestPki.Root("CN=Stranger"));
        verdict.Accepted.ShouldBeTrue();
        verdict.Validated.ShouldBeFalse();
    }

    [Fact]
    public void AcceptUntrusted_WrongNameOrPin_IsNotValidated()
    {
        var config = s_trustsRoot with { TrustChainVerification = TrustChainVerification.AcceptUntrusted, VerifyCertificateHash = [new string('0', 64)] };
        var verdict = Verify(config, s_leaf);
        verdict.Accepted.ShouldBeTrue();
        verdict.Validated.ShouldBeFalse();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Certificate_Missing_IsRefusedWhereRequired(bool required)
    {
        var verdict = Verifier(s_trustsRoot, required: required).Verify(null, null, default);
        verdict.Outcome.ShouldBe(required ? PeerOutcome.NoCertificate : PeerOutcome.Accepted);
        verdict.Presented.ShouldBeFalse();
    }

    [Theory]
    [InlineData(SubjectAltNameType.Dns, "exact", "a.example.com", true)]
    [InlineData(SubjectAltNameType.Dns, "exact", "A.EXAMPLE.com", true)]
    [InlineData(SubjectAltNameType.Dns, "exact", "x.wild.example.com", true)]
    [InlineData(SubjectAltNameType.Dns, "exact", "x.y.wild.example.com", false)]
    [InlineData(SubjectAltNameType.Dns, "exact", "wild.example.com", false)]
    [InlineData(SubjectAltNameType.Dns, "suffix", ".example.com", true)]
    [InlineData(SubjectAltNameType.Dns, "suffix", ".EXAMPLE.com", false)]
    [InlineData(SubjectAltNameType.Dns, "isuffix", ".EXAMPLE.com", true)]
    [InlineData(SubjectAltNameType.Uri, "prefix", "spiffe://cluster.local/", true)]
    [InlineData(SubjectAltNameType.Uri, "contains", "/sa/orders", true)]
    [InlineData(SubjectAltNameType.Uri, "regex", "spiffe://[^/]+/ns/[^/]+/sa/orders", true)]
    [InlineData(SubjectAltNameType.Uri, "regex", "spiffe://[^/]+/ns/", false)]
    [InlineData(SubjectAltNameType.Uri, "exact", "a.example.com", false)]
    [InlineData(SubjectAltNameType.Email, "exact", "ops@example.com", true)]
    [InlineData(SubjectAltNameType.IpAddress, "exact", "10.1.2.3", true)]
    [InlineData(SubjectAltNameType.IpAddress, "exact", "2001:db8::1", true)]
    [InlineData(SubjectAltNameType.IpAddress, "exact", "10.1.2.4", false)]
    public void San_OfTheAskedKind_Decides(SubjectAltNameType type, string how, string text, bool accepted)
    {
        var matcher = how switch
        {
            "exact" => new StringMatcherConfig { Exact = text },
            "prefix" => new StringMatcherConfig { Prefix = text },
            "suffix" => new StringMatcherConfig { Suffix = text },
            "isuffix" => new StringMatcherConfig { Suffix = text, IgnoreCase = true },
            "contains" => new StringMatcherConfig { Contains = text },
            _ => new StringMatcherConfig { SafeRegex = text },
        };
        var config = s_trustsRoot with { MatchTypedSubjectAltNames = [new SubjectAltNameMatcherConfig { SanType = type, Matcher = matcher }] };
        Verify(config, s_leaf).Outcome.ShouldBe(accepted ? PeerOutcome.Accepted : PeerOutcome.NameMismatch);
    }

    [Theory]
    [InlineData("a.example.com", true)]
    [InlineData("x.wild.example.com", true)]
    [InlineData("10.1.2.3", true)]
    [InlineData("b.example.com", false)]
    [InlineData("client", false)]
    public void Server_WithoutMatchers_MustHaveTheNameThatWasAskedFor(string name, bool accepted) =>
        Verify(s_trustsRoot, s_leaf, isClient: true, expected: new PeerNames(name)).Accepted.ShouldBe(accepted);

    [Fact]
    public void Server_NamesOfTheConnection_TakeThePlaceOfTheConfigs()
    {
        var config = s_trustsRoot with
        {
            MatchTypedSubjectAltNames = [new SubjectAltNameMatcherConfig { SanType = SubjectAltNameType.Dns, Matcher = new StringMatcherConfig { Exact = "nobody" } }],
        };
        Verify(config, s_leaf, isClient: true, expected: new PeerNames("q", ["b.example.com", "a.example.com"])).Accepted.ShouldBeTrue();
        Verify(config, s_leaf, isClient: true, expected: new PeerNames("q", ["b.example.com"])).Outcome.ShouldBe(PeerOutcome.NameMismatch);
    }

    [Fact]
    public void Pins_OfCertificateOrKey_AnyOneFits()
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(s_leaf.Certificate.RawData));
        var colons = string.Join(":", hash.Chunk(2).Select(pair => new string(pair)));
        var key = Convert.ToBase64String(SHA256.HashData(s_leaf.Certificate.PublicKey.ExportSubjectPublicKeyInfo()));
        var wrongHash = new string('0', 64);
        var wrongKey = Convert.ToBase64String(new byte[32]);
        Verify(new() { VerifyCertificateHash = [wrongHash, colons] }, s_leaf).Validated.ShouldBeTrue();
        Verify(new() { VerifyCertificateSpki = [wrongKey, key] }, s_leaf).Accepted.ShouldBeTrue();
        Verify(new() { VerifyCertificateHash = [wrongHash], VerifyCertificateSpki = [key] }, s_leaf).Accepted.ShouldBeTrue();
        Verify(new() { VerifyCertificateHash = [wrongHash], VerifyCertificateSpki = [wrongKey] }, s_leaf).Outcome.ShouldBe(PeerOutcome.PinMismatch);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Crl_RevokedLeaf_IsRefused(bool rsa)
    {
        var root = TestPki.Root(rsa: rsa);
        var good = TestPki.Leaf(root, "good");
        var bad = TestPki.Leaf(root, "bad");
        var config = new CertificateValidationContextConfig { TrustedCa = root.Ca, Crl = DataSourceConfig.Inline(root.CrlPem(null, bad)) };
        Verify(config, good).Accepted.ShouldBeTrue();
        var verdict = Verify(config, bad);
        verdict.Outcome.ShouldBe(PeerOutcome.Untrusted);
        verdict.Reason!.ShouldContain("revoked");
    }

    [Fact]
    public void Crl_OfSomeAuthorities_CoversTheLeafOnlyWhereSaid()
    {
        var crls = s_intermediate.CrlPem(null);
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(crls) }, s_leaf).Reason!.ShouldContain("there is no revocation list");
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(crls), OnlyVerifyLeafCertCrl = true }, s_leaf).Accepted.ShouldBeTrue();
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(crls + s_root.CrlPem(null)) }, s_leaf).Accepted.ShouldBeTrue();
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(crls + s_root.CrlPem(null, s_intermediate)) }, s_leaf).Reason!.ShouldContain("revoked");
    }

    [Fact]
    public void Crl_ForgedOrExpired_DoesNotCount()
    {
        var forger = TestPki.Root();
        var leaf = TestPki.Leaf(s_root, "x");
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(forger.CrlPem(null)) }, leaf).Reason!.ShouldContain("not signed by it");
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(s_root.CrlPem(DateTimeOffset.UtcNow.AddDays(-1))) }, leaf).Reason!.ShouldContain("expired");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Crl_TwoOfOneAuthority_RevokeWhatEitherSays(bool first)
    {
        var leaf = TestPki.Leaf(s_root, "x");
        var (all, none) = (s_root.CrlPem(null, leaf), s_root.CrlPem(null));
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(first ? all + none : none + all) }, leaf).Reason!.ShouldContain("revoked");
        var old = s_root.CrlPem(DateTimeOffset.UtcNow.AddDays(-1));
        Verify(s_trustsRoot with { Crl = DataSourceConfig.Inline(first ? old + none : none + old) }, leaf).Accepted.ShouldBeTrue();
    }

    [Fact]
    public void Crl_WithACriticalExtension_IsRefusedByTheConfig()
    {
        var der = new AsnWriter(AsnEncodingRules.DER);
        using (der.PushSequence())
        {
            using (der.PushSequence())
            {
                der.WriteInteger(1);
                Algorithm(der);
                der.WriteEncodedValue(s_root.Certificate.SubjectName.RawData);
                der.WriteUtcTime(DateTimeOffset.UtcNow.AddDays(-1));
                der.WriteUtcTime(DateTimeOffset.UtcNow.AddDays(1));
                using (der.PushSequence(new Asn1Tag(TagClass.ContextSpecific, 0)))
                using (der.PushSequence())
                using (der.PushSequence())
                {
                    der.WriteObjectIdentifier("2.5.29.27"); // a list of changes
                    der.WriteBoolean(true);
                    der.WriteOctetString([2, 1, 1]);
                }
            }

            Algorithm(der);
            der.WriteBitString([0]);
        }

        var config = s_trustsRoot with { Crl = new DataSourceConfig { InlineBytes = der.Encode() } };
        Should.Throw<ConfigException>(() => Verify(config, s_leaf)).Message.ShouldContain("2.5.29.27");

        static void Algorithm(AsnWriter der)
        {
            using (der.PushSequence())
            {
                der.WriteObjectIdentifier("1.2.840.10045.4.3.2");
            }
        }
    }

    [Fact]
    public void SystemRoots_WithoutAnyName_KnowNobody()
    {
        // Any authority serves here: what is asked is whether a good chain alone is enough.
        var verifier = new PeerVerifier(new CertificateValidationContextConfig(), isClient: true, required: true, [s_root.Certificate], revocation: null);
        var leaf = TestPki.Leaf(s_root, "anybody.test");
        using var chain = new X509Chain { ChainPolicy = verifier.ChainPolicy.Clone() };
        chain.Build(leaf.Certificate);
        verifier.Verify(leaf.Certificate, chain, default).Outcome.ShouldBe(PeerOutcome.NameMismatch);
        verifier.Verify(leaf.Certificate, chain, new PeerNames("anybody.test")).Accepted.ShouldBeTrue();
    }

    [Fact]
    public void Session_OfACertificateThatHasExpiredSince_IsRefused()
    {
        var leaf = TestPki.Create("CN=short", s_root, new TestCertificateOptions { NotAfter = DateTimeOffset.UtcNow.AddDays(2) });
        Verify(s_trustsRoot, leaf).ValidUntil!.Value.ShouldBe(leaf.Certificate.NotAfter.ToUniversalTime());
        var later = DateTimeOffset.UtcNow.AddDays(3);
        Verifier(s_trustsRoot).Resume(leaf.Certificate, validated: true, DateTimeOffset.UtcNow).ShouldBe(new PeerVerdict(PeerOutcome.Accepted, true, true));
        Verifier(s_trustsRoot).Resume(leaf.Certificate, validated: true, later).Outcome.ShouldBe(PeerOutcome.Untrusted);
        Verifier(s_trustsRoot with { AllowExpiredCertificate = true }).Resume(leaf.Certificate, validated: true, later).Accepted.ShouldBeTrue();
        Verifier(s_trustsRoot).Resume(null, validated: false, later).Outcome.ShouldBe(PeerOutcome.NoCertificate);
    }

    internal static PeerVerdict Verify(
        CertificateValidationContextConfig config, TestCertificate certificate, TestCertificate[]? sent = null, bool isClient = false, PeerNames expected = default)
    {
        var verifier = Verifier(config, isClient);
        using var chain = new X509Chain { ChainPolicy = verifier.ChainPolicy.Clone() };
        foreach (var extra in sent ?? (certificate.Issuer?.Issuer is null ? [] : [certificate.Issuer]))
        {
            chain.ChainPolicy.ExtraStore.Add(extra.Certificate);
        }

        chain.Build(certificate.Certificate);
        return verifier.Verify(certificate.Certificate, chain, expected);
    }

    private static PeerVerifier Verifier(CertificateValidationContextConfig config, bool isClient = false, bool required = true)
    {
        var errors = new ConfigErrors();
        if (isClient)
        {
            return TlsStateBuilder.Build(
                new UpstreamTlsContextConfig(), new CommonTlsContextConfig { ValidationContext = config }, errors)?.Verifier ?? throw new ConfigException(errors.All);
        }

        var common = new CommonTlsContextConfig { ValidationContext = config, TlsCertificates = [s_leaf.Config] };
        return TlsStateBuilder.Build(new DownstreamTlsContextConfig { RequireClientCertificate = required }, common, errors)?.Verifier
            ?? throw new ConfigException(errors.All);
    }
}
