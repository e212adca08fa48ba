using MeshProxy.Core.Config;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Every failed request says why: flags and details as Envoy writes them.</summary>
public sealed class AccessLogTests
{
    [Fact]
    public async Task Failures_AreLoggedWithFlagsAndDetails()
    {
        using var refused = new RefusingAddress();
        var file = Path.GetTempFileName();
        await using var upstream = new RawUpstream(async connection =>
        {
            var head = await connection.ReadHeadAsync();
            if (head!.Contains("/garbage", StringComparison.Ordinal))
            {
                await connection.SendAsync("garbage\r\n\r\n");
            }
            else if (head.Contains("/silent", StringComparison.Ordinal))
            {
                await connection.DrainAsync();
            }
            else if (head.Contains("/ok", StringComparison.Ordinal))
            {
                // Said, because it closes: a request that follows on this connection before the FIN would fail with it.
                await connection.SendAsync("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
            }
        });
        await using (var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { AccessLog = [new AccessLogConfig { Path = file, Format = "%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" }] },
            http => http.VirtualHost("all", ["*"], host => host
                .Prefix("/refused", "refused").Prefix("/empty", "empty").Prefix("/silent", Proxy.Service, TimeSpan.FromMilliseconds(100))
                .Prefix("/ok", Proxy.Service).Prefix("/garbage", Proxy.Service).Prefix("/closes", Proxy.Service)),
            other: builder => builder.Cluster("refused", cluster => cluster.Endpoints(refused.ToString())).Cluster("empty", _ => { })))
        {
            foreach (var path in (string[])["/ok", "/nothing", "/empty", "/refused", "/silent", "/garbage", "/closes"])
            {
                using var response = await proxy.Client.GetAsync(path);
            }
        }

        (await File.ReadAllLinesAsync(file)).ShouldBe(
        [
            "/ok 200 - via_upstream",
            "/nothing 404 NR route_not_found",
            "/empty 503 UH no_healthy_upstream",
            "/refused 503 UF upstream_reset_before_response_started{remote_connection_failure}",
            "/silent 504 UT response_timeout",
            "/garbage 502 UPE upstream_reset_before_response_started{protocol_error|http1.codec_error}",
            "/closes 503 UC upstream_reset_before_response_started{connection_termination}",
        ]);
        File.Delete(file);
    }

    [Fact]
    public async Task ClientThatGoes_IsLoggedAsDownstreamTermination()
    {
        var file = Path.GetTempFileName();
        await using var upstream = new RawUpstream();
        await using (var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { AccessLog = [new AccessLogConfig { Path = file, Format = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%\n" }] }))
        {
            using var client = await proxy.ConnectAsync();
            await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
            using var connection = await upstream.AcceptAsync();

            // The kernel accepts before the proxy knows of its connection. Had the client gone by then, the connection would be nobody's, stay in
            // the pool for the next request (as in Envoy), and not close.
            await connection.ReadHeadAsync();
            client.Dispose();
            await connection.DrainAsync();
        }

        (await File.ReadAllLinesAsync(file)).ShouldBe(["0 DC downstream_remote_disconnect"]);
        File.Delete(file);
    }
}
