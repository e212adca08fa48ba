using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>The ws package as client and as server, over HTTP/1.1 and over HTTP/2's extended CONNECT (RFC 8441), either side.</summary>
public sealed class WebSocketTests
{
    private static readonly UpgradeConfig s_websocket = new("websocket");

    private static readonly (string Name, string Outcome)[] s_scenarios =
    [
        ("echo", "protocol chat\n6 messages\nclosed 1000 done"),
        ("fragments", "one two three\nclosed 1000 "),
        ("flood", "32 MiB\nclosed 1000 "),
        ("ping", "pong: are you there\nclosed 1000 "),
        ("close", "closed 4001 that is all"),
        ("abort", "closed 1006 "),
        ("refused", "refused 401"),
    ];

    public static TheoryData<string, string, string, string> Scenarios
    {
        get
        {
            var data = new TheoryData<string, string, string, string>();
            foreach (var (name, outcome) in s_scenarios)
            {
                data.Add(name, "h1", "h1", outcome);
                data.Add(name, "h1", "h2", outcome);
                data.Add(name, "h2", "h1", outcome);
                data.Add(name, "h2", "h2", outcome);
            }

            return data;
        }
    }

    [SkippableTheory]
    [MemberData(nameof(Scenarios))]
    public async Task Ws_BothSides_PlaysItsScenario(string scenario, string downstream, string upstream, string expected)
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js", upstream);
        await using var proxy = await Proxy.HttpAsync(
            server.Address,
            config => config with { UpgradeConfigs = [s_websocket], Http2ProtocolOptions = config.Http2ProtocolOptions with { AllowConnect = true } },
            cluster: c => _ = upstream == "h2" ? c.Http2(new Http2ProtocolOptions { AllowConnect = true }) : c);

        var outcome = await PlayAsync(proxy, scenario, downstream);

        // A stream's reset is an error to node's HTTP/2 client, besides being the end of the socket.
        string.Join('\n', outcome.Split('\n').Where(line => !line.StartsWith("stream: ERR_HTTP2_STREAM_ERROR", StringComparison.Ordinal))).ShouldBe(expected);
    }

    [SkippableFact]
    public async Task Http2_WithoutAllowConnect_SaysSoInItsSettings()
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, config => config with { UpgradeConfigs = [s_websocket] });

        (await PlayAsync(proxy, "echo", "h2")).ShouldBe("no extended CONNECT");
    }

    [SkippableFact]
    public async Task Http2_WhoseUpstreamTakesNoExtendedConnect_Is503()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(
            server.Address,
            config => config with { UpgradeConfigs = [s_websocket] },
            cluster: c => c.Http2(new Http2ProtocolOptions { AllowConnect = true }));

        (await PlayAsync(proxy, "echo")).ShouldBe("refused 503");
    }

    [SkippableTheory]
    [InlineData(false, null, false)]
    [InlineData(true, false, false)]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    public async Task Upgrade_ByConnectionManagerAndRoute_TheRouteHasTheLastWord(bool byManager, bool? byRoute, bool expected)
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js");
        await using var proxy = await Proxy.HttpAsync(
            server.Address,
            config => config with { UpgradeConfigs = byManager ? [s_websocket] : [] },
            http => http.VirtualHost("all", ["*"], host => host.Route(new RouteConfig
            {
                Match = new RouteMatchConfig { Prefix = "/" },
                Route = new RouteActionConfig
                {
                    Cluster = Proxy.Service,
                    UpgradeConfigs = byRoute is { } enabled ? [new UpgradeConfig("websocket", enabled)] : [],
                },
            })));

        (await PlayAsync(proxy, "close")).ShouldBe(expected ? "closed 4001 that is all" : "refused 403");
    }

    [SkippableTheory]
    [InlineData("h1")]
    [InlineData("h2")]
    public async Task Socket_ThatSaysNothing_EndsByTheIdleTimeoutOfItsRoute(string downstream)
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js");
        await using var proxy = await Proxy.HttpAsync(
            server.Address,
            config => config with { UpgradeConfigs = [s_websocket], Http2ProtocolOptions = config.Http2ProtocolOptions with { AllowConnect = true } },
            http => http.VirtualHost("all", ["*"], host => host.Route(new RouteConfig
            {
                Match = new RouteMatchConfig { Prefix = "/" },
                Route = new RouteActionConfig { Cluster = Proxy.Service, IdleTimeout = TimeSpan.FromSeconds(2) },
            })));

        (await PlayAsync(proxy, "silent", downstream)).Split('\n')[^1].ShouldBe("closed 1006 ");
        proxy.Stat($"http.{Proxy.Ingress}.downstream_rq_idle_timeout").ShouldBe(1);
    }

    [SkippableFact]
    public async Task Upstream_ThatIsNotThere_Is503()
    {
        Peers.RequireNodeProgram("websocket-client.js");
        await using var proxy = await Proxy.HttpAsync("unix:/nonexistent/socket", config => config with { UpgradeConfigs = [s_websocket] });

        (await PlayAsync(proxy, "echo")).ShouldBe("refused 503");
    }

    private static async Task<string> PlayAsync(Proxy proxy, string scenario, string version = "h1")
    {
        var (exitCode, output) = await ChildProcess.RunAsync(
            Peers.Require("node"), Peers.RequireNodeProgram("websocket-client.js"), $"{proxy.Port}", scenario, version);
        exitCode.ShouldBe(0, output);
        return output;
    }
}
