using System.Globalization;
using System.Text.RegularExpressions;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Tls;

public sealed class TlsInteropTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableTheory]
    [InlineData("1.2")]
    [InlineData("1.3")]
    public async Task Curl_OfEitherVersion_GetsAnAnswer(string version)
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await HttpsAsync(upstream.Address, tls => tls);

        var (exitCode, output) = await ChildProcess.RunAsync(
            curl, "-sS", "--noproxy", "*", "--cacert", _files.Ca, "--tlsv" + version, "--tls-max", version, "-w", "\n%{http_code} %{http_version}", Url(proxy));

        exitCode.ShouldBe(0, output);
        output.ShouldEndWith("200 1.1");
        proxy.Stat($"listener.{Proxy.Ingress}.ssl.versions.TLSv{version}").ShouldBe(1);
    }

    [SkippableFact]
    public async Task Curl_WithALargeUpload_GetsItBack()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await HttpsAsync(upstream.Address, tls => tls);
        var file = _files.InFolder("upload");
        var answer = _files.InFolder("answer");
        await File.WriteAllBytesAsync(file, Payload.Create(5_000_000));

        var (exitCode, output) = await ChildProcess.RunAsync(
            curl, "-sS", "--noproxy", "*", "--cacert", _files.Ca, "-T", file, "-o", answer, "-w", "%{http_code}", Url(proxy, "/whole"));

        exitCode.ShouldBe(0, output);
        output.ShouldBe("200");
        (await File.ReadAllBytesAsync(answer)).SequenceEqual(Payload.Create(5_000_000)).ShouldBeTrue();
    }

    [SkippableTheory]
    [InlineData("1.2")]
    [InlineData("1.3")]
    public async Task Curl_WithAndWithoutItsCertificate_IsLetInAccordingly(string version)
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await HttpsAsync(upstream.Address, tls => tls.ClientCa(_files.Ca));
        string[] common = ["-sS", "--noproxy", "*", "--cacert", _files.Ca, "--tlsv" + version, "--tls-max", version, "-o", "/dev/null", "-w", "%{http_code}"];

        var (exitCode, output) = await ChildProcess.RunAsync(curl, [.. common, "--cert", _files.ClientCertificate, "--key", _files.ClientKey, Url(proxy)]);
        exitCode.ShouldBe(0, output);
        output.ShouldBe("200");

        (exitCode, output) = await ChildProcess.RunAsync(curl, [.. common, Url(proxy)]);
        exitCode.ShouldNotBe(0, output);
        await proxy.StatIsAsync($"listener.{Proxy.Ingress}.ssl.fail_verify_no_cert", 1);
    }

    [SkippableFact]
    public async Task OpensslClient_ThatReconnects_TakesUpItsSession()
    {
        var openssl = Peers.Require("openssl");
        await using var proxy = await EchoAsync();
        await using var client = ChildProcess.Start(
            openssl, "s_client", "-connect", Address(proxy), "-tls1_2", "-reconnect", "-CAfile", _files.Ca, "-servername", "localhost");
        await client.OutputAsync("(?s)(Reused, TLSv1.2.*){5}");
        client.Output.ShouldContain("Verify return code: 0 (ok)");
        client.EndInput();
        await client.ExitAsync();
        proxy.Stat($"listener.{Proxy.Ingress}.ssl.session_reused").ShouldBe(5);
    }

    [SkippableFact]
    public async Task OpensslClient_WithATicketOfBefore_TakesUpItsSession()
    {
        var openssl = Peers.Require("openssl");
        await using var proxy = await EchoAsync();
        var session = _files.InFolder("session.pem");
        string[] common = ["s_client", "-connect", Address(proxy), "-tls1_3", "-CAfile", _files.Ca, "-servername", "localhost"];
        await using (var first = ChildProcess.Start(openssl, [.. common, "-sess_out", session]))
        {
            await Settings.EventuallyAsync(() => File.Exists(session) && new FileInfo(session).Length > 0, () => "no session was written: " + first.Output);
            first.EndInput();
            await first.ExitAsync();
        }

        await using var second = ChildProcess.Start(openssl, [.. common, "-sess_in", session]);
        await second.OutputAsync("Reused, TLSv1.3");
        second.EndInput();
        await second.ExitAsync();
        await proxy.StatIsAsync($"listener.{Proxy.Ingress}.ssl.session_reused", 1);
    }

    [SkippableTheory]
    [InlineData("-tls1_2")]
    [InlineData("-tls1_3")]
    public async Task OpensslServer_BehindACluster_IsReached(string version)
    {
        var openssl = Peers.Require("openssl");
        await using var server = ChildProcess.Start(
            openssl, "s_server", "-accept", "127.0.0.1:0", "-cert", _files.ServerCertificate, "-cert_chain", _files.ServerCertificate, "-key", _files.ServerKey,
            "-CAfile", _files.Ca, "-Verify", "3", "-verify_return_error", version, "-rev");
        var port = int.Parse((await server.OutputAsync(@"ACCEPT [^\s]*:(\d+)")).Groups[1].Value, CultureInfo.InvariantCulture);
        await using var proxy = await TcpToTlsAsync(port, tls => tls.Certificate(_files.ClientCertificate, _files.ClientKey));
        using var connection = await proxy.ConnectAsync();

        await connection.SendAsync("hello\n");

        (await connection.ReadAsync(6)).ShouldBe("olleh\n");
        proxy.Stat($"cluster.{Proxy.Service}.ssl.handshake").ShouldBe(1);
    }

    private static string Address(Proxy proxy) => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{proxy.Port}");

    private static string Url(Proxy proxy, string path = "/") => $"https://{Address(proxy)}{path}";

    private Task<Proxy> HttpsAsync(string upstream, Func<DownstreamTlsBuilder, DownstreamTlsBuilder> configure) => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.Configure(l => l with { StatPrefix = Proxy.Ingress }).FilterChain(chain => chain
            .Tls(tls => configure(tls.Certificate(_files.ServerCertificate, _files.ServerKey).Alpn("http/1.1")))
            .HttpConnectionManager(Proxy.Ingress, manager => manager.RouteAllTo(Proxy.Service))))
        .Cluster(Proxy.Service, cluster => cluster.Endpoints(upstream)));

    private Task<Proxy> EchoAsync() => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.Configure(l => l with { StatPrefix = Proxy.Ingress }).FilterChain(chain => chain
            .Tls(tls => tls.Certificate(_files.ServerCertificate, _files.ServerKey))
            .Echo())));

    private Task<Proxy> TcpToTlsAsync(int port, Func<UpstreamTlsBuilder, UpstreamTlsBuilder> configure) => Proxy.StartAsync(builder => builder
        .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.TcpProxy(Proxy.Ingress, Proxy.Service)))
        .Cluster(Proxy.Service, cluster => cluster
            .Endpoints(string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{port}"))
            .Tls(tls => configure(tls.Sni("localhost").TrustedCa(_files.Ca)))));
}
