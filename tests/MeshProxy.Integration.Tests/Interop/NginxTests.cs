namespace MeshProxy.Integration.Tests.Interop;

public sealed class NginxTests
{
    [SkippableFact]
    public async Task Nginx_AsUpstream_ServesManyRequestsOverFewConnections()
    {
        await using var nginx = await Daemon.NginxAsync("""
            location / { return 200 "served $request_uri by nginx, connection $connection_requests\n"; }
            """);
        await using var proxy = await Proxy.HttpAsync(nginx.Address, concurrency: 1);

        for (var i = 0; i < 100; i++)
        {
            (await proxy.Client.GetStringAsync($"/page/{i}")).ShouldBe($"served /page/{i} by nginx, connection {i + 1}\n");
        }

        await proxy.StatIsAsync("cluster.service.upstream_cx_total", 1);
    }

    [SkippableFact]
    public async Task Nginx_AsUpstream_ServesFilesRangesAndConditions()
    {
        var folder = Directory.CreateTempSubdirectory("mp-www-");
        var payload = Payload.Create(3_000_000);
        await File.WriteAllBytesAsync(Path.Combine(folder.FullName, "file.bin"), payload);
        await using var nginx = await Daemon.NginxAsync($"root {folder.FullName};");
        await using var proxy = await Proxy.HttpAsync(nginx.Address);

        using var whole = await proxy.Client.GetAsync("/file.bin");
        using var part = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/file.bin") { Headers = { { "Range", "bytes=1000-1999" } } });
        using var again = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/file.bin") { Headers = { { "If-None-Match", whole.Headers.ETag!.ToString() } } });
        using var missing = await proxy.Client.GetAsync("/missing");

        (await whole.Content.ReadAsByteArrayAsync()).SequenceEqual(payload).ShouldBeTrue();
        ((int)part.StatusCode).ShouldBe(206);
        (await part.Content.ReadAsByteArrayAsync()).SequenceEqual(payload[1000..2000]).ShouldBeTrue();
        ((int)again.StatusCode).ShouldBe(304);
        ((int)missing.StatusCode).ShouldBe(404);
        folder.Delete(recursive: true);
    }

    [SkippableTheory]
    [InlineData("1.1")]
    [InlineData("1.0")]
    public async Task Nginx_InFront_ForwardsBodiesBothWays(string version)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { AcceptHttp10 = true } });
        {
            await using var nginx = await Daemon.NginxAsync(
                $"location / {{ proxy_pass http://proxy; proxy_http_version {version}; proxy_set_header Connection \"\"; proxy_request_buffering off; proxy_buffering off; }}",
                $"upstream proxy {{ server 127.0.0.1:{proxy.Port}; keepalive 8; }}");
            using var client = nginx.CreateClient();

            for (var i = 0; i < 20; i++)
            {
                var length = i * 50_000;
                using var response = await client.PostAsync("/echo", new PayloadContent(length));
                (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length);
            }
        }

        // Nginx keeps its connections when it may.
        if (version == "1.1")
        {
            proxy.Stat("http.ingress.downstream_cx_total").ShouldBeLessThan(20);
        }
    }
}
