using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport.Tls;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Crossing;

/// <summary>HttpClient, the proxy and Kestrel, with one kind of HTTP on either side.</summary>
internal sealed class CrossingPair : IAsyncDisposable
{
    private static readonly TestCertificate Root = TestPki.Root();

    private static readonly TestCertificate Leaf =
        TestPki.Create("CN=localhost", Root, new TestCertificateOptions { Dns = ["localhost"], Ips = ["127.0.0.1"] });

    private readonly Wire _downstream;

    private CrossingPair(Wire downstream, CrossingService service, KestrelUpstream upstream, Proxy proxy)
    {
        (_downstream, Service, Upstream, Proxy) = (downstream, service, upstream, proxy);
        Client = proxy.Own(CreateClient());
    }

    public CrossingService Service { get; }

    public KestrelUpstream Upstream { get; }

    public Proxy Proxy { get; }

    /// <summary>Speaks HTTP/1.1 or HTTP/2 and nothing else; trusts the proxy's certificate alone.</summary>
    public HttpClient Client { get; }

    public Version Version => _downstream.IsHttp2() ? HttpVersion.Version20 : HttpVersion.Version11;

    public static async Task<CrossingPair> StartAsync(Wire downstream, Wire upstream)
    {
        var service = new CrossingService();
        var kestrel = await KestrelUpstream.StartAsync(
            service.HandleAsync,
            upstream switch { Wire.Http1 or Wire.Http1Tls => HttpProtocols.Http1, Wire.Auto => HttpProtocols.Http1AndHttp2, _ => HttpProtocols.Http2 },
            upstream.IsTls() ? Leaf.WithKey : null);
        var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain =>
            {
                if (downstream.IsTls())
                {
                    chain.Tls(tls => tls.Certificate(Leaf.Config).Alpn("h2", "http/1.1"));
                }

                chain.HttpConnectionManager(Proxy.Ingress, http => http.With(Configure).RouteAllTo(Proxy.Service));
            }))
            .Cluster(Proxy.Service, cluster => Configure(cluster.Endpoints(kestrel.Address), upstream)));
        return new CrossingPair(downstream, service, kestrel, proxy);
    }

    public HttpRequestMessage Request(string path, HttpContent? content = null) => new(content is null ? HttpMethod.Get : HttpMethod.Post, Uri(path))
    {
        Content = content,
        Version = Version,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    /// <summary>The head has come; its version is checked.</summary>
    public async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellation = default)
    {
        var response = await Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
        response.Version.ShouldBe(Version);
        return response;
    }

    public Task<HttpResponseMessage> GetAsync(string path) => SendAsync(Request(path));

    /// <summary>A connection of bytes to the proxy, with the TLS and the ALPN of this pair.</summary>
    public async Task<Stream> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(IPAddress.Loopback, Proxy.Port);
        var stream = new NetworkStream(socket, ownsSocket: true) { ReadTimeout = (int)Settings.Patience.TotalMilliseconds };
        if (!_downstream.IsTls())
        {
            return stream;
        }

        var tls = new SslStream(stream);
        var options = TlsOptions();
        options.TargetHost = "localhost";
        options.ApplicationProtocols = [_downstream.IsHttp2() ? SslApplicationProtocol.Http2 : SslApplicationProtocol.Http11];
        await tls.AuthenticateAsClientAsync(options);
        return tls;
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Upstream.DisposeAsync();
    }

    private Uri Uri(string path) => new($"{(_downstream.IsTls() ? "https" : "http")}://localhost:{Proxy.Port}{path}");

    private HttpClient CreateClient() => Proxy.CreateClient(handler =>
    {
        handler.SslOptions = TlsOptions();
        handler.Expect100ContinueTimeout = TimeSpan.FromMinutes(5); // who waits for a 100 that does not come fails
    });

    private static SslClientAuthenticationOptions TlsOptions() => new()
    {
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate!.GetCertHashString() == Leaf.Certificate.GetCertHashString(),
    };

    private static HttpConnectionManagerConfig Configure(HttpConnectionManagerConfig config) => config with
    {
        UseRemoteAddress = true,
        HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true },
        SchemeHeaderTransformation = new SchemeHeaderTransformation { MatchUpstream = true }, // Kestrel insists on the scheme of its connection
    };

    private static void Configure(ClusterBuilder cluster, Wire upstream)
    {
        if (upstream.IsTls())
        {
            cluster.Tls(tls => tls.Sni("localhost").Configure(context => context with
            {
                CommonTlsContext = context.CommonTlsContext with { ValidationContext = new() { TrustedCa = Root.Ca } },
            }));
        }

        _ = upstream switch
        {
            Wire.Http2 or Wire.Http2Tls => cluster.Http2(),
            Wire.Auto => cluster.AutoHttp(),
            _ => cluster.HttpProtocol(options => options), // HTTP/1.1, with trailers
        };
    }
}
