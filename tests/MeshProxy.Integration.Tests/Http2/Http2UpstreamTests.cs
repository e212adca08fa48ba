using System.Net.Sockets;
using System.Net.WebSockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>HTTP/1.1 clients in front of real HTTP/2 servers: Kestrel, nghttpd, nginx and node.</summary>
public sealed class Http2UpstreamTests
{
    private static readonly Http2ProtocolOptions WithConnect = new() { AllowConnect = true };

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("DELETE")]
    [InlineData("OPTIONS")]
    [InlineData("ACME-METHOD")]
    public async Task Kestrel_AnyMethod_IsReached(string method)
    {
        await using var upstream = await Http2KestrelAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: c => c.Http2());

        using var response = await proxy.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), "/a/b?c=d&e"));

        ((int)response.StatusCode).ShouldBe(200);
        (await response.Content.ReadAsStringAsync()).ShouldStartWith($"{method} /a/b?c=d&e\n");
        await proxy.StatIsAsync("cluster.service.upstream_cx_http2_total", 1);
        await proxy.StatIsAsync("cluster.service.upstream_rq_total", 1);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, true)]
    [InlineData(3_000_000, true)]
    [InlineData(1, false)]
    [InlineData(3_000_000, false)]
    public async Task Kestrel_Bodies_ComeBackAsTheyWent(int length, bool withLength)
    {
        await using var upstream = await Http2KestrelAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: c => c.Http2());

        using var response = await proxy.Client.PostAsync("/echo", new PayloadContent(length, withLength));

        (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length);
        if (withLength)
        {
            response.Content.Headers.ContentLength.ShouldBe(length);
        }
    }

    [Theory]
    [InlineData(204)]
    [InlineData(304)]
    [InlineData(404)]
    public async Task Kestrel_StatusWithoutBody_HasNone(int status)
    {
        await using var upstream = await Http2KestrelAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: c => c.Http2());

        using var response = await proxy.Client.GetAsync($"/status/{status}");
        using var head = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, "/bytes/1234"));

        ((int)response.StatusCode).ShouldBe(status);
        (await response.Content.ReadAsByteArrayAsync()).ShouldBeEmpty();
        head.Content.Headers.ContentLength.ShouldBe(1234);
    }

    [Fact]
    public async Task Kestrel_Trailers_CrossBothWays()
    {
        await using var upstream = await Http2KestrelAsync(async context =>
        {
            await context.Request.Body.CopyToAsync(Stream.Null);
            await context.Response.WriteAsync("body");
            context.Response.AppendTrailer("x-seen", context.Request.GetTrailer("x-sum"));
        });
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true } },
            cluster: c => c.Http2());
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 17\r\n\r\n");
        var response = await client.ReadMessageAsync();

        response.Body.ShouldBe("body");
        response.Trailers.ShouldBe(["x-seen: 17"]);
    }

    [Fact]
    public async Task Kestrel_ManyAtOnce_ShareOneConnectionAWorker()
    {
        await using var upstream = await Http2KestrelAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: c => c.Http2(), concurrency: 1);

        await Parallel.ForAsync(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 50 }, async (i, cancellation) =>
        {
            var length = (i * 3_701) + 1;
            using var response = await proxy.Client.PostAsync("/echo", new PayloadContent(length), cancellation);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellation)).ShouldBe(length);
        });

        upstream.Connections.ShouldBe(1);
        await proxy.StatIsAsync("cluster.service.upstream_rq_total", 200);
    }

    [Fact]
    public async Task Kestrel_WebSocket_GoesByExtendedConnect()
    {
        await using var upstream = await Http2KestrelAsync(async context =>
        {
            context.Request.Method.ShouldBe("CONNECT");
            using var socket = await context.WebSockets.AcceptWebSocketAsync();
            var buffer = new byte[1024];
            while (await socket.ReceiveAsync(buffer, CancellationToken.None) is { MessageType: not WebSocketMessageType.Close } message)
            {
                await socket.SendAsync(buffer.AsMemory(0, message.Count), message.MessageType, message.EndOfMessage, CancellationToken.None);
            }

            await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, "bye", CancellationToken.None);
        });
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => config with { UpgradeConfigs = [new UpgradeConfig("websocket")] }, cluster: c => c.Http2(WithConnect));
        using var client = new ClientWebSocket();

        await client.ConnectAsync(new UriBuilder(proxy.Uri("/chat")) { Scheme = "ws" }.Uri, CancellationToken.None).WaitAsync(Settings.Patience);
        var buffer = new byte[1024];
        for (var i = 0; i < 50; i++)
        {
            await client.SendAsync(Encoding.ASCII.GetBytes("message " + i), WebSocketMessageType.Text, true, CancellationToken.None);
            var got = await client.ReceiveAsync(buffer, CancellationToken.None).WaitAsync(Settings.Patience);
            Encoding.ASCII.GetString(buffer, 0, got.Count).ShouldBe("message " + i);
        }

        await client.CloseAsync(WebSocketCloseStatus.NormalClosure, "", CancellationToken.None).WaitAsync(Settings.Patience);
        client.CloseStatusDescription.ShouldBe("bye");
    }

    [Fact]
    public async Task Kestrel_ClientGoes_SeesItsRequestAborted()
    {
        var aborted = new TaskCompletionSource();
        await using var upstream = await Http2KestrelAsync(async context =>
        {
            if (context.Request.Path == "/wait")
            {
                context.RequestAborted.Register(aborted.SetResult);
                await context.Response.WriteAsync("begun");
                await aborted.Task;
            }
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: c => c.Http2(), concurrency: 1);
        using (var client = await proxy.ConnectAsync())
        {
            await client.SendAsync("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
            await client.ReadHeadAsync();
        }

        await aborted.Task.WaitAsync(Settings.Patience);
        (await proxy.Client.GetAsync("/next")).Dispose();
        upstream.Connections.ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tls_Auto_TakesWhatTheServerSpeaks(bool http2)
    {
        using var certificate = CreateCertificate("localhost");
        await using var upstream = await KestrelUpstream.StartAsync(
            context => context.Response.WriteAsync(context.Request.Protocol), http2 ? HttpProtocols.Http1AndHttp2 : HttpProtocols.Http1, certificate);
        await using var proxy = await Proxy.HttpAsync(upstream.Address, MatchScheme, cluster: c => c.Tls(t => t.Sni("localhost").AcceptUntrusted()).AutoHttp());

        (await proxy.Client.GetStringAsync("/")).ShouldBe(http2 ? "HTTP/2" : "HTTP/1.1");
        (await proxy.Client.GetStringAsync("/")).ShouldBe(http2 ? "HTTP/2" : "HTTP/1.1");
        await proxy.StatIsAsync($"cluster.service.upstream_cx_http{(http2 ? 2 : 1)}_total", proxy.Stat("cluster.service.upstream_cx_total"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Tls_Explicit_OffersOnlyItsVersion(bool http2)
    {
        using var certificate = CreateCertificate("localhost");
        await using var upstream = await KestrelUpstream.StartAsync(
            context => context.Response.WriteAsync(context.Request.Protocol), HttpProtocols.Http1AndHttp2, certificate);
        await using var proxy = await Proxy.HttpAsync(upstream.Address, MatchScheme, cluster: c =>
        {
            c.Tls(t => t.Sni("localhost").AcceptUntrusted());
            if (http2)
            {
                c.Http2();
            }
        });

        (await proxy.Client.GetStringAsync("/")).ShouldBe(http2 ? "HTTP/2" : "HTTP/1.1");
    }

    [Fact]
    public async Task Tls_AutoSni_AsksForTheRequestsHost()
    {
        using var certificate = CreateCertificate("localhost");
        await using var upstream = await KestrelUpstream.StartAsync(
            context => context.Response.WriteAsync(context.Features.Get<Microsoft.AspNetCore.Server.Kestrel.Core.Features.ISslStreamFeature>()!.SslStream.TargetHostName),
            HttpProtocols.Http2,
            certificate);
        await using var proxy = await Proxy.HttpAsync(upstream.Address, MatchScheme, concurrency: 1, cluster: c => c
            .Tls(t => t.Sni("localhost").AcceptUntrusted())
            .Http2()
            .HttpProtocol(o => o with { UpstreamHttpProtocolOptions = new UpstreamHttpProtocolOptions { AutoSni = true } }));
        foreach (var host in new[] { "one.example", "two.example:8443", "ONE.example" })
        {
            using var response = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/") { Headers = { Host = host } });
            (await response.Content.ReadAsStringAsync()).ShouldBe(host.ToLowerInvariant().Split(':')[0]);
        }

        upstream.Connections.ShouldBe(2);
    }

    [SkippableFact]
    public async Task Nghttpd_ServesFilesAndEchoesBodies()
    {
        var folder = Directory.CreateTempSubdirectory("mp-www-");
        var payload = Payload.Create(3_000_000);
        await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "file.bin"), payload);
        var address = LoopbackAddress.Next();
        await using var nghttpd = ChildProcess.Start(
            Peers.Require("nghttpd"), "--no-tls", "-d", folder.FullName, "-a", address, "--trailer", "x-after: yes", $"{LoopbackAddress.Port}");
        await Waiting.EventuallyAsync(
            async () =>
            {
                using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                return await socket.ConnectAsync(address, LoopbackAddress.Port).ContinueWith(task => task.IsCompletedSuccessfully, TaskScheduler.Default);
            },
            () => "nghttpd does not listen: " + nghttpd.Output);
        await using var proxy = await Proxy.HttpAsync($"{address}:{LoopbackAddress.Port}", cluster: c => c.Http2(), concurrency: 1);

        await Parallel.ForAsync(0, 20, async (_, cancellation) =>
            (await proxy.Client.GetByteArrayAsync("/file.bin", cancellation)).SequenceEqual(payload).ShouldBeTrue());
        using var missing = await proxy.Client.GetAsync("/missing");

        ((int)missing.StatusCode).ShouldBe(404);
        await proxy.StatIsAsync("cluster.service.upstream_cx_total", 1);
        folder.Delete(recursive: true);
    }

    [SkippableFact]
    public async Task Nginx_ServesFilesRangesAndTakesBodies()
    {
        var folder = Directory.CreateTempSubdirectory("mp-www-");
        var payload = Payload.Create(3_000_000);
        await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "file.bin"), payload);
        await using var nginx = await Daemon.NginxAsync($"root {folder.FullName}; location /hello {{ return 200 \"served $server_protocol\"; }}", listen: "http2");
        await using var proxy = await Proxy.HttpAsync(nginx.Address, cluster: c => c.Http2(), concurrency: 1);

        (await proxy.Client.GetStringAsync("/hello")).ShouldBe("served HTTP/2.0");
        using var part = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/file.bin") { Headers = { { "Range", "bytes=1000-1999" } } });
        (await part.Content.ReadAsByteArrayAsync()).SequenceEqual(payload[1000..2000]).ShouldBeTrue();
        await Parallel.ForAsync(0, 20, async (_, cancellation) =>
            (await proxy.Client.GetByteArrayAsync("/file.bin", cancellation)).SequenceEqual(payload).ShouldBeTrue());
        using var posted = await proxy.Client.PostAsync("/hello", new PayloadContent(500_000));
        (await posted.Content.ReadAsStringAsync()).ShouldBe("served HTTP/2.0");
        folder.Delete(recursive: true);
    }

    [SkippableFact]
    public async Task Node_StreamsBodiesTrailersAndEarlyHints()
    {
        await using var node = await Daemon.NodeAsync("""
            const http2 = require('http2');
            const server = http2.createServer({ settings: { maxConcurrentStreams: 5 } });
            server.on('stream', (stream, headers) => {
              stream.additionalHeaders({ ':status': 103, link: '</a>' });
              stream.respond({ ':status': 200, 'set-cookie': ['a=1', 'b=2'], 'x-cookie': headers.cookie || '' }, { waitForTrailers: true });
              let length = 0;
              stream.on('data', chunk => { length += chunk.length; stream.write(chunk); });
              stream.on('end', () => stream.end());
              stream.on('wantTrailers', () => stream.sendTrailers({ 'x-length': String(length) }));
            });
            server.listen(process.argv[2]);
            """);
        await using var proxy = await Proxy.HttpAsync(
            node.Address,
            config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { EnableTrailers = true } },
            cluster: c => c.Http2());

        await Parallel.ForAsync(0, 40, async (i, cancellation) =>
        {
            var length = i * 20_000;
            using var response = await proxy.Client.SendAsync(
                new HttpRequestMessage(HttpMethod.Post, "/") { Content = new PayloadContent(length, withLength: i % 2 == 0), Headers = { { "Cookie", "x=1; y=2" } } }, cancellation);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellation)).ShouldBe(length);
            response.Headers.GetValues("set-cookie").ShouldBe(["a=1", "b=2"]);
            response.Headers.GetValues("x-cookie").ShouldBe(["x=1; y=2"]);
            response.TrailingHeaders.GetValues("x-length").ShouldBe([$"{length}"]);
        });
    }

    [SkippableFact]
    public async Task Node_SaysGoAway_RequestsGoOnElsewhere()
    {
        await using var node = await Daemon.NodeAsync("""
            const http2 = require('http2');
            const server = http2.createServer();
            server.on('stream', stream => {
              stream.session.goaway(0);
              setImmediate(() => { stream.respond(); stream.end('last'); });
            });
            server.listen(process.argv[2]);
            """);
        await using var proxy = await Proxy.HttpAsync(node.Address, cluster: c => c.Http2(), concurrency: 1);

        for (var i = 1; i <= 20; i++)
        {
            (await proxy.Client.GetStringAsync("/")).ShouldBe("last");
            await proxy.StatIsAsync("cluster.service.upstream_cx_close_notify", i);
        }

        proxy.Stat("cluster.service.upstream_cx_http2_total").ShouldBe(20);
    }

    [Fact]
    public async Task TunnelThatEndsHere_CarriesBytes()
    {
        await using var upstream = new RawUpstream(async connection => await connection.SendAsync(await connection.ReadAsync(16)));
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http.VirtualHost("all", ["*"], host => host.Route(new RouteConfig
        {
            Match = new RouteMatchConfig { ConnectMatcher = true },
            Route = new RouteActionConfig { Cluster = Proxy.Service, UpgradeConfigs = [new UpgradeConfig("CONNECT") { ConnectConfig = new ConnectConfig() }] },
        })));
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("CONNECT db:5432 HTTP/1.1\r\nHost: db:5432\r\n\r\n");
        new RawMessage((await client.ReadHeadAsync())!).Status.ShouldBe(200);
        await client.SendAsync("bytes to the end");

        (await client.ReadAsync(16)).ShouldBe("bytes to the end");
    }

    // Kestrel refuses http on a connection of TLS.
    private static HttpConnectionManagerConfig MatchScheme(HttpConnectionManagerConfig config) =>
        config with { SchemeHeaderTransformation = new SchemeHeaderTransformation { MatchUpstream = true } };

    private static Task<KestrelUpstream> Http2KestrelAsync(RequestDelegate? handler = null) => KestrelUpstream.StartAsync(handler, HttpProtocols.Http2);

    private static X509Certificate2 CreateCertificate(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    }
}
