using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Integration.Tests.Tls;

/// <summary>A response whose body ends with the connection: only a goodbye of TLS makes it whole (RFC 9112, section 9.8).</summary>
public sealed class TlsTruncationTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(SslProtocols.Tls12, true)]
    [InlineData(SslProtocols.Tls12, false)]
    [InlineData(SslProtocols.Tls13, true)]
    [InlineData(SslProtocols.Tls13, false)]
    public async Task Body_ThatEndsWithTheConnection_IsWholeOnlyWithAGoodbye(SslProtocols version, bool goodbye)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var upstream = ServeOneAsync(listener, version, goodbye);
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", l => l.FilterChain(chain => chain
                .HttpConnectionManager(Proxy.Ingress, manager => manager.RouteAllTo(Proxy.Service))))
            .Cluster(Proxy.Service, cluster => cluster
                .Endpoints(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"))
                .Tls(tls => tls.Sni("localhost").TrustedCa(_files.Ca))));

        var answer = proxy.Client.GetStringAsync(new Uri("/", UriKind.Relative)).WaitAsync(Settings.Patience);

        if (goodbye)
        {
            (await answer).ShouldBe("partial");
        }
        else
        {
            await Should.ThrowAsync<HttpRequestException>(() => answer);
        }

        await upstream.WaitAsync(Settings.Patience);
    }

    /// <summary>What came with the cut is passed on before it: of a WebSocket that would be its close frame.</summary>
    [Fact]
    public async Task Tunnel_UpstreamEndsWithoutAGoodbye_PassesOnWhatCameAndResets()
    {
        const string Upgrade = "Connection: Upgrade\r\nUpgrade: chat\r\n\r\n";
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var upstream = ServeOneAsync(listener, SslProtocols.Tls13, goodbye: false, "HTTP/1.1 101 Switching Protocols\r\n" + Upgrade + "partial");
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var proxy = await Proxy.HttpAsync(
            string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"),
            config => config with { UpgradeConfigs = [new("chat")] },
            cluster: cluster => cluster.Tls(tls => tls.Sni("localhost").TrustedCa(_files.Ca)));
        using var connection = await proxy.ConnectAsync();
        await connection.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n" + Upgrade);

        var (text, reset) = await connection.ReadToEndAsync();

        text.ShouldStartWith("HTTP/1.1 101");
        text.ShouldEndWith("\r\n\r\npartial");
        reset.ShouldBeTrue();
        connection.Dispose();
        await upstream.WaitAsync(Settings.Patience);
    }

    [Fact]
    public async Task Http2Tunnel_UpstreamEndsWithoutAGoodbye_PassesOnWhatCameAndResets()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var upstream = ServeOneAsync(
            listener, SslProtocols.Tls13, goodbye: false, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chat\r\n\r\npartial");
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var proxy = await Proxy.HttpAsync(
            string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"),
            config => config with { UpgradeConfigs = [new("chat")], Http2ProtocolOptions = config.Http2ProtocolOptions with { AllowConnect = true } },
            cluster: cluster => cluster.Tls(tls => tls.Sni("localhost").TrustedCa(_files.Ca)));
        using var client = await RawHttp2.ConnectAsync(proxy);
        await client.SendAsync(Http2Bytes.Head(
            1, false, (":method", "CONNECT"), (":protocol", "chat"), (":scheme", "http"), (":path", "/"), (":authority", "a")));

        await client.ReadUntilAsync(c => c.Frames.Any(f => f.Type == Http2FrameType.RstStream));

        string.Concat(client.Frames.Where(f => f.Type == Http2FrameType.Data).Select(f => f.Text)).ShouldBe("partial");
        client.Dispose();
        await upstream.WaitAsync(Settings.Patience);
    }

    /// <summary>Its close frame says whether a WebSocket is whole: the end of its connection need not.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WebSocket_UpstreamEndsWithoutAGoodbye_Ends(bool http2)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var upstream = ServeOneAsync(
            listener, SslProtocols.Tls13, goodbye: false, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\npartial");
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var proxy = await Proxy.HttpAsync(
            string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"),
            config => config with { UpgradeConfigs = [new("websocket")], Http2ProtocolOptions = config.Http2ProtocolOptions with { AllowConnect = true } },
            cluster: cluster => cluster.Tls(tls => tls.Sni("localhost").TrustedCa(_files.Ca)));
        if (http2)
        {
            using var client = await RawHttp2.ConnectAsync(proxy);
            await client.SendAsync(Http2Bytes.Head(
                1, false, (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/"), (":authority", "a")));
            await client.ReadUntilAsync(c => c.Frames.Any(f => f.StreamId == 1 && (f.EndStream || f.Type == Http2FrameType.RstStream)));
            string.Concat(client.Frames.Where(f => f.Type == Http2FrameType.Data).Select(f => f.Text)).ShouldBe("partial");
            client.Frames.ShouldNotContain(f => f.Type == Http2FrameType.RstStream);
            await client.SendAsync(Http2Bytes.Data(1, "", endStream: true));
            await upstream.WaitAsync(Settings.Patience);
        }
        else
        {
            using var client = await proxy.ConnectAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n");
            var (text, reset) = await client.ReadToEndAsync();
            text.ShouldEndWith("\r\n\r\npartial");
            reset.ShouldBeFalse();
            client.EndSending();
            await upstream.WaitAsync(Settings.Patience);
        }
    }

    /// <summary>The other way round: a client's last bytes, and the cut behind them, get through to the upstream.</summary>
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task Tunnel_ClientEndsWithoutAGoodbye_PassesOnWhatCameAndResets(SslProtocols version)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                .Tls(tls => tls.Certificate(_files.ServerCertificate, _files.ServerKey))
                .HttpConnectionManager(Proxy.Ingress, http => http
                    .With(config => config with { UpgradeConfigs = [new("websocket")] })
                    .RouteAllTo(Proxy.Service))))
            .Cluster(Proxy.Service, cluster => cluster.Endpoints(upstream.Address)));
        for (var i = 0; i < 10; i++)
        {
            using var client = await proxy.ConnectAsync();
            await using var tls = new SslStream(new NetworkStream(client.Socket));
            await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions
            {
                TargetHost = "localhost",
                EnabledSslProtocols = version,
                RemoteCertificateValidationCallback = static (_, _, _, _) => true,
            });
            await tls.WriteAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"u8.ToArray());
            using var connection = await upstream.AcceptAsync();
            await connection.ReadHeadAsync();
            await connection.SendAsync("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
            (await tls.ReadAsync(new byte[4096])).ShouldBeGreaterThan(0);

            await tls.WriteAsync("last words"u8.ToArray());
            client.EndSending();

            (await connection.ReadToEndAsync()).ShouldBe(("last words", true));
        }
    }

    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    public async Task TcpProxy_UpstreamEndsWithoutAGoodbye_PassesOnWhatCame(SslProtocols version)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var upstream = ServeOneAsync(listener, version, goodbye: false);
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", l => l.FilterChain(chain => chain.TcpProxy(Proxy.Ingress, Proxy.Service)))
            .Cluster(Proxy.Service, cluster => cluster
                .Endpoints(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"))
                .Tls(tls => tls.Sni("localhost").TrustedCa(_files.Ca))));
        using var connection = await proxy.ConnectAsync();
        await connection.SendAsync("x");

        var (text, reset) = await connection.ReadToEndAsync();

        text.ShouldEndWith("partial");
        reset.ShouldBeFalse();
        await upstream.WaitAsync(Settings.Patience);
    }

    private async Task ServeOneAsync(TcpListener listener, SslProtocols version, bool goodbye, string answer = "HTTP/1.1 200 OK\r\n\r\npartial")
    {
        using var socket = await listener.AcceptSocketAsync();
        await using var stream = new SslStream(new NetworkStream(socket));
        using var certificate = System.Security.Cryptography.X509Certificates.X509Certificate2.CreateFromPemFile(_files.ServerCertificate, _files.ServerKey);
        var intermediates = new System.Security.Cryptography.X509Certificates.X509Certificate2Collection();
        intermediates.ImportFromPemFile(_files.ServerCertificate);
        await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = version,
            ServerCertificateContext = SslStreamCertificateContext.Create(certificate, intermediates, offline: true),
        });
        var buffer = new byte[4096];
        (await stream.ReadAsync(buffer)).ShouldBeGreaterThan(0);
        await stream.WriteAsync(System.Text.Encoding.Latin1.GetBytes(answer));
        if (goodbye)
        {
            await stream.ShutdownAsync();
        }

        socket.Shutdown(SocketShutdown.Send);
        while (await socket.ReceiveAsync(buffer) > 0)
        {
        }
    }
}
