using System.Text.RegularExpressions;
using MeshProxy.Http.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>nghttp and h2load, in clear and over TLS.</summary>
public sealed class NghttpTests : IDisposable
{
    private readonly TlsFiles _files = new();

    public void Dispose() => _files.Dispose();

    [SkippableTheory]
    [InlineData(false, "")]
    [InlineData(true, "")]
    [InlineData(false, "--continuation")]
    [InlineData(true, "--continuation")]
    [InlineData(false, "-b 200")]
    [InlineData(false, "-w 10 -W 12")] // windows of 1 and 4 KB
    [InlineData(true, "-w 10 -W 12")]
    [InlineData(false, "-c 0")] // no dynamic table
    [InlineData(false, "-c 100 -c 8192")]
    [InlineData(false, "--no-dep")]
    public async Task Nghttp_WithSeveralUris_GetsThemAll(bool tls, string options)
    {
        var nghttp = Peers.Require("nghttp");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls);

        var (exitCode, output) = await ChildProcess.RunAsync(
            nghttp,
            [
                "-nv", "-y", "-m", "5", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries),
                proxy.Url(tls, "/bytes/100000"), proxy.Url(tls, "/chunked/20000"), proxy.Url(tls, "/status/204"), proxy.Url(tls, "/a/b?c"),
            ]);

        exitCode.ShouldBe(0, output);
        Regex.Count(output, ":status: 200").ShouldBe(15, output);
        Regex.Count(output, ":status: 204").ShouldBe(5, output);
        output.ShouldNotContain("RST_STREAM");
        proxy.Stat($"http.{Proxy.Ingress}.downstream_cx_http2_total").ShouldBe(1);
    }

    [SkippableTheory]
    [InlineData(false, "")]
    [InlineData(true, "")]
    [InlineData(false, "-b 250")]
    [InlineData(true, "-b 250")]
    [InlineData(false, "--no-content-length")]
    [InlineData(false, "--expect-continue")]
    [InlineData(false, "--trailer=x-sum:17")]
    public async Task Nghttp_WithABody_GetsItBack(bool tls, string options)
    {
        var nghttp = Peers.Require("nghttp");
        await using var upstream = await KestrelUpstream.StartAsync(protocols: HttpProtocols.Http2);
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls, cluster: cluster => cluster.Http2());
        var file = _files.InFolder("body");
        var text = string.Concat(Enumerable.Range(0, 60_000).Select(i => $"line {i}\n"));
        await File.WriteAllTextAsync(file, text);

        var (exitCode, output) = await ChildProcess.RunAsync(
            nghttp, ["-y", "-d", file, "-H", "user-agent: nghttp", .. options.Split(' ', StringSplitOptions.RemoveEmptyEntries), proxy.Url(tls, "/whole")]);

        exitCode.ShouldBe(0);
        (output + "\n").ShouldBe(text);
    }

    [SkippableTheory]
    [InlineData("h2c", false)]
    [InlineData("http/1.1", false)]
    [InlineData("h2", true)]
    [InlineData("http/1.1", true)]
    public async Task H2load_AllSucceed(string protocol, bool upstreamHttp2)
    {
        var h2load = Peers.Require("h2load");
        var tls = protocol == "h2" || (protocol == "http/1.1" && upstreamHttp2);
        await using var upstream = await KestrelUpstream.StartAsync(protocols: upstreamHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        await using var proxy = await TlsProxy.StartAsync(_files, upstream.Address, tls, cluster: cluster => _ = upstreamHttp2 ? cluster.Http2() : cluster);
        string[] version = (protocol, tls) switch
        {
            ("http/1.1", _) => ["--h1"],
            ("h2", _) => ["--npn-list=h2"],
            _ => ["--no-tls-proto=h2c"],
        };

        var (exitCode, output) = await ChildProcess.RunAsync(
            h2load, ["-n", "4000", "-c", "4", "-m", "32", .. version, proxy.Url(tls, "/bytes/3000")]);

        exitCode.ShouldBe(0, output);
        output.ShouldContain("4000 succeeded, 0 failed, 0 errored, 0 timeout");
        output.ShouldContain("4000 2xx");
        output.ShouldContain("Application protocol: " + protocol);
        proxy.Stat($"http.{Proxy.Ingress}.downstream_rq_http{(protocol == "http/1.1" ? 1 : 2)}_total").ShouldBe(4000);
    }
}
