using System.Globalization;
using System.Net;
using System.Net.Sockets;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Interop;

public sealed class ProxyProtocolTests
{
    [SkippableTheory]
    [InlineData("send-proxy", "v1")]
    [InlineData("send-proxy-v2", "v2")]
    [InlineData("send-proxy-v2 proxy-v2-options crc32c,unique-id,authority", "v2")]
    public async Task Haproxy_InFront_TellsOfItsClient(string option, string version)
    {
        Peers.Require("haproxy");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await BehindBalancerAsync(upstream);
        var (front, client) = (LoopbackAddress.Next(), LoopbackAddress.Next());
        await using var haproxy = await HaproxyAsync("tcp", $"bind {front}:{LoopbackAddress.Port}", $"server proxy 127.0.0.1:{proxy.Port} {option}");

        (await GetAsync(client, front)).ShouldContain($"x-forwarded-for: {client}\n", Case.Insensitive);

        await proxy.StatIsAsync($"proxy_proto.versions.{version}.found", 1);
    }

    [SkippableTheory]
    [InlineData("send-proxy", "v1")]
    [InlineData("send-proxy-v2", "v2")]
    public async Task Haproxy_WithAClientOfAUnixSocket_IsServed(string option, string version)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await BehindBalancerAsync(upstream);
        await using var haproxy = await Daemon.HaproxyAsync("tcp", $"127.0.0.1:{proxy.Port} {option}");
        using var client = haproxy.CreateClient();

        (await client.GetStringAsync("/x")).ShouldStartWith("GET /x");

