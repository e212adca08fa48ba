using System.Text.RegularExpressions;
using MeshProxy.Core.Config;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>curl with every version of HTTP and TLS that it has, with either library on our side.</summary>
public sealed class CurlVersionTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public static TheoryData<TlsImplementation, string, string> TlsCases
    {
        get
        {
            var cases = new TheoryData<TlsImplementation, string, string>();
            foreach (var implementation in (TlsImplementation[])[TlsImplementation.SslStream, TlsImplementation.OpenSsl])
            {
                foreach (var http in (string[])["1.1", "2"])
                {
                    cases.Add(implementation, http, "1.2");
                    cases.Add(implementation, http, "1.3");
                }
            }

            return cases;
        }
    }

    public void Dispose() => _files.Dispose();

    [SkippableTheory]
    [InlineData("--http1.1", "1.1")]
    [InlineData("--http2", "1.1")] // asks by Upgrade: h2c, which is not offered
    [InlineData("--http2-prior-knowledge", "2")]
    public async Task Curl_InClear_GetsTheVersionAndItsUploadBack(string option, string version)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls: false);

        await UploadAsync(proxy.Url(tls: false, "/whole"), version, option);
    }

    [SkippableTheory]
    [MemberData(nameof(TlsCases))]
    public async Task Curl_OverTls_GetsTheVersionsAndItsUploadBack(TlsImplementation implementation, string http, string tls)
    {
        TlsLibrary.Use(implementation);
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls: true);

        await UploadAsync(proxy.Url(tls: true, "/whole"), http, [.. Tls(tls), "--http" + http]);

        proxy.Stat($"listener.{Proxy.Ingress}.ssl.versions.TLSv{tls}").ShouldBe(1);
    }

    [SkippableTheory]
    [MemberData(nameof(TlsCases))]
    public async Task Curl_WithItsCertificate_IsLetInByThatAlone(TlsImplementation implementation, string http, string tls)
    {
        TlsLibrary.Use(implementation);
        using var foreign = new TlsFiles();
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls: true, clientCa: true);
        string[] common = [.. Tls(tls), "--http" + http, "-w", "\n%{http_code} %{http_version}", proxy.Url(tls: true, "/private")];

        var own = await Curl.RunAsync([.. common, "--cert", _files.ClientCertificate, "--key", _files.ClientKey]);
        var without = await Curl.RunAsync(common);
        var others = await Curl.RunAsync([.. common, "--cert", foreign.ClientCertificate, "--key", foreign.ClientKey]);

        own.ExitCode.ShouldBe(0, own.Output);
        own.Output.ShouldEndWith($"\n200 {http}");
        without.ExitCode.ShouldNotBe(0, without.Output);
        without.Output.ShouldNotContain("GET /private");
        others.ExitCode.ShouldNotBe(0, others.Output);
        others.Output.ShouldNotContain("GET /private");
        await proxy.StatIsAsync($"listener.{Proxy.Ingress}.ssl.fail_verify_no_cert", 1);
        await proxy.StatIsAsync($"listener.{Proxy.Ingress}.ssl.fail_verify_error", 1);
        upstream.Connections.ShouldBe(1);
    }

    [SkippableTheory]
    [InlineData(TlsImplementation.SslStream)]
    [InlineData(TlsImplementation.OpenSsl)]
    public async Task Curl_InParallel_SharesOneConnection(TlsImplementation implementation)
    {
        TlsLibrary.Use(implementation);
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls: true);
        var folder = Directory.CreateDirectory(_files.InFolder("parallel")).FullName;

        // -Z opens more connections unless it may wait for the first one to say what it speaks.
        var (exitCode, output) = await Curl.RunAsync(
            "-Z", "--parallel-max", "20", "--http2", "--cacert", _files.Ca, "-w", "%{http_code} %{http_version}\n",
            "-o", Path.Combine(folder, "#1"), proxy.Url(tls: true, "/bytes/[100001-100040]"));

        exitCode.ShouldBe(0, output);
        Regex.Count(output, "200 2").ShouldBe(40, output);
        foreach (var file in Directory.GetFiles(folder))
        {
            await using var stream = File.OpenRead(file);
            $"{await Payload.VerifyAsync(stream)}".ShouldBe(Path.GetFileName(file));
        }

        Directory.GetFiles(folder).Length.ShouldBe(40);
        await proxy.StatIsAsync($"http.{Proxy.Ingress}.downstream_cx_total", 1);
    }

    private string[] Tls(string version) => ["--cacert", _files.Ca, "--tlsv" + version, "--tls-max", version];

    private async Task UploadAsync(string url, string version, params string[] options)
    {
        var file = _files.InFolder("upload");
        var answer = _files.InFolder("answer");
        await File.WriteAllBytesAsync(file, Payload.Create(3_000_000));

        var (exitCode, output) = await Curl.RunAsync([.. options, "-T", file, "-o", answer, "-w", "%{http_code} %{http_version}", url]);

        exitCode.ShouldBe(0, output);
        output.ShouldBe("200 " + version);
        (await File.ReadAllBytesAsync(answer)).SequenceEqual(Payload.Create(3_000_000)).ShouldBeTrue();
    }
}
