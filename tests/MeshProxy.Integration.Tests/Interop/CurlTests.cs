namespace MeshProxy.Integration.Tests.Interop;

public sealed class CurlTests
{
    [SkippableFact]
    public async Task Curl_GetsAnUploadBack()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var file = Path.GetTempFileName();
        var answer = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, Payload.Create(5_000_000));

        // A response that begins before the request has ended costs its connection, as in Envoy: hence the whole body first.
        // With a length (and Expect: 100-continue, as curl does for large bodies), then chunked, on one connection.
        var (exitCode, output) = await ChildProcess.RunAsync(
            curl, "-sS", "--noproxy", "*", "-T", file, "-o", answer, "-w", "%{http_code} %{num_connects}\n", proxy.Uri("/whole").ToString(),
            "--next", "-sS", "--noproxy", "*", "-H", "Transfer-Encoding: chunked", "-T", file, "-o", answer + ".2", "-w", "%{http_code} %{num_connects}\n", proxy.Uri("/whole").ToString());

        exitCode.ShouldBe(0, output);
        output.ShouldBe("200 1\n200 0");
        (await File.ReadAllBytesAsync(answer)).SequenceEqual(Payload.Create(5_000_000)).ShouldBeTrue();
        (await File.ReadAllBytesAsync(answer + ".2")).SequenceEqual(Payload.Create(5_000_000)).ShouldBeTrue();
        File.Delete(file);
        File.Delete(answer);
        File.Delete(answer + ".2");
    }

    [SkippableFact]
    public async Task Curl_ThatUsesTheProxyAsAForwardProxy_SendsAbsoluteForm()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        var (exitCode, output) = await ChildProcess.RunAsync(curl, "-sS", "-x", proxy.Uri().ToString(), "http://somewhere.example/path?q");

        exitCode.ShouldBe(0, output);
        output.ShouldStartWith("GET /path?q");
        output.ShouldContain("Host: somewhere.example");
    }

    [SkippableFact]
    public async Task Curl_Compressed_GetsWhatUpstreamCompressed()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync(async context =>
        {
            context.Response.Headers.ContentEncoding = "gzip";
            await using var gzip = new System.IO.Compression.GZipStream(context.Response.Body, System.IO.Compression.CompressionLevel.Fastest);
            await gzip.WriteAsync("compressed"u8.ToArray());
        });
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        var (exitCode, output) = await ChildProcess.RunAsync(curl, "-sS", "--noproxy", "*", "--compressed", proxy.Uri().ToString());

        exitCode.ShouldBe(0, output);
        output.ShouldBe("compressed");
    }

    [SkippableFact]
    public async Task Curl_WithHttp10_IsServedWhenAccepted()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { AcceptHttp10 = true } });

        var (exitCode, output) = await ChildProcess.RunAsync(curl, "-sS", "--noproxy", "*", "--http1.0", proxy.Uri("/old").ToString());

        exitCode.ShouldBe(0, output);
        output.ShouldStartWith("GET /old");
    }
}
