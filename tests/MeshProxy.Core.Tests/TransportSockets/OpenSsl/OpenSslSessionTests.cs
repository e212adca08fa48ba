using System.Reflection;
using System.Runtime.InteropServices;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Tests.TransportSockets.Tls;
using MeshProxy.Core.TransportSockets.OpenSsl;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.OpenSsl;

/// <summary>Which connections take up an earlier session, and what they know then.</summary>
public sealed class OpenSslSessionTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost", "other.test");
    private static readonly TestCertificate s_person = TestPki.Leaf(s_root, "person.test");

    public OpenSslSessionTests() => TestTls.Implementation = TlsImplementation.OpenSsl;

    public static TheoryData<TlsProtocolVersion> Versions => [TlsProtocolVersion.Tls12, TlsProtocolVersion.Tls13];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Session_OfTheSameServer_IsTakenUpAndKnowsBothPeers(TlsProtocolVersion version)
    {
        var pair = new TlsPair(Server(version), Client(certificate: s_person));
        for (var i = 0; i < 3; i++)
        {
            Exchange(pair);
            pair.Counter("client.ssl.session_reused").ShouldBe(i);
            pair.Counter("server.ssl.session_reused").ShouldBe(i);
            var (server, client) = (pair.Server.Socket.Tls!, pair.Client.Socket.Tls!);
            (server.PeerCertificatePresented, server.PeerCertificateValidated, client.PeerCertificateValidated).ShouldBe((true, true, true));
            server.PeerDnsSans.ShouldBe(["person.test"]);
            client.PeerDnsSans.ShouldBe(["localhost", "other.test"]);
            client.LocalSubject.ShouldBe("CN=person.test");
            pair.Connect();
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Session_OfAPeerThatWasNotChecked_StaysUnchecked(TlsProtocolVersion version)
    {
        var stranger = TestPki.Leaf(TestPki.Root("CN=Stranger"), "stranger.test");
        var server = Server(version);
        var validation = server.CommonTlsContext.ValidationContext! with { TrustChainVerification = TrustChainVerification.AcceptUntrusted };
        var pair = new TlsPair(server with { CommonTlsContext = server.CommonTlsContext with { ValidationContext = validation } }, Client(certificate: stranger));
        Exchange(pair);
        pair.Connect();
        Exchange(pair);
        pair.Counter("server.ssl.session_reused").ShouldBe(1);
        var tls = pair.Server.Socket.Tls!;
        (tls.PeerCertificatePresented, tls.PeerCertificateValidated).ShouldBe((true, false));
    }

    [Fact]
    public void Session_WhereAnotherNameIsExpected_IsNotTakenUp()
    {
        var pair = new TlsPair(Server(TlsProtocolVersion.Tls12), Client());
        Exchange(pair);
        pair.Connect(new TransportSocketOptions { VerifySubjectAltNames = ["other.test"] });
        Exchange(pair);
        pair.Counter("client.ssl.session_reused").ShouldBe(0);

        pair.Connect(new TransportSocketOptions { VerifySubjectAltNames = ["absent.test"] });
        pair.Handshake().Client.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Counter("client.ssl.fail_verify_san").ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Session_AfterARotationOfTheClient_IsNotTakenUp(TlsProtocolVersion version)
    {
        var provider = new TlsSecretsTests.Provider { Current = Trust(s_root) };
        var pair = new TlsPair(Server(version), new UpstreamTlsContextConfig { Sni = "localhost", CommonTlsContext = new CommonTlsContextConfig { SecretProvider = provider } });
        Exchange(pair);
        provider.Give(Trust(TestPki.Root("CN=New Root")));
        pair.Connect();
        pair.Handshake().Client.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Counter("client.ssl.fail_verify_error").ShouldBe(1);

        static TlsSecrets Trust(TestCertificate root) => new() { ValidationContext = new CertificateValidationContextConfig { TrustedCa = root.Ca }, TlsCertificates = [s_person.Config] };
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Ticket_AfterARotationOfTheServer_IsNotTakenUp(TlsProtocolVersion version)
    {
        var provider = new TlsSecretsTests.Provider { Current = new TlsSecrets { TlsCertificates = [s_leaf.Config] } };
        var server = Server(version);
        var pair = new TlsPair(
            server with { CommonTlsContext = server.CommonTlsContext with { SecretProvider = provider, TlsCertificates = [] } }, Client(certificate: s_person));
        Exchange(pair);
        provider.Give(new TlsSecrets { ValidationContext = new CertificateValidationContextConfig { TrustedCa = TestPki.Root("CN=New Root").Ca }, TlsCertificates = [s_leaf.Config] });
        pair.Connect();
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Counter("server.ssl.fail_verify_error").ShouldBe(1);
    }

    [Theory]
    [InlineData(0u, false, 0)]
    [InlineData(1u, true, 0)]
    [InlineData(1u, false, 1)]
    public void Session_ResumptionOff_OnEitherSide_IsNotTakenUp(uint maxKeys, bool off, int expected)
    {
        var pair = new TlsPair(Server(TlsProtocolVersion.Tls13) with { DisableStatelessSessionResumption = off }, Client() with { MaxSessionKeys = maxKeys });
        Exchange(pair);
        pair.Connect();
        Exchange(pair);
        pair.Counter("server.ssl.session_reused").ShouldBe(expected);
    }

    [Fact]
    public void Sessions_WhoseServersCertificateHasExpired_AreNotOffered()
    {
        OpenSslLibrary.Missing.ShouldBeNull();
        var (now, key) = (DateTimeOffset.UtcNow, new OpenSslSessionKey(null, new PeerNames("a.test")));
        var sessions = new OpenSslSessions(2);
        var verdict = new PeerVerdict(PeerOutcome.Accepted, true, true, ValidUntil: now.AddHours(1));
        sessions.TryAdd(key, SSL_SESSION_new(), verdict, null).ShouldBeTrue();
        sessions.Take(key, now.AddHours(2)).ShouldBeNull();
        sessions.TryAdd(key, SSL_SESSION_new(), verdict, null).ShouldBeTrue();
        using var offered = sessions.Take(key, now);
        offered.ShouldNotBeNull();

        [DllImport("libssl.so.3")]
        static extern nint SSL_SESSION_new();
    }

    [Theory]
    [InlineData(TlsImplementation.OpenSsl, false)]
    [InlineData(TlsImplementation.OpenSsl, true)]
    [InlineData(TlsImplementation.SslStream, false)]
    [InlineData(TlsImplementation.SslStream, true)]
    public void KeyUpdates_ThatNothingComesBetween_EndTheConnection(TlsImplementation server, bool thenData)
    {
        TestTls.Implementation = server;
        var pair = new TlsPair(Server(TlsProtocolVersion.Tls13), Client());
        TestTls.Implementation = TlsImplementation.OpenSsl;
        pair.UseClient(Client());
        Exchange(pair, close: false);
        var ssl = (nint)typeof(OpenSslTransportSocket).GetField("_ssl", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(pair.Client.Socket)!;
        for (var i = 0; i < 200; i++)
        {
            Update(1); // as often as anybody may want
            pair.Client.WriteAsync("x");
            pair.Server.Read().IsOk.ShouldBeTrue();
        }

        Update(500);
        pair.Client.WriteAsync(thenData ? "x" : "");
        var read = pair.Server.Read();
        (read.IsOk ? pair.Server.Read() : read).Status.ShouldBe(IoStatus.TransportFailed);
        pair.Server.Socket.FailureReason!.ShouldContain("too many key updates");

        void Update(int times)
        {
            for (var i = 0; i < times; i++)
            {
                pair.Loop.Run(() =>
                {
                    SSL_key_update(ssl, 1).ShouldBe(1);
                    SSL_do_handshake(ssl).ShouldBe(1);
                });
            }
        }

        [DllImport("libssl.so.3")]
        static extern int SSL_key_update(nint ssl, int type);

        [DllImport("libssl.so.3")]
        static extern int SSL_do_handshake(nint ssl);
    }

    [Fact]
    public void Tickets_OfTls13_ServeOneConnectionEach()
    {
        var pair = new TlsPair(Server(TlsProtocolVersion.Tls13), Client() with { MaxSessionKeys = 2 });
        Exchange(pair); // brings two tickets
        for (var i = 1; i <= 3; i++)
        {
            pair.Connect();
            pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success)); // reads no further: no new ticket is seen
            pair.Counter("client.ssl.session_reused").ShouldBe(Math.Min(i, 2));
        }
    }

    /// <summary>Shakes hands, and reads: TLS 1.3's tickets come after the handshake.</summary>
    private static void Exchange(TlsPair pair, bool close = true)
    {
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        pair.Server.WriteAsync("x");
        pair.Client.Read().IsOk.ShouldBeTrue();
        if (close)
        {
            pair.Client.Close(CloseType.NoFlush);
        }
    }

    private static DownstreamTlsContextConfig Server(TlsProtocolVersion version)
    {
        var server = TlsServer.Context(s_leaf);
        return server with
        {
            CommonTlsContext = server.CommonTlsContext with
            {
                ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca },
                TlsParams = new TlsParametersConfig { TlsMinimumProtocolVersion = version, TlsMaximumProtocolVersion = version },
            },
        };
    }

    private static UpstreamTlsContextConfig Client(TestCertificate? certificate = null)
    {
        var client = UpstreamTlsTests.Context("localhost", s_root);
        return client with { CommonTlsContext = client.CommonTlsContext with { TlsCertificates = certificate is null ? [] : [certificate.Config] } };
    }
}
