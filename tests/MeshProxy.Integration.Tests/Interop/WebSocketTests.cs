using MeshProxy.Http.Config;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>The ws package as client and as server, over HTTP/1.1 on both sides.</summary>
public sealed class WebSocketTests
{
    private static readonly UpgradeConfig s_websocket = new("websocket");

    public static TheoryData<string, string> Scenarios => new()
    {
        { "echo", "protocol chat\n6 messages\nclosed 1000 done" },
        { "fragments", "one two three\nclosed 1000 " },
        { "flood", "32 MiB\nclosed 1000 " },
        { "ping", "pong: are you there\nclosed 1000 " },
        { "close", "closed 4001 that is all" },
        { "abort", "closed 1006 " },
        { "refused", "refused 401" },
    };

    [SkippableTheory]
    [MemberData(nameof(Scenarios))]
    public async Task Ws_BothSides_PlaysItsScenario(string scenario, string expected)
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, config => config with { UpgradeConfigs = [s_websocket] });

        (await PlayAsync(proxy, scenario)).ShouldBe(expected);
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

    [SkippableFact]
    public async Task Socket_ThatSaysNothing_EndsByTheIdleTimeoutOfItsRoute()
    {
        await using var server = await Daemon.NodeProgramAsync("websocket-server.js");
        await using var proxy = await Proxy.HttpAsync(
            server.Address,
            config => config with { UpgradeConfigs = [s_websocket] },
            http => http.VirtualHost("all", ["*"], host => host.Route(new RouteConfig
            {
                Match = new RouteMatchConfig { Prefix = "/" },
                Route = new RouteActionConfig { Cluster = Proxy.Service, IdleTimeout = TimeSpan.FromMilliseconds(300) },
            })));

        (await PlayAsync(proxy, "silent")).ShouldBe("closed 1006 ");
        proxy.Stat($"http.{Proxy.Ingress}.downstream_rq_idle_timeout").ShouldBe(1);
    }

    [SkippableFact]
    public async Task Upstream_ThatIsNotThere_Is503()
    {
        Peers.RequireNodeProgram("websocket-client.js");
        await using var proxy = await Proxy.HttpAsync("unix:/nonexistent/socket", config => config with { UpgradeConfigs = [s_websocket] });

        (await PlayAsync(proxy, "echo")).ShouldBe("refused 503");
    }

    private static async Task<string> PlayAsync(Proxy proxy, string scenario)
    {
        var (exitCode, output) = await ChildProcess.RunAsync(
            Peers.Require("node"), Peers.RequireNodeProgram("websocket-client.js"), $"{proxy.Port}", scenario);
        exitCode.ShouldBe(0, output);
        return output;
    }
}
