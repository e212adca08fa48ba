using System.Globalization;
using MeshProxy.Http.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>python3-h2 as a client and as a server that do what well-behaved ones seldom do. The programs are in the folder <c>python</c>.</summary>
public sealed class PythonH2Tests
{
    public static TheoryData<string, bool> ClientScenarios
    {
        get
        {
            var scenarios = new TheoryData<string, bool>();
            foreach (var scenario in (string[])["tiny_windows", "shrinking_window", "changing_settings", "resets", "pings_and_goaway"])
            {
                scenarios.Add(scenario, false);
                scenarios.Add(scenario, true);
            }

            return scenarios;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(ClientScenarios))]
    public async Task Client_PlaysItsScenario(string scenario, bool upstreamHttp2)
    {
        var python = Python.RequireH2();
        await using var upstream = await KestrelUpstream.StartAsync(protocols: upstreamHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        await using var proxy = await Proxy.HttpAsync(upstream.Address, cluster: cluster => _ = upstreamHttp2 ? cluster.Http2() : cluster);

        var (exitCode, output) = await ChildProcess.RunAsync(
            python, Peers.FileOf("python/client.py"), proxy.Port.ToString(CultureInfo.InvariantCulture), scenario);

        exitCode.ShouldBe(0, output);
        output.ShouldBe("ok");
        proxy.Stat("http.ingress.downstream_cx_total").ShouldBe(1);
    }

    [SkippableTheory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(1_000_000)]
    public async Task Server_ThatChangesItsSettingsInAnUpload_GetsItAll(int window)
    {
        await using var server = await StartAsync();
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: cluster => cluster.Http2(), concurrency: 1);

        // h2 takes the acknowledgement of its first SETTINGS for that of a later one if both are under way: that one first.
        (await proxy.Client.GetStringAsync("/first")).ShouldBe("answer");
        if (window > 0)
        {
            await Parallel.ForAsync(0, 30, async (i, cancellation) =>
            {
                using var response = await proxy.Client.PostAsync($"/settings/{window}", new PayloadContent(i * 2_003, withLength: i % 2 == 0), cancellation);
                var body = await response.Content.ReadAsByteArrayAsync(cancellation);
                ((int)response.StatusCode).ShouldBe(200, server.Output);
                (i == 0 ? "answer"u8.ToArray() : Payload.Create(i * 2_003)).SequenceEqual(body).ShouldBeTrue();
            });
        }
        else
        {
            // No window at all: what has no body goes on.
            (await proxy.Client.GetStringAsync("/settings/0")).ShouldBe("answer");
            (await proxy.Client.GetStringAsync("/next")).ShouldBe("answer");
        }

        proxy.Stat("cluster.service.upstream_rq_rx_reset").ShouldBe(0);
    }

    [SkippableTheory]
    [InlineData(0)] // NO_ERROR
    [InlineData(1)] // PROTOCOL_ERROR
    [InlineData(2)] // INTERNAL_ERROR
    [InlineData(8)] // CANCEL
    [InlineData(11)] // ENHANCE_YOUR_CALM
    public async Task Server_ThatResets_FailsThatRequestOnly(int code)
    {
        await using var server = await StartAsync();
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: cluster => cluster.Http2(), concurrency: 1);

        using var before = await proxy.Client.GetAsync($"/reset/{code}");
        using var within = await proxy.Client.GetAsync($"/cut/{code}", HttpCompletionOption.ResponseHeadersRead);
        await Should.ThrowAsync<IOException>(async () => await (await within.Content.ReadAsStreamAsync()).CopyToAsync(Stream.Null));

        ((int)before.StatusCode).ShouldBe(503);
        (await proxy.Client.GetStringAsync("/next")).ShouldBe("answer");
        proxy.Stat("cluster.service.upstream_cx_total").ShouldBe(1);
    }

    [SkippableFact]
    public async Task Server_WhoseGoAwayLeavesARequestOut_GetsTheNextOnANewConnection()
    {
        await using var server = await StartAsync();
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: cluster => cluster.Http2(), concurrency: 1);

        (await proxy.Client.GetStringAsync("/first")).ShouldBe("answer");
        using var refused = await proxy.Client.GetAsync("/refused");
        using var next = await proxy.Client.GetAsync("/next");

        ((int)refused.StatusCode).ShouldBe(503);
        next.Headers.GetValues("x-connection").ShouldBe(["2"]);
    }

    private static Task<Daemon> StartAsync()
    {
        var python = Python.RequireH2();
        return Daemon.StartAsync(python, "unused", _ => "", (folder, _) => [Peers.FileOf("python/server.py"), Path.Combine(folder, "s")]);
    }
}
