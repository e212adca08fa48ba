using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using MeshProxy.Http.Config;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>Other people's HTTP/2 clients, in front of an HTTP/1.1 upstream.</summary>
public sealed class Http2InteropTests
{
    [Fact]
    public async Task HttpClient_ManyRequestsAtOnce_ShareOneConnection()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        await Task.WhenAll(Enumerable.Range(0, 300).Select(async i =>
        {
            var size = i * 1000;
            using var response = await proxy.Client.SendAsync(Get(proxy, $"/bytes/{size}"), HttpCompletionOption.ResponseHeadersRead);
            response.Version.ShouldBe(HttpVersion.Version20);
            response.Content.Headers.ContentLength.ShouldBe(size);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(size);
        }));

        proxy.Stat("http.ingress.downstream_cx_http2_total").ShouldBe(1);
        proxy.Stat("http.ingress.downstream_rq_http2_total").ShouldBe(300);
    }

    [Theory]
    [InlineData("/echo")]
    [InlineData("/whole")]
    public async Task HttpClient_Uploads_ComeBackWhole(string path)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        await Task.WhenAll(Enumerable.Range(1, 8).Select(async i =>
        {
            var size = i * 700_001;
            var request = Get(proxy, path);
            request.Method = HttpMethod.Post;
            request.Content = new ByteArrayContent(Payload.Create(size));
            using var response = await proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(size);
        }));
    }

    [Fact]
    public async Task HttpClient_CancelsSome_TheOthersGoOn()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        await Task.WhenAll(Enumerable.Range(0, 60).Select(async i =>
        {
            using var response = await proxy.Client.SendAsync(Get(proxy, "/chunked/1000000"), HttpCompletionOption.ResponseHeadersRead);
            var body = await response.Content.ReadAsStreamAsync();
            if (i % 3 == 0)
            {
                await body.ReadExactlyAsync(new byte[1000]);
                return; // which resets the stream
            }

            (await Payload.VerifyAsync(body)).ShouldBe(1_000_000);
        }));

        proxy.Stat("http.ingress.downstream_cx_http2_total").ShouldBe(1);
    }

    [SkippableFact]
    public async Task Curl_ByPriorKnowledge_GetsAnUploadBack()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        var file = Path.GetTempFileName();
        await File.WriteAllBytesAsync(file, Payload.Create(5_000_000));

        // One connection each: this curl (7.88) cannot use one again that it has begun by prior knowledge, whoever the server is.
        foreach (var (path, expect) in new[] { ("/echo", "Expect:"), ("/whole", "Expect: 100-continue") })
        {
            var (exitCode, output) = await ChildProcess.RunAsync(
                curl, "-sS", "--http2-prior-knowledge", "--noproxy", "*", "-H", expect, "-T", file, "-o", file + ".answer", "-w", "%{http_code} %{http_version}", proxy.Uri(path).ToString());

            exitCode.ShouldBe(0, output);
            output.ShouldBe("200 2");
            (await File.ReadAllBytesAsync(file + ".answer")).SequenceEqual(Payload.Create(5_000_000)).ShouldBeTrue();
            File.Delete(file + ".answer");
        }

        File.Delete(file);
    }

    [SkippableFact]
    public async Task Nghttp_GetsSeveralAnswers()
    {
        var nghttp = Peers.Require("nghttp");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        var (exitCode, output) = await ChildProcess.RunAsync(
            nghttp, "-nv", "--no-dep", "-m", "20", proxy.Uri("/bytes/100000").ToString(), proxy.Uri("/status/204").ToString());

        exitCode.ShouldBe(0, output);
        Regex.Count(output, ":status: 200").ShouldBe(20, output);
        Regex.Count(output, ":status: 204").ShouldBe(20, output);
        output.ShouldNotContain("RST_STREAM");
    }

    [SkippableFact]
    public async Task H2load_AllRequestsSucceed()
    {
        var h2load = Peers.Require("h2load");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        var (exitCode, output) = await ChildProcess.RunAsync(h2load, "-n", "10000", "-c", "4", "-m", "100", proxy.Uri("/bytes/1000").ToString());

        exitCode.ShouldBe(0, output);
        output.ShouldContain("10000 succeeded, 0 failed, 0 errored, 0 timeout");
        output.ShouldContain("10000 2xx");
    }

    [SkippableFact]
    public async Task Drain_H2loadUnderWay_LosesNothing()
    {
        var h2load = Peers.Require("h2load");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, config => config with { CommonHttpProtocolOptions = config.CommonHttpProtocolOptions with { MaxRequestsPerConnection = 500 }, DrainTimeout = TimeSpan.FromMilliseconds(50) });

        // h2load does not connect anew after GOAWAY: what it was not answered it was told not to have been looked at.
        var (_, output) = await ChildProcess.RunAsync(h2load, "-n", "100000", "-c", "2", "-m", "10", proxy.Uri("/bytes/10").ToString());

        var counts = Regex.Match(output, @"requests: \d+ total, (\d+) started, (\d+) done, (\d+) succeeded");
        counts.Success.ShouldBeTrue(output);
        int.Parse(counts.Groups[3].Value, CultureInfo.InvariantCulture).ShouldBeGreaterThanOrEqualTo(1000, output);
        proxy.Stat("http.ingress.downstream_cx_max_requests_reached").ShouldBe(2);
        proxy.Stat("http.ingress.downstream_rq_rx_reset").ShouldBe(0);
    }

    [SkippableFact]
    public async Task PythonH2_InterleavedUploadsAndTrailers()
    {
        var python = Python.RequireH2();
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        var (exitCode, output) = await ChildProcess.RunAsync(
            python, "-c", PythonClient, proxy.Port.ToString(CultureInfo.InvariantCulture));

        exitCode.ShouldBe(0, output);
        output.ShouldBe("ok");
    }

    private static HttpRequestMessage Get(Proxy proxy, string path) =>
        new(HttpMethod.Get, proxy.Uri(path)) { Version = HttpVersion.Version20, VersionPolicy = HttpVersionPolicy.RequestVersionExact };

    private const string PythonClient = """
        import socket, sys
        import h2.connection, h2.config, h2.events
        s = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
        s.settimeout(20)
        c = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        c.initiate_connection()
        s.sendall(c.data_to_send())
        bodies, status, ended = {}, {}, set()
        def pump():
            data = s.recv(65536)
            assert data, "closed"
            for e in c.receive_data(data):
                if isinstance(e, h2.events.ResponseReceived): status[e.stream_id] = dict(e.headers)[":status"]
                elif isinstance(e, h2.events.DataReceived):
                    bodies[e.stream_id] = bodies.get(e.stream_id, b"") + e.data
                    c.acknowledge_received_data(e.flow_controlled_length, e.stream_id)
                elif isinstance(e, h2.events.StreamEnded): ended.add(e.stream_id)
                elif isinstance(e, h2.events.ConnectionTerminated): raise SystemExit(f"goaway {e}")
            s.sendall(c.data_to_send())
        ids = list(range(1, 21, 2))
        for i in ids:
            c.send_headers(i, [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", "/echo"), ("cookie", "a=1"), ("cookie", "b=2")])
        for part in range(50):
            for i in ids:
                piece = bytes([i]) * 1000
                while c.local_flow_control_window(i) < len(piece): pump()
                c.send_data(i, piece, pad_length=part % 7)
            s.sendall(c.data_to_send())
        for i in ids:
            if i % 4 == 1: c.end_stream(i)
            else: c.send_headers(i, [("x-sum", "50000")], end_stream=True)
        s.sendall(c.data_to_send())
        while len(ended) < len(ids): pump()
        for i in ids:
            assert status[i] == "200", status[i]
            assert bodies[i] == bytes([i]) * 50000, len(bodies[i])
        c.close_connection()
        s.sendall(c.data_to_send())
        s.close()
        print("ok")
        """;
}
