using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using MeshProxy.TestSupport.Tls;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Samples;

/// <summary>The gateway's flags for TLS and HTTP/2, by the real process and curl.</summary>
public sealed class GatewayFlagTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableFact]
    public async Task OnePort_InClear_TakesBothVersions()
    {
        await using var upstream = await KestrelUpstream.StartAsync(Tell);
        await using var gateway = Start(upstream.Address);
        var url = $"http://127.0.0.1:{await PortAsync(gateway)}/";

        (await CurlAsync("--http1.1", url)).ShouldBe("HTTP/1.1 http by 1.1");
        (await CurlAsync("--http2-prior-knowledge", url)).ShouldBe("HTTP/1.1 http by 2");
        await StopAsync(gateway);
    }

    [SkippableFact]
    public async Task TlsCert_OffersBothVersions()
    {
        await using var upstream = await KestrelUpstream.StartAsync(Tell);
        await using var gateway = Start(upstream.Address, "--tls-cert", _files.ServerCertificate, "--tls-key", _files.ServerKey);
        var port = await PortAsync(gateway);

        (await CurlAsync("--cacert", _files.Ca, "--http1.1", $"https://127.0.0.1:{port}/")).ShouldBe("HTTP/1.1 http by 1.1");
        (await CurlAsync("--cacert", _files.Ca, "--http2", $"https://localhost:{port}/")).ShouldBe("HTTP/1.1 http by 2");
        (await Curl.RunAsync($"http://127.0.0.1:{port}/")).ExitCode.ShouldNotBe(0);
        await StopAsync(gateway);
    }

    [SkippableFact]
    public async Task ClientCa_LetsOnlyItsOwnIn()
    {
        using var foreign = new TlsFiles();
        await using var upstream = await KestrelUpstream.StartAsync(Tell);
        await using var gateway = Start(
            upstream.Address, "--tls-cert", _files.ServerCertificate, "--tls-key", _files.ServerKey, "--client-ca", _files.Ca, "--no-tls-resumption");
        string[] request = ["--cacert", _files.Ca, $"https://127.0.0.1:{await PortAsync(gateway)}/"];

        (await CurlAsync([.. request, "--cert", _files.ClientCertificate, "--key", _files.ClientKey])).ShouldBe("HTTP/1.1 http by 2");
        (await Curl.RunAsync(request)).ExitCode.ShouldNotBe(0);
        (await Curl.RunAsync([.. request, "--cert", foreign.ClientCertificate, "--key", foreign.ClientKey])).ExitCode.ShouldNotBe(0);
        upstream.Connections.ShouldBe(1);
        await StopAsync(gateway);
    }

    [SkippableTheory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public async Task UpstreamFlags_SayWhatIsSpokenThere(bool tls, bool http2)
    {
        await using var upstream = await KestrelUpstream.StartAsync(
            Tell, http2 ? HttpProtocols.Http2 : HttpProtocols.Http1, tls ? CreateCertificate(_files) : null);
        string[] flags = [.. tls ? (string[])["--upstream-tls", "--upstream-ca", _files.Ca] : [], .. http2 ? (string[])["--upstream-http2"] : []];
        await using var clear = Start(upstream.Address, flags);
        await using var secure = Start(upstream.Address, [.. flags, "--tls-cert", _files.ServerCertificate, "--tls-key", _files.ServerKey]);
        var said = $"HTTP/{(http2 ? "2" : "1.1")} {(tls ? "https" : "http")}";

        (await CurlAsync($"http://127.0.0.1:{await PortAsync(clear)}/")).ShouldBe(said + " by 1.1");
        (await CurlAsync("--http2-prior-knowledge", $"http://127.0.0.1:{await PortAsync(clear)}/")).ShouldBe(said + " by 2");
        (await CurlAsync("--cacert", _files.Ca, $"https://127.0.0.1:{await PortAsync(secure)}/")).ShouldBe(said + " by 2");
        await StopAsync(clear);
        await StopAsync(secure);
    }

    [SkippableTheory]
    [InlineData(true)] // the system's authorities
    [InlineData(false)] // another one
    public async Task UpstreamTls_WithAnAuthorityThatIsNotTrusted_Is503(bool systems)
    {
        using var foreign = new TlsFiles();
        await using var upstream = await KestrelUpstream.StartAsync(Tell, certificate: CreateCertificate(_files));
        await using var gateway = Start(upstream.Address, systems ? ["--upstream-tls"] : ["--upstream-tls", "--upstream-ca", foreign.Ca]);

        (await Curl.RunAsync("-o", "/dev/null", "-w", "%{http_code}", $"http://127.0.0.1:{await PortAsync(gateway)}/")).Output.ShouldBe("503");
        await StopAsync(gateway);
    }

    [SkippableFact]
    public async Task TcpMode_WithTlsOnBothSides_Relays()
    {
        await using var upstream = await KestrelUpstream.StartAsync(Tell, certificate: CreateCertificate(_files));
        await using var gateway = Start(
            upstream.Address, "--mode", "tcp", "--tls-cert", _files.ServerCertificate, "--tls-key", _files.ServerKey, "--upstream-tls", "--upstream-ca", _files.Ca);

        (await CurlAsync("--cacert", _files.Ca, $"https://127.0.0.1:{await PortAsync(gateway)}/")).ShouldBe("HTTP/1.1 https by 1.1");
        await StopAsync(gateway);
    }

    [Theory]
    [InlineData("--tls-cert CERT", "--tls-cert and --tls-key go together")]
    [InlineData("--tls-key KEY", "--tls-cert and --tls-key go together")]
    [InlineData("--client-ca CA", "--client-ca and --no-tls-resumption need --tls-cert")]
    [InlineData("--upstream-ca CA", "--upstream-ca needs --upstream-tls")]
    [InlineData("--mode tcp --upstream-http2", "--upstream-http2 needs --mode http")]
    [InlineData("--tls-cert /nowhere/cert --tls-key KEY", "/nowhere/cert")]
    [InlineData("--tls-cert CERT --tls-key CA", "private_key")]
    [InlineData("--tls-cert KEY --tls-key KEY", "certificate_chain")]
    [InlineData("--tls-cert CERT --tls-key OTHER", "private_key")]
    [InlineData("--tls-cert CERT --tls-key KEY --client-ca KEY", "trusted_ca")]
    [InlineData("--upstream-tls --upstream-ca KEY", "trusted_ca")]
    public async Task WrongFlags_SayWhyAndExitWith1(string arguments, string said)
    {
        await using var gateway = Start("127.0.0.1:1", [.. arguments.Split(' ').Select(argument => argument switch
        {
            "CERT" => _files.ServerCertificate,
            "KEY" => _files.ServerKey,
            "OTHER" => _files.ClientKey,
            "CA" => _files.Ca,
            _ => argument,
        })]);

        (await gateway.ExitAsync()).ShouldBe(1, gateway.Output);

        gateway.Output.ShouldContain(said);
        gateway.Output.ShouldNotContain("   at "); // a stack
    }

    [Theory]
    [InlineData("--tls-cert CERT --tls-key KEY")]
    [InlineData("--upstream-tls")]
    [InlineData("--upstream-http2")]
    public async Task Flags_WithoutListen_AreRefused(string arguments)
    {
        await using var gateway = ChildProcess.StartProject(
            "samples/Gateway", "MeshProxy.Gateway", [.. arguments.Split(' ').Select(a => a switch { "CERT" => _files.ServerCertificate, "KEY" => _files.ServerKey, _ => a })]);

        (await gateway.ExitAsync()).ShouldBe(1, gateway.Output);

        gateway.Output.ShouldContain("need --listen and --upstream");
    }

    /// <summary>Of the root itself: Kestrel sends no intermediate authority.</summary>
    private static X509Certificate2 CreateCertificate(TlsFiles files) =>
        TestPki.Create("CN=localhost", files.Root, new TestCertificateOptions { Ips = ["127.0.0.1"] }).WithKey;

    private static Task Tell(HttpContext context) => context.Response.WriteAsync($"{context.Request.Protocol} {context.Request.Scheme}");

    /// <summary>What the upstream said, and the version that curl spoke.</summary>
    private static async Task<string> CurlAsync(params string[] arguments)
    {
        var (exitCode, output) = await Curl.RunAsync([.. arguments, "-w", " by %{http_version}"]);
        exitCode.ShouldBe(0, output);
        return output;
    }

    private static ChildProcess Start(string upstream, params string[] flags) => ChildProcess.StartProject(
        "samples/Gateway", "MeshProxy.Gateway", ["--listen", "127.0.0.1:0", "--upstream", upstream, "--concurrency", "1", "--drain-time-s", "1", .. flags]);

    private static async Task<int> PortAsync(ChildProcess gateway) =>
        int.Parse((await gateway.OutputAsync(@"listening on 127\.0\.0\.1:(\d+)")).Groups[1].Value, CultureInfo.InvariantCulture);

    private static async Task StopAsync(ChildProcess gateway)
    {
        gateway.Signal("TERM");
        (await gateway.ExitAsync()).ShouldBe(0, gateway.Output);
    }
}
