using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Stats;
using MeshProxy.Core.TransportSockets;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.TestSupport.Tls;
using Microsoft.Extensions.Logging;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class SslStreamSecretsTests() : TlsSecretsTests(TlsImplementation.SslStream);

public sealed class OpenSslSecretsTests() : TlsSecretsTests(TlsImplementation.OpenSsl);

/// <summary>Certificates and authorities of a provider, and what one connection wants otherwise than its cluster.</summary>
public abstract class TlsSecretsTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost", "other.test");

    protected TlsSecretsTests(TlsImplementation implementation) => TestTls.Implementation = implementation;

    [Fact]
    public void Provider_ThatHasGivenNothing_FailsHandshakes()
    {
        var pair = new TlsPair(Provided(new Provider()), UpstreamTlsTests.Context("localhost", s_root));
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Server.Socket.FailureReason!.ShouldContain("no certificate");
    }

    [Fact]
    public void Provider_ThatGivesLater_LetsHandshakesThrough()
    {
        var provider = new Provider { Current = new TlsSecrets { TlsCertificates = [s_leaf.Config] } };
        new TlsPair(Provided(provider), UpstreamTlsTests.Context("localhost", s_root)).Handshake().ShouldBe((IoResult.Success, IoResult.Success));
    }

    [Fact]
    public void Provider_SecretsThatCannotBeUsed_AreLoggedWithoutThemAndThoseBeforeStay()
    {
        var stats = new StatsStore(0);
        var log = new ListLogger();
        var provider = new Provider { Current = new TlsSecrets { TlsCertificates = [s_leaf.Config] } };
        using (var factory = TlsTransportSockets.Downstream(
            Provided(provider), new TransportSocketFactoryContext { Stats = stats.Root, LoggerFactory = log, TlsImplementation = TestTls.Implementation }))
        {
            Value("ssl.secrets_updated").ShouldBe(1);
            var stranger = TestPki.Leaf(s_root, "stranger");
            provider.Give(new TlsSecrets { TlsCertificates = [TlsCertificateConfig.FromPem(s_leaf.ChainPem, stranger.KeyPem)] });
            (Value("ssl.secrets_updated"), Value("ssl.secrets_update_rejected")).ShouldBe((1, 1));
            var line = log.Lines.ShouldHaveSingleItem();
            line.ShouldContain("tls_certificates[0].private_key");
            line.ShouldNotContain(stranger.KeyPem.Split('\n')[1]);
            provider.Give(new TlsSecrets { TlsCertificates = [stranger.Config] });
            Value("ssl.secrets_updated").ShouldBe(2);
        }

        provider.Subscribers.ShouldBe(0);

        long Value(string name) => ((CellStat)stats.Find(name)!).Value;
    }

    [Fact]
    public void Provider_OfAuthorities_DecidesWhomToTrust()
    {
        var provider = new Provider
        {
            Current = new TlsSecrets { ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca } },
        };
        var client = new UpstreamTlsContextConfig { Sni = "localhost", CommonTlsContext = new CommonTlsContextConfig { SecretProvider = provider } };
        new TlsPair(TlsServer.Context(s_leaf), client).Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        provider.Current = new TlsSecrets { ValidationContext = new CertificateValidationContextConfig { TrustedCa = TestPki.Root("CN=Other").Ca } };
        new TlsPair(TlsServer.Context(s_leaf), client).Handshake().Client.Status.ShouldBe(IoStatus.TransportFailed);
    }

    [Fact]
    public void Provider_ThatTurnsVerificationOff_IsLogged()
    {
        var log = new ListLogger();
        var provider = new Provider { Current = new TlsSecrets { ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca } } };
        using var factory = TlsTransportSockets.Upstream(
            new UpstreamTlsContextConfig { Sni = "localhost", CommonTlsContext = new CommonTlsContextConfig { SecretProvider = provider } },
            new TransportSocketFactoryContext { Stats = new StatsStore(0).Root, LoggerFactory = log, TlsImplementation = TestTls.Implementation });
        log.Lines.ShouldBeEmpty();

        provider.Give(new TlsSecrets
        {
            ValidationContext = new CertificateValidationContextConfig { TrustChainVerification = TrustChainVerification.AcceptUntrusted },
        });
        log.Lines.ShouldHaveSingleItem().ShouldContain("ACCEPT_UNTRUSTED");
    }

    [Fact]
    public void Provider_WithoutAuthorities_LetsNobodyInWhereACertificateIsRequired()
    {
        var config = Provided(new Provider { Current = new TlsSecrets { TlsCertificates = [s_leaf.Config] } }) with { RequireClientCertificate = true };
        var pair = new TlsPair(config, UpstreamTlsTests.Context("localhost", s_root));
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Counter("server.ssl.secrets_update_rejected").ShouldBe(1);
    }

    [Theory]
    [InlineData("localhost", true)]
    [InlineData("stranger.test", false)]
    public void Provider_OfAuthoritiesAlone_LeavesTheNamesThatTheConfigDemands(string name, bool accepted)
    {
        var names = new CertificateValidationContextConfig
        {
            MatchTypedSubjectAltNames = [new SubjectAltNameMatcherConfig { Matcher = new StringMatcherConfig { Exact = name } }],
        };
        var client = new UpstreamTlsContextConfig
        {
            CommonTlsContext = new CommonTlsContextConfig
            {
                ValidationContext = names,
                SecretProvider = new Provider { Current = new TlsSecrets { ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca } } },
            },
        };
        new TlsPair(TlsServer.Context(s_leaf), client).Handshake().Client.IsOk.ShouldBe(accepted);
    }

    [Fact]
    public void Provider_OfNamesWithoutAuthorities_IsRejected()
    {
        var names = new CertificateValidationContextConfig
        {
            MatchTypedSubjectAltNames = [new SubjectAltNameMatcherConfig { Matcher = new StringMatcherConfig { Exact = "friend.test" } }],
        };
        var server = Provided(new Provider { Current = new TlsSecrets { TlsCertificates = [s_leaf.Config], ValidationContext = names } });
        var impostor = TestPki.Leaf(TestPki.Root("CN=Impostor"), "friend.test");
        var client = UpstreamTlsTests.Context("localhost", s_root);
        var pair = new TlsPair(server, client with { CommonTlsContext = client.CommonTlsContext with { TlsCertificates = [impostor.Config] } });
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Counter("server.ssl.secrets_update_rejected").ShouldBe(1);
    }

    [Theory]
    [InlineData("other.test", "other.test", true)]
    [InlineData("third.test", "third.test", false)]
    public void Connection_WithANameOfItsOwn_AsksForItAndVerifiesIt(string name, string seen, bool accepted)
    {
        var pair = new TlsPair(
            TlsServer.Context(s_leaf), UpstreamTlsTests.Context("localhost", s_root), clientOptions: new TransportSocketOptions { ServerNameOverride = name });
        pair.Handshake().Client.IsOk.ShouldBe(accepted);
        if (accepted)
        {
            pair.Server.Socket.Tls!.ServerName.ShouldBe(seen);
        }
    }

    [Theory]
    [InlineData("other.test", true)]
    [InlineData("third.test", false)]
    public void Connection_WithNamesToVerify_TakesThemInThePlaceOfTheServerName(string name, bool accepted)
    {
        var options = new TransportSocketOptions { VerifySubjectAltNames = [name] };
        new TlsPair(TlsServer.Context(s_leaf), UpstreamTlsTests.Context("localhost", s_root), clientOptions: options).Handshake().Client.IsOk.ShouldBe(accepted);
    }

    private static DownstreamTlsContextConfig Provided(ITlsSecretProvider provider) =>
        new() { CommonTlsContext = new CommonTlsContextConfig { SecretProvider = provider } };

    internal sealed class Provider : ITlsSecretProvider
    {
        private readonly List<Action> _subscribers = [];

        public TlsSecrets? Current { get; set; }

        public int Subscribers => _subscribers.Count;

        public void Give(TlsSecrets secrets)
        {
            Current = secrets;
            _subscribers.ToList().ForEach(static changed => changed());
        }

        public IDisposable Subscribe(Action changed)
        {
            _subscribers.Add(changed);
            return new Subscription(() => _subscribers.Remove(changed));
        }

        private sealed class Subscription(Action end) : IDisposable
        {
            public void Dispose() => end();
        }
    }

    private sealed class ListLogger : ILoggerFactory, ILogger
    {
        public List<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public void Dispose()
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Add(formatter(state, exception) + exception);
    }
}
