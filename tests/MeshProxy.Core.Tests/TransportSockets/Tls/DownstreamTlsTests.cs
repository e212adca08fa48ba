using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Tests.Server;
using MeshProxy.Core.TransportSockets.Tls;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Core.Tests.TransportSockets.Tls;

public sealed class DownstreamSslStreamTests() : DownstreamTlsTests(TlsImplementation.SslStream);

public sealed class DownstreamOpenSslTests() : DownstreamTlsTests(TlsImplementation.OpenSsl);

/// <summary>The same for either library.</summary>
public abstract class DownstreamTlsTests
{
    private static readonly TestCertificate s_root = TestPki.Root();
    private static readonly TestCertificate s_leaf = TestPki.Leaf(s_root, "localhost");

    protected DownstreamTlsTests(TlsImplementation implementation) => TestTls.Implementation = implementation;

    [Theory]
    [InlineData(SslProtocols.Tls12, "TLSv1.2")]
    [InlineData(SslProtocols.Tls13, "TLSv1.3")]
    public async Task Handshake_OfEitherVersion_CarriesBytesBothWays(SslProtocols version, string name)
    {
        await using var server = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        using (var client = await TlsClient.ConnectAsync(server, o => o.EnabledSslProtocols = version))
        {
            client.Stream.SslProtocol.ShouldBe(version);
            (await client.EchoAsync("hello")).ShouldBe("hello");
            (await client.EchoAsync("again")).ShouldBe("again");
        }

        await server.StatIsAsync("listener.main.ssl.handshake", 1);
        server.Counter($"listener.main.ssl.versions.{name}").ShouldBe(1);
        await server.NothingIsLeftAsync();
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Transfer_OfManyMegabytes_ArrivesWhole(SslProtocols version)
    {
        await using var server = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        using (var client = await TlsClient.ConnectAsync(server, o => o.EnabledSslProtocols = version))
        {
            var sent = new byte[8_000_001];
            RandomNumberGenerator.Fill(sent);
            var send = client.Stream.WriteAsync(sent).AsTask();
            var received = new byte[sent.Length];
            await client.Stream.ReadExactlyAsync(received).AsTask().WaitAsync(ServerHarness.Patience);
            await send.WaitAsync(ServerHarness.Patience);
            received.AsSpan().SequenceEqual(sent).ShouldBeTrue();
        }

        await server.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Certificates_OfAProvider_ChangeForNewHandshakesOnly()
    {
        var folder = Directory.CreateTempSubdirectory("meshproxy-tls").FullName;
        try
        {
            var (chain, key) = TestPki.Leaf(s_root, "localhost", "first").Save(folder, "server");
            using var provider = new FileTlsSecretProvider(chain, key, interval: TimeSpan.FromHours(1));
            await using var server = await TlsServer.StartAsync(
                new DownstreamTlsContextConfig { CommonTlsContext = new CommonTlsContextConfig { SecretProvider = provider } });
            using (var old = await TlsClient.ConnectAsync(server))
            {
                Names(old).ShouldContain("first");
                TestPki.Leaf(s_root, "localhost", "second").Save(folder, "server");
                provider.Refresh().ShouldBeTrue();
                using (var fresh = await TlsClient.ConnectAsync(server))
                {
                    Names(fresh).ShouldContain("second");
                }

                (await old.EchoAsync("still here")).ShouldBe("still here");

                // Half of a pair: the files stay unused until they fit.
                File.WriteAllText(key, TestPki.Leaf(s_root, "localhost").KeyPem);
                provider.Refresh().ShouldBeFalse();
                using var later = await TlsClient.ConnectAsync(server);
                Names(later).ShouldContain("second");
            }

            await server.NothingIsLeftAsync();
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        static string Names(TlsClient client) =>
            string.Join(' ', new X509SubjectAlternativeNameExtension(((X509Certificate2)client.Stream.RemoteCertificate!).Extensions["2.5.29.17"]!.RawData).EnumerateDnsNames());
    }

    [Fact]
    public async Task ClientCertificate_WhoseUrlsHang_DelaysNobody()
    {
        // Listens, and never answers: whoever asks it waits.
        using var black = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        black.Start();
        var url = $"http://127.0.0.1:{((System.Net.IPEndPoint)black.LocalEndpoint).Port}/x";

        // The issuer of this certificate is not among what the client sends: there would be reason to fetch it.
        var unsent = TestPki.Intermediate(s_root);
        var person = TestPki.Create("CN=person", unsent, new TestCertificateOptions { IssuerUrl = url, CrlUrl = url });
        var tls = TlsServer.Context(s_leaf);
        tls = tls with
        {
            RequireClientCertificate = true,
            CommonTlsContext = tls.CommonTlsContext with
            {
                ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca },
                TlsParams = new TlsParametersConfig { TlsMaximumProtocolVersion = TlsProtocolVersion.Tls12 },
            },
        };
        await using var server = await new ServerHarness(EventLoopKind.Auto, concurrency: 1).StartAsync(TlsServer.Listener(tls));
        await ShouldBeRefusedAsync(server, person);
        await server.StatIsAsync("listener.main.ssl.fail_verify_error", 1);
        black.Pending().ShouldBeFalse("the worker has asked for the issuer or the list");

        var good = TestPki.Create("CN=good", s_root, new TestCertificateOptions { IssuerUrl = url, CrlUrl = url });
        using (var client = await TlsClient.ConnectAsync(server, o => o.ClientCertificateContext = Shown(good)))
        {
            (await client.EchoAsync("in")).ShouldBe("in");
        }

        black.Pending().ShouldBeFalse();
        await server.NothingIsLeftAsync();
    }

    /// <summary>How long a worker may take is what benchmarks/compare/client-certificates measures; here it goes on between the parts of such handshakes.</summary>
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Handshakes_WithCertificatesWhoseUrlsHang_LetTheOthersOnTheirWorkerGoOn(SslProtocols version)
    {
        const int Each = 4;
        using var black = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        black.Start();
        var url = $"http://127.0.0.1:{((System.Net.IPEndPoint)black.LocalEndpoint).Port}/x";
        var urls = new TestCertificateOptions { IssuerUrl = url, CrlUrl = url };
        var known = TestPki.Create("CN=known", s_root, urls);
        var unknown = TestPki.Create("CN=unknown", TestPki.Intermediate(s_root), urls); // by an issuer that is not sent
        var tls = TlsServer.Context(s_leaf);
        tls = tls with
        {
            RequireClientCertificate = true,
            CommonTlsContext = tls.CommonTlsContext with { ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca } },
        };
        await using var server = await new ServerHarness(EventLoopKind.Auto, concurrency: 1).StartAsync(TlsServer.Listener(tls));
        using (var other = await TlsClient.ConnectAsync(server, o => o.ClientCertificateContext = Shown(TestPki.Leaf(s_root, "other"))))
        {
            (await other.EchoAsync("first")).ShouldBe("first");

            // The server has the certificates, and not yet the end of the handshakes.
            var release = new TaskCompletionSource();
            var held = new System.Collections.Concurrent.ConcurrentBag<Task>();
            var handshakes = Enumerable.Range(0, 2 * Each).Select(i => ConnectAsync(i % 2 == 0)).ToArray();
            await ServerHarness.EventuallyAsync(() => held.Count == 2 * Each, "the clients' connections");
            await Task.WhenAll(held).WaitAsync(ServerHarness.Patience);
            for (var i = 0; i < 50; i++)
            {
                (await other.EchoAsync("between")).ShouldBe("between");
            }

            server.Counter("listener.main.ssl.handshake").ShouldBe(1);
            release.SetResult();
            var all = Task.WhenAll(handshakes);
            do
            {
                (await other.EchoAsync("beside")).ShouldBe("beside");
            }
            while (!all.IsCompleted);

            (await all).Count(taken => taken).ShouldBe(Each);
            black.Pending().ShouldBeFalse("somebody has asked for the issuer or the list");

            async Task<bool> ConnectAsync(bool isKnown)
            {
                try
                {
                    using var client = await TlsClient.ConnectAsync(
                        server,
                        o => (o.ClientCertificateContext, o.EnabledSslProtocols) = (Shown(isKnown ? known : unknown), version),
                        stream =>
                        {
                            var holding = new HoldingStream(stream, release.Task);
                            held.Add(holding.Held);
                            return holding;
                        });
                    return await client.EchoAsync("in") == "in";
                }
                catch (Exception exception) when (exception is IOException or AuthenticationException)
                {
                    return false;
                }
            }
        }

        await server.StatIsAsync("listener.main.ssl.fail_verify_error", Each);
        server.Counter("listener.main.ssl.handshake").ShouldBe(1 + Each);
        await server.NothingIsLeftAsync();
    }

    /// <summary>A server may learn of the certificate after the client has done its part: the end then shows at the first read.</summary>
    private static async Task ShouldBeRefusedAsync(ServerHarness server, TestCertificate certificate)
    {
        try
        {
            using var client = await TlsClient.ConnectAsync(server, o => o.ClientCertificateContext = Shown(certificate));
            (await client.ReceiveAsync(1)).ShouldBe("");
        }
        catch (Exception exception) when (exception is IOException or AuthenticationException)
        {
            // An alert, or the end within the handshake.
        }
    }

    /// <summary>Made without looking for issuers on the network: the client of a test would else do what the server must not.</summary>
    private static SslStreamCertificateContext Shown(TestCertificate certificate) =>
        SslStreamCertificateContext.Create(certificate.WithKey, null, offline: true);

    [Theory]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls13, false)]
    [InlineData(SslProtocols.Tls13, true)]
    public async Task Session_TakenUpAgain_IsCountedUnlessTurnedOff(SslProtocols version, bool off)
    {
        var name = $"resume-{GetType().Name}-{version}-{off}.test".ToLowerInvariant(); // the client's cache is the process's, and both libraries' tests run at once
        await using var server = await TlsServer.StartAsync(TlsServer.Context(TestPki.Leaf(s_root, name)) with { DisableStatelessSessionResumption = off });
        for (var i = 0; i < 3; i++)
        {
            using var client = await TlsClient.ConnectAsync(server, o => (o.EnabledSslProtocols, o.TargetHost) = (version, name));
            (await client.EchoAsync("hello")).ShouldBe("hello");
        }

        await server.StatIsAsync("listener.main.ssl.handshake", 3);
        server.Counter("listener.main.ssl.session_reused").ShouldBe(off ? 0 : 2);
    }

    [Theory]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls13, false)]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls13, true)]
    public async Task Session_TakenUpAgain_StillHasTheClientsCertificate(SslProtocols version, bool byIntermediate)
    {
        var name = $"resume-mutual-{GetType().Name}-{version}-{byIntermediate}.test".ToLowerInvariant();
        var tls = TlsServer.Context(TestPki.Leaf(s_root, name));
        tls = tls with
        {
            RequireClientCertificate = true,
            CommonTlsContext = tls.CommonTlsContext with { ValidationContext = new CertificateValidationContextConfig { TrustedCa = s_root.Ca } },
        };
        var subjects = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        var harness = new ServerHarness(EventLoopKind.Auto);
        harness.Terminal("subject", () => new SubjectFilter(subjects));
        await using var server = await harness.StartAsync(TlsServer.Listener(tls, "subject"));
        var intermediate = TestPki.Intermediate(s_root);
        var shown = byIntermediate
            ? SslStreamCertificateContext.Create(TestPki.Leaf(intermediate, "client").WithKey, [intermediate.Certificate], offline: true)
            : Shown(TestPki.Leaf(s_root, "client"));
        for (var i = 0; i < 3; i++)
        {
            using var client = await TlsClient.ConnectAsync(
                server, o => (o.EnabledSslProtocols, o.TargetHost, o.ClientCertificateContext) = (version, name, shown));
            (await client.ReceiveAsync(2)).ShouldBe("ok");
        }

        subjects.ShouldBe(["CN=client", "CN=client", "CN=client"]);
        server.Counter("listener.main.ssl.session_reused").ShouldBeGreaterThan(0);
        server.Counter("listener.main.ssl.no_certificate").ShouldBe(0);
    }

    /// <summary>Notes who the client is, and says so.</summary>
    private sealed class SubjectFilter(System.Collections.Concurrent.ConcurrentQueue<string?> subjects) : ITerminalFilter
    {
        private INetworkFilterCallbacks _callbacks = null!;

        public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

        public async ValueTask RunAsync()
        {
            subjects.Enqueue(_callbacks.StreamInfo.DownstreamTls?.PeerSubject);
            var data = new IoBuffer(_callbacks.Loop.Slabs);
            data.Append("ok"u8);
            await _callbacks.WriteAsync(data, endStream: false);
            while ((await _callbacks.ReadAsync(data)).IsOk)
            {
                data.Clear();
            }
        }
    }

    [Fact]
    public async Task Handshake_ThatDoesNotComeOn_TimesOut()
    {
        await using var server = await new ServerHarness(EventLoopKind.Auto).StartAsync(
            TlsServer.Listener(TlsServer.Context(s_leaf), handshakeTimeout: TimeSpan.FromMilliseconds(100)));
        using var client = await server.ConnectAsync();
        await client.Socket.SendAsync(new byte[] { 0x16, 3, 1, 0, 100 });
        await client.ShouldBeClosedAsync();
        await server.StatIsAsync("listener.main.downstream_cx_transport_socket_connect_timeout", 1);
        await server.NothingIsLeftAsync();
    }

    [Fact]
    public async Task Garbage_OfManyClients_CostsOthersNothing()
    {
        await using var server = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        for (var i = 0; i < 20; i++)
        {
            using var garbage = await server.ConnectAsync();
            await garbage.SendAsync("GET / HTTP/1.1\r\n\r\n");
            await garbage.ShouldBeClosedAsync();
        }

        using (var client = await TlsClient.ConnectAsync(server))
        {
            (await client.EchoAsync("hello")).ShouldBe("hello");
        }

        await server.StatIsAsync("listener.main.ssl.connection_error", 20);
        await server.NothingIsLeftAsync();
    }

    [Fact]
    public async Task ManyConnections_AtOnce_AllGetThrough()
    {
        await using var server = await TlsServer.StartAsync(TlsServer.Context(s_leaf));
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async i =>
        {
            using var client = await TlsClient.ConnectAsync(server);
            for (var n = 0; n < 5; n++)
            {
                (await client.EchoAsync($"hello {i} {n}")).ShouldBe($"hello {i} {n}");
            }
        }));
        await server.NothingIsLeftAsync();
    }
}
