using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>nginx and HAProxy in front of us and behind us, by HTTP/1.1 and HTTP/2, in clear and over TLS that is verified.</summary>
public sealed class ProxyPeersTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public static TheoryData<string, string, TlsImplementation> UpstreamPairs
    {
        get
        {
            var pairs = new TheoryData<string, string, TlsImplementation>();
            foreach (var peer in (string[])["nginx", "haproxy"])
            {
                foreach (var protocol in (string[])["h1", "h2c"])
                {
                    pairs.Add(peer, protocol, TlsImplementation.Auto);
                }

                foreach (var protocol in (string[])["h1 tls", "h2 tls", "auto"])
                {
                    pairs.Add(peer, protocol, TlsImplementation.SslStream);
                    pairs.Add(peer, protocol, TlsImplementation.OpenSsl);
                }
            }

            return pairs;
        }
    }

    public void Dispose() => _files.Dispose();

    [SkippableTheory]
    [InlineData(TlsImplementation.SslStream)]
    [InlineData(TlsImplementation.OpenSsl)]
    public async Task Nginx_InFront_VerifiesOurCertificate(TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls: true, clientCa: true);
        await using var nginx = await Daemon.NginxAsync(
            $"""
            location / {"{"}
              proxy_pass https://proxy;
              proxy_http_version 1.1;
              proxy_set_header Connection "";
              proxy_request_buffering off;
              proxy_buffering off;
              proxy_ssl_trusted_certificate {_files.Ca};
              proxy_ssl_verify on;
              proxy_ssl_verify_depth 3;
              proxy_ssl_name localhost;
              proxy_ssl_server_name on;
              proxy_ssl_certificate {_files.ClientCertificate};
              proxy_ssl_certificate_key {_files.ClientKey};
            {"}"}
            """,
            $"upstream proxy {{ server 127.0.0.1:{proxy.Port}; keepalive 8; }}");

        await EchoAsync(nginx.CreateClient());

        proxy.Stat($"listener.{Proxy.Ingress}.ssl.handshake").ShouldBe(proxy.Stat($"http.{Proxy.Ingress}.downstream_cx_total"));
    }

    [SkippableTheory]
    [InlineData("proto h2", false, 2, TlsImplementation.Auto)]
    [InlineData("alpn h2 sni str(localhost)", true, 2, TlsImplementation.SslStream)]
    [InlineData("alpn h2 sni str(localhost)", true, 2, TlsImplementation.OpenSsl)]
    [InlineData("alpn http/1.1 verifyhost localhost", true, 1, TlsImplementation.SslStream)]
    [InlineData("alpn http/1.1 verifyhost localhost", true, 1, TlsImplementation.OpenSsl)]
    public async Task Haproxy_InFront_SpeaksToUs(string options, bool tls, int version, TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls);
        var verified = tls ? $"ssl verify required ca-file {_files.Ca} " : "";
        await using var haproxy = await Daemon.HaproxyAsync("http", $"127.0.0.1:{proxy.Port} {verified}{options}");

        await EchoAsync(haproxy.CreateClient());

        proxy.Stat($"http.{Proxy.Ingress}.downstream_rq_http{version}_total").ShouldBe(20);
        proxy.Stat($"http.{Proxy.Ingress}.downstream_rq_http{3 - version}_total").ShouldBe(0);
    }

    [SkippableTheory]
    [MemberData(nameof(UpstreamPairs))]
    public async Task Peer_Behind_EchoesThrough(string peer, string protocol, TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        await using var kestrel = await KestrelUpstream.StartAsync();
        await using var daemon = peer == "nginx" ? await NginxBehindAsync(kestrel, protocol) : await HaproxyBehindAsync(kestrel, protocol);
        await using var proxy = await TlsProxy.StartAsync(_files, daemon.Address, tls: false, concurrency: 1, cluster: cluster =>
        {
            if (protocol is not "h1" and not "h2c")
            {
                cluster.Tls(t => t.Sni("localhost").TrustedCa(_files.Ca));
            }

            _ = protocol switch { "auto" => cluster.AutoHttp(), "h2c" or "h2 tls" => cluster.Http2(), _ => cluster };
        });

        await EchoAsync(proxy.CreateClient());

        var http2 = protocol is not "h1" and not "h1 tls";
        await proxy.StatIsAsync($"cluster.{Proxy.Service}.upstream_cx_http{(http2 ? 2 : 1)}_total", proxy.Stat($"cluster.{Proxy.Service}.upstream_cx_total"));
        await proxy.StatIsAsync($"cluster.{Proxy.Service}.upstream_rq_2xx", 20);
    }

    [SkippableTheory]
    [InlineData(TlsImplementation.SslStream)]
    [InlineData(TlsImplementation.OpenSsl)]
    public async Task Peer_WithAForeignCertificate_IsRefused(TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        using var foreign = new TlsFiles();
        await using var kestrel = await KestrelUpstream.StartAsync();
        await using var daemon = await Daemon.HaproxyAsync("http", kestrel.Address, $"ssl crt {foreign.ServerBundle()} alpn h2");
        await using var proxy = await TlsProxy.StartAsync(
            _files, daemon.Address, tls: false, cluster: cluster => cluster.Tls(t => t.Sni("localhost").TrustedCa(_files.Ca)).Http2());

        using var response = await proxy.Client.GetAsync("/");

        ((int)response.StatusCode).ShouldBe(503);
        kestrel.Connections.ShouldBe(0);
        await proxy.StatIsAsync($"cluster.{Proxy.Service}.ssl.fail_verify_error", 1);
    }

    private static async Task EchoAsync(HttpClient owned)
    {
        using var client = owned;
        for (var i = 0; i < 20; i++)
        {
            var length = i * 50_000;
            using var response = await client.PostAsync("/whole", new PayloadContent(length, withLength: i % 2 == 0));
            ((int)response.StatusCode).ShouldBe(200);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length);
        }
    }

    private Task<Daemon> NginxBehindAsync(KestrelUpstream kestrel, string protocol)
    {
        var tls = protocol is not "h1" and not "h2c";
        return Daemon.NginxAsync(
            (tls ? $"ssl_certificate {_files.ServerCertificate}; ssl_certificate_key {_files.ServerKey}; " : "")
            + $"location / {{ proxy_pass http://{kestrel.Address}; proxy_http_version 1.1; proxy_request_buffering off; proxy_buffering off; }}",
            listen: (tls ? "ssl " : "") + (protocol is "h1" or "h1 tls" ? "" : "http2"));
    }

    private Task<Daemon> HaproxyBehindAsync(KestrelUpstream kestrel, string protocol) => Daemon.HaproxyAsync("http", kestrel.Address, protocol switch
    {
        "h1" => "",
        "h2c" => "proto h2",
        _ => $"ssl crt {_files.ServerBundle()} alpn h2,http/1.1",
    });
}
