using System.Security.Cryptography;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Tests.Network;
using MeshProxy.TestSupport.Simulation;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class SslStreamTransportSocketTests() : TlsTransportSocketTests(TlsImplementation.SslStream);

public sealed class OpenSslTransportSocketTests() : TlsTransportSocketTests(TlsImplementation.OpenSsl);

/// <summary>The same for either library.</summary>
public abstract class TlsTransportSocketTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(TestPki.Intermediate(s_root), "localhost");

    protected TlsTransportSocketTests(TlsImplementation implementation) => TestTls.Implementation = implementation;

    public static TheoryData<TlsProtocolVersion> Versions => [TlsProtocolVersion.Tls12, TlsProtocolVersion.Tls13];

    [Theory]
    [MemberData(nameof(Versions))]
    public void Handshake_ByteByByte_ThenEcho(TlsProtocolVersion version)
    {
        var pair = Pair(version, new SimulatedNetworkOptions { ByteByByte = true });
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        pair.Client.WriteAsync("hello");
        pair.Server.Read().ShouldBe(new IoResult(IoStatus.Ok, 5));
        pair.Server.WriteAsync("world");
        pair.Client.Read().IsOk.ShouldBeTrue();
        (pair.Server.Text, pair.Client.Text).ShouldBe(("hello", "world"));
        pair.Client.Socket.Tls!.ServerName.ShouldBe("localhost");
        pair.Server.Socket.Tls!.ServerName.ShouldBe("localhost");
        pair.Server.Socket.Tls!.Version.ShouldBe(version == TlsProtocolVersion.Tls12 ? "TLSv1.2" : "TLSv1.3");
        pair.Counter("server.ssl.handshake").ShouldBe(1);
        pair.Counter("client.ssl.handshake").ShouldBe(1);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Transfer_TornAndBlocked_ArrivesWhole(TlsProtocolVersion version)
    {
        var pair = Pair(version, new SimulatedNetworkOptions { TearSegments = true, SendWouldBlockProbability = 0.3, Seed = 7 });
        pair.Handshake();
        var bytes = RandomNumberGenerator.GetBytes(700_001);
        pair.Client.WriteAsync(bytes, endStream: true);
        while (pair.Server.Read().IsOk)
        {
        }

        pair.Server.Into.ToArray().AsSpan().SequenceEqual(bytes).ShouldBeTrue();
        pair.Server.Read().Status.ShouldBe(IoStatus.EndOfStream);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void HalfClose_OfTheClient_LetsTheServerAnswer(TlsProtocolVersion version)
    {
        var pair = Pair(version);
        pair.Handshake();
        pair.Client.WriteAsync("question", endStream: true);
        pair.Server.Read().Bytes.ShouldBe(8);
        pair.Server.Read().Status.ShouldBe(IoStatus.EndOfStream);
        pair.Server.WriteAsync("answer", endStream: true);
        pair.Client.Read().Bytes.ShouldBe(6);
        pair.Client.Read().Status.ShouldBe(IoStatus.EndOfStream);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Close_AfterFlush_SaysGoodbye(TlsProtocolVersion version)
    {
        var pair = Pair(version);
        pair.Handshake();
        _ = pair.Client.ReadAsync(); // takes the session tickets: a close with unread bytes is a reset
        pair.Client.WriteAsync("last words");
        pair.Client.Close(CloseType.FlushWrite);
        pair.Server.Read().Bytes.ShouldBe(10);
        pair.Server.Read().Status.ShouldBe(IoStatus.EndOfStream);
        pair.Server.Read().Status.ShouldBe(IoStatus.EndOfStream);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void End_WithoutGoodbye_IsTruncated(TlsProtocolVersion version)
    {
        var pair = Pair(version);
        pair.Handshake();
        pair.Client.WriteAsync("a body that ends with the connection");
        pair.Server.Read().IsOk.ShouldBeTrue();
        _ = pair.Client.ReadAsync();
        pair.Client.Close(CloseType.NoFlush);
        pair.Server.Read().Status.ShouldBe(IoStatus.Truncated);
        pair.Server.Read().Status.ShouldBe(IoStatus.Truncated);
        pair.Server.Socket.FailureReason!.ShouldContain("close_notify");
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void End_WithinARecord_GivesWhatIsWholeAndIsTruncated(TlsProtocolVersion version)
    {
        var pair = Pair(version);
        pair.Handshake();
        pair.Client.WriteAsync(new byte[20_000]); // two records
        pair.Client.Wire.Cut = 10;
        pair.Server.Read().Bytes.ShouldBe(16_384);
        pair.Server.Wire.Peer.ShutdownSend();
        pair.Server.Read().Status.ShouldBe(IoStatus.Truncated);
    }

    [Fact]
    public void Record_Tampered_FailsTheRead()
    {
        var pair = Pair(TlsProtocolVersion.Tls13);
        pair.Handshake();
        pair.Server.Wire.Peer.Send([23, 3, 3, 0, 32, .. new byte[32]]);
        pair.Server.Read().Status.ShouldBe(IoStatus.TransportFailed);
        pair.Server.Read().Status.ShouldBe(IoStatus.TransportFailed);
        pair.Server.WriteAsync("x").Now().Status.ShouldBe(IoStatus.TransportFailed);
    }

    [Fact]
    public void Record_OfNoKnownType_FailsTheRead()
    {
        var pair = Pair(TlsProtocolVersion.Tls13);
        pair.Handshake();
        pair.Server.Wire.Peer.Send("GET / HTTP/1.1\r\n\r\n");
        pair.Server.Read().Status.ShouldBe(IoStatus.TransportFailed);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nhost: a\r\n\r\n")]
    [InlineData("\x16\x03\x01\x00\x04\x02\x00\x00\x00")]
    [InlineData("\x16\x03\x01\x00\x2e\x01\x00\x00\x2a\x03\x03")]
    [InlineData("\x80\x2e\x01\x03\x01")]
    public void Garbage_InPlaceOfAHello_FailsWithoutAnException(string garbage)
    {
        var pair = Pair(TlsProtocolVersion.Auto);
        var handshake = pair.Server.HandshakeAsync();
        var faults = 0;
        var thread = Environment.CurrentManagedThreadId;
        void OnFirstChance(object? sender, System.Runtime.ExceptionServices.FirstChanceExceptionEventArgs e) =>
            faults += Environment.CurrentManagedThreadId == thread ? 1 : 0;
        AppDomain.CurrentDomain.FirstChanceException += OnFirstChance;
        try
        {
            pair.Server.Wire.Peer.Send(garbage);
            pair.Server.Wire.Peer.ShutdownSend();
            pair.Loop.RunUntilIdle();
        }
        finally
        {
            AppDomain.CurrentDomain.FirstChanceException -= OnFirstChance;
        }

        handshake.Now().Status.ShouldBe(IoStatus.TransportFailed);
        faults.ShouldBe(0);
        pair.Server.Socket.FailureReason.ShouldNotBeNullOrEmpty();
        pair.Counter("server.ssl.connection_error").ShouldBe(1);
    }

    [Fact]
    public void Handshake_PeerGoesInTheMiddle_Fails()
    {
        var pair = Pair(TlsProtocolVersion.Tls12);
        var server = pair.Server.HandshakeAsync();
        _ = pair.Client.HandshakeAsync();
        pair.Loop.RunUntilIdle();
        pair.Client.Wire.CarryTo(pair.Server.Wire);
        pair.Loop.RunUntilIdle();
        pair.Server.Wire.Peer.ShutdownSend();
        pair.Loop.RunUntilIdle();
        server.Now().Status.ShouldBe(IoStatus.TransportFailed);
        pair.Server.Socket.FailureReason.ShouldBe("connection closed during the handshake");
        pair.Server.Close(CloseType.NoFlush);
        pair.Client.Close(CloseType.NoFlush);
        pair.Loop.RunUntilIdle();
        pair.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Handshake_ConnectionClosedMeanwhile_EndsAndHoldsNothing()
    {
        var pair = Pair(TlsProtocolVersion.Tls13);
        var server = pair.Server.HandshakeAsync();
        _ = pair.Client.HandshakeAsync();
        pair.Loop.RunUntilIdle();
        pair.Client.Wire.CarryTo(pair.Server.Wire);
        pair.Loop.RunUntilIdle();
        pair.Server.Close(CloseType.NoFlush);
        pair.Client.Close(CloseType.NoFlush);
        pair.Loop.RunUntilIdle();
        server.Now().Status.ShouldBe(IoStatus.Closed);
        pair.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public void Idle_Connection_HoldsNoBuffer(TlsProtocolVersion version)
    {
        var pair = Pair(version);
        pair.Handshake();
        var server = pair.Server.ReadAsync();
        pair.Client.WriteAsync("x");
        pair.Carry();
        server.IsCompleted.ShouldBeTrue();
        pair.Server.Into.Clear();
        _ = pair.Server.ReadAsync();
        pair.Carry();
        pair.Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Verification_OfTheServer_FailsBothEndsWithAReason()
    {
        var stranger = TestPki.Root("CN=Stranger");
        var client = UpstreamTlsTests.Context("localhost", stranger);
        var pair = new TlsPair(TlsServer.Context(s_leaf), client);
        pair.Handshake().Client.Status.ShouldBe(IoStatus.TransportFailed);
        pair.Client.Socket.FailureReason!.ShouldContain("certificate verify failed");
        pair.Counter("client.ssl.fail_verify_error").ShouldBe(1);
    }

    [Fact]
    public void ClientCertificate_Required_IsSeenByTheServer()
    {
        var issuer = TestPki.Intermediate(s_root);
        var person = TestPki.Create("CN=client, O=\"Acme, Inc.\", C=DE", issuer, new TestCertificateOptions
        {
            Dns = ["client.example.com"],
            Uris = ["spiffe://td/client"],
            Emails = ["c@example.com"],
            Ips = ["10.0.0.1"],
        });
        var pair = Mutual(person, required: true);
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        var tls = pair.Server.Socket.Tls!;
        tls.PeerCertificatePresented.ShouldBeTrue();
        tls.PeerCertificateValidated.ShouldBeTrue();
        tls.PeerSubject.ShouldBe("CN=client,O=Acme\\, Inc.,C=DE");
        tls.PeerIssuer.ShouldBe("CN=Test Intermediate");
        tls.CipherSuite.ShouldStartWith("ECDHE-ECDSA-");
        tls.PeerSerialNumber.ShouldBe(person.Certificate.SerialNumber.ToLowerInvariant());
        tls.PeerFingerprint256.ShouldBe(person.Certificate.GetCertHashString(HashAlgorithmName.SHA256).ToLowerInvariant());
        tls.PeerDnsSans.ShouldBe(["client.example.com"]);
        tls.PeerUriSans.ShouldBe(["spiffe://td/client"]);
        tls.PeerEmailSans.ShouldBe(["c@example.com"]);
        tls.PeerIpSans.ShouldBe(["10.0.0.1"]);
        Uri.UnescapeDataString(tls.PeerCertificatePem!).ShouldBe(person.CertificatePem);
        tls.LocalDnsSans.ShouldBe(["localhost"]);
        pair.Client.Socket.Tls!.PeerDnsSans.ShouldBe(["localhost"]);
        pair.Client.Socket.Tls!.LocalSubject.ShouldStartWith("CN=client,");

        // The log is written after the end.
        pair.Server.Close(CloseType.NoFlush);
        tls.PeerValidTo.ShouldBe(new DateTimeOffset(person.Certificate.NotAfter));
        Uri.UnescapeDataString(tls.PeerCertificateChainPem!).ShouldBe(person.CertificatePem + issuer.CertificatePem);
    }

    [Theory]
    [InlineData(true, "server.ssl.fail_verify_no_cert")]
    [InlineData(false, "server.ssl.no_certificate")]
    public void ClientCertificate_Missing_FailsWhereRequired(bool required, string counter)
    {
        var pair = Mutual(null, required);
        pair.Handshake().Server.IsOk.ShouldBe(!required);
        pair.Counter(counter).ShouldBe(1);
    }

    [Fact]
    public void Alpn_FirstSharedProtocolOfTheServer_OrNone()
    {
        Negotiate(["h2", "http/1.1"], ["http/1.1", "h2"]).ShouldBe("h2");
        Negotiate(["h2", "http/1.1"], ["http/1.1"]).ShouldBe("http/1.1");
        Negotiate(["h2"], ["http/1.1"]).ShouldBeNull();
        Negotiate([], ["http/1.1"]).ShouldBeNull();

        static string? Negotiate(string[] server, string[] client)
        {
            var down = TlsServer.Context(s_leaf);
            var up = UpstreamTlsTests.Context("localhost", s_root);
            var pair = new TlsPair(
                down with { CommonTlsContext = down.CommonTlsContext with { AlpnProtocols = server } },
                up,
                clientOptions: new TransportSocketOptions { ApplicationProtocols = client });
            pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
            pair.Client.Socket.Tls!.ApplicationProtocol.ShouldBe(pair.Server.Socket.Tls!.ApplicationProtocol);
            return pair.Server.Socket.Tls!.ApplicationProtocol;
        }
    }

    [Theory]
    [InlineData("a.example.com", "a.example.com")]
    [InlineData("A.Example.Com", "a.example.com")]
    [InlineData("b.example.com", "*.example.com")]
    [InlineData("x.b.example.com", "default.test")]
    [InlineData("unknown.test", "default.test")]
    public void Certificate_OfSeveral_IsPickedByName(string sni, string expected)
    {
        var certificates = new[] { "default.test", "*.example.com", "a.example.com" }.Select(name => TestPki.Leaf(s_root, name)).ToArray();
        var pair = new TlsPair(TlsServer.Context(certificates), Untrusting(sni));
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        pair.Client.Socket.Tls!.PeerDnsSans.ShouldBe([expected]);
    }

    [Fact]
    public void Certificate_NameMustMatchAndDoesNot_FailsTheHandshake()
    {
        var pair = new TlsPair(TlsServer.Context(s_leaf) with { RequireServerNameMatch = true }, Untrusting("other.test"));
        pair.Handshake().Server.Status.ShouldBe(IoStatus.TransportFailed);
    }

    [Theory]
    [InlineData("ECDHE-RSA-AES128-GCM-SHA256", TlsProtocolVersion.Tls12, false)]
    [InlineData("ECDHE-ECDSA-AES128-GCM-SHA256", TlsProtocolVersion.Tls12, true)]
    [InlineData(null, TlsProtocolVersion.Tls13, true)]
    public void Certificate_RsaAndEcdsaOfOneName_TheClientDecides(string? cipher, TlsProtocolVersion version, bool ecdsa)
    {
        var rsa = TestPki.Create("CN=rsa", s_root, new TestCertificateOptions { IsRsa = true, Dns = ["localhost"] });
        var client = Untrusting("localhost");
        client = client with
        {
            CommonTlsContext = client.CommonTlsContext with
            {
                TlsParams = new TlsParametersConfig { TlsMaximumProtocolVersion = version, CipherSuites = cipher is null ? [] : [cipher] },
            },
        };
        var pair = new TlsPair(TlsServer.Context(rsa, s_leaf), client);
        pair.Handshake().ShouldBe((IoResult.Success, IoResult.Success));
        (pair.Client.Socket.Tls!.PeerSubject != "CN=rsa").ShouldBe(ecdsa);
    }

    private static TlsPair Mutual(TestCertificate? person, bool required)
    {
        var server = TlsServer.Context(s_leaf);
        server = server with
        {
            RequireClientCertificate = required,
            CommonTlsContext = server.CommonTlsContext with
            {
                ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca },
                TlsParams = new TlsParametersConfig { TlsMaximumProtocolVersion = TlsProtocolVersion.Tls12 },
            },
        };
        var client = UpstreamTlsTests.Context("localhost", s_root);
        return new TlsPair(
            server, client with { CommonTlsContext = client.CommonTlsContext with { TlsCertificates = person is null ? [] : [person.Config] } });
    }

    private static UpstreamTlsContextConfig Untrusting(string sni) => new()
    {
        Sni = sni,
        CommonTlsContext = new CommonTlsContextConfig
        {
            ValidationContext = new CertificateValidationContextConfig { TrustChainVerification = TrustChainVerification.AcceptUntrusted },
        },
    };

    private static TlsPair Pair(TlsProtocolVersion version, SimulatedNetworkOptions? options = null)
    {
        var server = TlsServer.Context(s_leaf);
        server = server with
        {
            CommonTlsContext = server.CommonTlsContext with
            {
                TlsParams = new TlsParametersConfig { TlsMinimumProtocolVersion = version, TlsMaximumProtocolVersion = version },
            },
        };
        return new TlsPair(server, UpstreamTlsTests.Context("localhost", s_root), options);
    }
}
