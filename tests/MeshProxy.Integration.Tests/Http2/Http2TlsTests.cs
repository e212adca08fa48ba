using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.Core.Config;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>HTTP/1 and HTTP/2 by ALPN on one TLS listener, and what a client's certificate makes of the request.</summary>
public sealed class Http2TlsTests
{
    [Theory]
    [InlineData(2, 0)]
    [InlineData(1, 1)]
    public async Task Alpn_ChoosesTheProtocol(int major, int minor)
    {
        using var root = TestPki.Root();
        using var leaf = TestPki.Leaf(root, "localhost");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await StartAsync(upstream, leaf);
        using var client = Client(proxy);

        var bodies = await Task.WhenAll(Enumerable.Range(0, 20).Select(async i =>
        {
            using var response = await client.SendAsync(Get(proxy, "/echo-headers", new Version(major, minor)));
            response.Version.ShouldBe(new Version(major, minor));
            return await response.Content.ReadAsStringAsync();
        }));

        bodies.ShouldAllBe(body => body.Contains("x-forwarded-proto: https", StringComparison.OrdinalIgnoreCase));
        proxy.Stat($"http.ingress.downstream_rq_http{major}_total").ShouldBe(20);
        proxy.Stat($"http.ingress.downstream_rq_http{3 - major}_total").ShouldBe(0);
    }

    [Fact]
    public async Task Bodies_ThroughTls_ComeBackWhole()
    {
        using var root = TestPki.Root();
        using var leaf = TestPki.Leaf(root, "localhost");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await StartAsync(upstream, leaf);
        using var client = Client(proxy);

        await Task.WhenAll(Enumerable.Range(1, 6).Select(async i =>
        {
            var request = Get(proxy, "/echo", HttpVersion.Version20);
            request.Method = HttpMethod.Post;
            request.Content = new ByteArrayContent(Payload.Create(i * 500_001));
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(i * 500_001);
        }));
    }

    [Fact]
    public async Task ClientCertificate_IsToldUpstream()
    {
        using var root = TestPki.Root();
        using var leaf = TestPki.Leaf(root, "localhost");
        using var own = TestPki.Create("CN=client", root, new TestCertificateOptions { Uris = ["spiffe://mesh/client"], Dns = ["client.example"] });
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await StartAsync(
            upstream,
            leaf,
            config => config with
            {
                ForwardClientCertDetails = ForwardClientCertDetails.SanitizeSet,
                SetCurrentClientCertDetails = new() { Subject = true, Uri = true, Dns = true },
            },
            root);
        using var client = Client(proxy, own.WithKey);

        var request = Get(proxy, "/", HttpVersion.Version20);
        request.Headers.Add("x-forwarded-client-cert", "Hash=forged");
        using var response = await client.SendAsync(request);
        var told = (await response.Content.ReadAsStringAsync()).Split('\n').Single(l => l.StartsWith("x-forwarded-client-cert: ", StringComparison.OrdinalIgnoreCase));

        var hash = own.Certificate.GetCertHashString(System.Security.Cryptography.HashAlgorithmName.SHA256).ToLowerInvariant();
        told["x-forwarded-client-cert: ".Length..].ShouldBe($"Hash={hash};Subject=\"CN=client\";URI=spiffe://mesh/client;DNS=client.example");
    }

    private static Task<Proxy> StartAsync(
        KestrelUpstream upstream, TestCertificate leaf, Func<HttpConnectionManagerConfig, HttpConnectionManagerConfig>? with = null, TestCertificate? clientRoot = null) => Proxy.StartAsync(
        builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain =>
            {
                chain.Configure(config => config with
                {
                    TransportSocket = new ExtensionConfig("envoy.transport_sockets.tls", new DownstreamTlsContextConfig
                    {
                        CommonTlsContext = new()
                        {
                            TlsCertificates = [leaf.Config],
                            AlpnProtocols = ["h2", "http/1.1"],
                            ValidationContext = clientRoot is null ? null : new() { TrustedCa = clientRoot.Ca },
                        },
                        RequireClientCertificate = clientRoot is not null,
                    }),
                });
                chain.HttpConnectionManager(Proxy.Ingress, http => http.With(with ?? (c => c)).RouteAllTo(Proxy.Service));
            }))
            .Cluster(Proxy.Service, cluster => cluster.Endpoints(upstream.Address)));

    private static HttpClient Client(Proxy proxy, X509Certificate2? certificate = null) => proxy.Own(proxy.CreateClient(handler => handler.SslOptions = new SslClientAuthenticationOptions
    {
        RemoteCertificateValidationCallback = (_, _, _, _) => true,
        ClientCertificates = certificate is null ? null : [certificate],
    }));

    private static HttpRequestMessage Get(Proxy proxy, string path, Version version) =>
        new(HttpMethod.Get, $"https://localhost:{proxy.Port}{path}") { Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionExact };
}