        proxy.Stat($"proxy_proto.versions.{version}.found").ShouldBeGreaterThan(0);
        client.Dispose();
    }

    [SkippableFact]
    public async Task Nginx_InFront_TellsOfItsClient()
    {
        var module = Directory.Exists("/usr/lib/nginx/modules") ? Directory.GetFiles("/usr/lib/nginx/modules", "ngx_stream_module.so").FirstOrDefault() : null;
        Peers.Require("nginx");
        Skip.If(module is null, "nginx's stream module is not installed");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await BehindBalancerAsync(upstream);
        var (front, client) = (LoopbackAddress.Next(), LoopbackAddress.Next());
        await using var nginx = await Daemon.StartAsync("nginx", "nginx.conf", folder => $$"""
            load_module {{module}};
            daemon off;
            master_process off;
            pid {{folder}}/pid;
            error_log stderr warn;
            events { worker_connections 64; }
            stream {
              server {
                listen unix:{{folder}}/s;
                listen {{front}}:{{LoopbackAddress.Port}};
                proxy_pass 127.0.0.1:{{proxy.Port}};
                proxy_protocol on;
              }
            }
            """, (_, config) => ["-e", "stderr", "-c", config]);

        (await GetAsync(client, front)).ShouldContain($"x-forwarded-for: {client}\n", Case.Insensitive);

        proxy.Stat("proxy_proto.versions.v1.found").ShouldBeGreaterThan(0);
    }

    [SkippableFact]
    public async Task Curl_WithHaproxyProtocol_IsKnownByItsHeader()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await BehindBalancerAsync(upstream);
        var client = LoopbackAddress.Next();

        var (exitCode, output) = await ChildProcess.RunAsync(
            curl, "-sS", "--noproxy", "*", "--haproxy-protocol", "--interface", client, proxy.Uri("/a").ToString(), proxy.Uri("/b").ToString());

        exitCode.ShouldBe(0, output);
        output.ShouldStartWith("GET /a");
        output.ShouldContain("GET /b");
        output.ShouldContain($"x-forwarded-for: {client}\n", Case.Insensitive);
        await proxy.StatIsAsync("proxy_proto.versions.v1.found", 1);
    }

    [Fact]
    public async Task ClientWithoutHeader_IsClosed_AndTheUpstreamNeverHears()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await BehindBalancerAsync(upstream);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");

        (await client.ReadHeadAsync()).ShouldBeNull();
        upstream.Connections.ShouldBe(0);
        await proxy.StatIsAsync("proxy_proto.not_found_disallowed", 1);
    }

    [SkippableTheory]
    [InlineData(ProxyProtocolVersion.V1)]
    [InlineData(ProxyProtocolVersion.V2)]
    public async Task Nginx_AsUpstream_HearsOfTheClient(ProxyProtocolVersion version)
    {
        Peers.Require("nginx");
        var (back, client) = (LoopbackAddress.Next(), LoopbackAddress.Next());
        await using var nginx = await Daemon.NginxAsync($$"""
            listen {{back}}:{{LoopbackAddress.Port}} proxy_protocol;
            location / { return 200 "client $proxy_protocol_addr server $proxy_protocol_server_addr:$proxy_protocol_server_port\n"; }
            """);
        await using var proxy = await WithUpstreamHeaderAsync(back, new ProxyProtocolConfig { Version = version });

        (await GetAsync(client, "127.0.0.1", proxy.Port)).ShouldContain(string.Create(CultureInfo.InvariantCulture, $"client {client} server 127.0.0.1:{proxy.Port}\n"));
    }

    [SkippableTheory]
    [InlineData(ProxyProtocolVersion.V1)]
    [InlineData(ProxyProtocolVersion.V2)]
    public async Task Nginx_BehindAnHttpProxy_HearsOfEachRequestsOwnClient(ProxyProtocolVersion version)
    {
        Peers.Require("nginx");
        var (back, first, second) = (LoopbackAddress.Next(), LoopbackAddress.Next(), LoopbackAddress.Next());
        await using var nginx = await Daemon.NginxAsync($$"""
            listen {{back}}:{{LoopbackAddress.Port}} proxy_protocol;
            location / { return 200 "client $proxy_protocol_addr\n"; }
            """);
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.HttpConnectionManager(
                Proxy.Ingress, manager => manager.RouteAllTo(Proxy.Service))))
            .Cluster(Proxy.Service, cluster => cluster.Endpoints($"{back}:{LoopbackAddress.Port}").ProxyProtocol(new ProxyProtocolConfig { Version = version })));

        // An idle upstream connection of the first client must not carry the second one's request.
        foreach (var client in (string[])[first, second, first])
        {
            (await GetAsync(client, "127.0.0.1", proxy.Port)).ShouldBe($"client {client}\n");
        }
    }

    [SkippableTheory]
    [InlineData(ProxyProtocolVersion.V1, "")]
    [InlineData(ProxyProtocolVersion.V2, "service.example")]
    public async Task Haproxy_AsUpstream_HearsOfTheClientAndItsTlvs(ProxyProtocolVersion version, string authority)
    {
        Peers.Require("haproxy");
        var back = LoopbackAddress.Next();
        await using var haproxy = await HaproxyAsync(
            "http",
            $"bind {back}:{LoopbackAddress.Port} accept-proxy",
            "http-request return status 200 content-type text/plain lf-string \"%[src]:%[src_port] %[dst]:%[dst_port] (%[fc_pp_authority])\"");
        await using var proxy = await WithUpstreamHeaderAsync(
            back,
            new ProxyProtocolConfig { Version = version, PassThroughTlvs = new ProxyProtocolPassThroughTlvsConfig() },
            listener => listener.ProxyProtocol(new ProxyProtocolListenerConfig { PassThroughTlvs = new ProxyProtocolPassThroughTlvsConfig() }));
        var header = new System.Buffers.ArrayBufferWriter<byte>();
        ProxyProtocolWriter.TryWriteV2(
            header,
            Core.Addresses.NetworkAddress.Parse("203.0.113.9:999"),
            Core.Addresses.NetworkAddress.Parse("198.51.100.1:443"),
            [new ProxyProtocolTlv(2, "service.example"u8.ToArray())]).ShouldBeTrue();

        using var client = await proxy.ConnectAsync();
        await client.SendAsync(header.WrittenMemory);
        await client.SendAsync("GET / HTTP/1.0\r\n\r\n");
        var (answer, _) = await client.ReadToEndAsync();

        answer.ShouldEndWith($"203.0.113.9:999 198.51.100.1:443 ({authority})");
    }

    /// <summary>An HTTP proxy that takes the client from the PROXY header and tells the upstream of it.</summary>
    private static Task<Proxy> BehindBalancerAsync(KestrelUpstream upstream) => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.ProxyProtocol().FilterChain(chain => chain.HttpConnectionManager(
            Proxy.Ingress, manager => manager.With(config => config with { UseRemoteAddress = true }).RouteAllTo(Proxy.Service))))
        .Cluster(Proxy.Service, cluster => cluster.Endpoints(upstream.Address)));

    /// <summary>A TCP proxy that begins its upstream connections with a PROXY header.</summary>
    private static Task<Proxy> WithUpstreamHeaderAsync(string back, ProxyProtocolConfig config, Action<ListenerBuilder>? listener = null) => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", l =>
        {
            listener?.Invoke(l);
            l.FilterChain(chain => chain.TcpProxy(Proxy.Ingress, Proxy.Service));
        })
        .Cluster(Proxy.Service, cluster => cluster.Endpoints($"{back}:{LoopbackAddress.Port}").ProxyProtocol(config)));

    private static Task<Daemon> HaproxyAsync(string mode, params string[] lines) => Daemon.StartAsync("haproxy", "haproxy.cfg", folder => $"""
        global
          maxconn 64
        defaults
          mode {mode}
          timeout connect 5s
          timeout client 20s
          timeout server 20s
        frontend ready
          bind unix@{folder}/s
        listen test
          {string.Join("\n  ", lines)}

        """, (_, config) => ["-db", "-f", config]);

    /// <summary>A request from a client with an address of its own.</summary>
    private static async Task<string> GetAsync(string client, string server, int port = LoopbackAddress.Port)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellation) =>
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                socket.Bind(new IPEndPoint(IPAddress.Parse(client), 0));
                await socket.ConnectAsync(IPAddress.Parse(server), port, cancellation);
                return new NetworkStream(socket, ownsSocket: true);
            },
        })
        { Timeout = Settings.Patience };
        return await http.GetStringAsync("http://proxy.test/");
    }
}
