using MeshProxy.Core.Hosting;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport.Tls;

namespace MeshProxy.Integration.Tests.Interop;

/// <summary>@grpc/grpc-js as client and as server, with the proxy in between: HTTP/2 on both sides.</summary>
public sealed class GrpcJsTests
{
    private const string Refused =
        "14 upstream connect error or disconnect/reset before headers. reset reason: remote connection failure";

    public static TheoryData<string, string> Scenarios => new()
    {
        { "unary", "151 calls" },
        { "large", "5 MiB there and back" },
        { "clientStream", "100 messages, 1000000 bytes" },
        { "serverStream", "200 messages, 1000000 bytes" },
        { "pingPong", "60 rounds" },
        { "flood", "64 messages, 33554432 bytes" },
        {
            "error",
            "9 no, 100% größer\nthan that (at the end)\n9 no, 100% größer\nthan that (at the end)\nmessage 1\nmessage 2\nmessage 3\n15 lost (at the end)\n12"
        },
        { "deadline", "4" },
        { "timeout", "deadline true" },
    };

    [SkippableTheory]
    [MemberData(nameof(Scenarios))]
    public async Task GrpcJs_BothSides_PlaysItsScenario(string scenario, string expected)
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: c => c.Http2());

        (await PlayAsync(proxy, scenario)).ShouldBe(expected);
    }

    [SkippableTheory]
    [InlineData("unary", "151 calls")]
    [InlineData("pingPong", "60 rounds")]
    public async Task GrpcJs_OverTheDownstreamsProtocol_PlaysItsScenario(string scenario, string expected)
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: c => c.UseDownstreamProtocol());

        (await PlayAsync(proxy, scenario)).ShouldBe(expected);
    }

    [SkippableTheory]
    [InlineData("unary", "151 calls")]
    [InlineData("large", "5 MiB there and back")]
    [InlineData("pingPong", "60 rounds")]
    [InlineData("flood", "64 messages, 33554432 bytes")]
    public async Task GrpcJs_OverTlsOnBothSides_PlaysItsScenario(string scenario, string expected)
    {
        var folder = Directory.CreateTempSubdirectory("mp-").FullName;
        using var root = TestPki.Root();
        using var leaf = TestPki.Leaf(root, "localhost");
        var (certificate, key) = leaf.Save(folder, "leaf");
        var ca = Path.Combine(folder, "ca.pem");
        await File.WriteAllTextAsync(ca, root.CertificatePem);
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js", certificate, key);
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                .Tls(tls => tls.Certificate(certificate, key).Alpn("h2", "http/1.1"))
                .HttpConnectionManager(Proxy.Ingress, http => http.RouteAllTo(Proxy.Service))))
            .Cluster(Proxy.Service, cluster => cluster
                .Endpoints(server.Address)
                .Tls(tls => tls.Sni("localhost").TrustedCa(ca))
                .Http2()));

        (await PlayAsync(proxy, scenario, ca)).ShouldBe(expected);
        proxy.Stat($"http.{Proxy.Ingress}.downstream_cx_http2_total").ShouldBe(1);
        Directory.Delete(folder, recursive: true);
    }

    [SkippableFact]
    public async Task Cancellation_ByTheClient_ReachesTheServer()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: c => c.Http2());

        (await PlayAsync(proxy, "cancel")).ShouldBe("1 Cancelled on client");
        await Settings.EventuallyAsync(() => server.Output.Contains("cancelled /acme.Echo/Bidi", StringComparison.Ordinal), () => server.Output);
    }

    [SkippableFact]
    public async Task Deadline_ThatTheProxyCuts_IsStatus4FromTheProxyAndCancelsTheServer()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(
            server.Address,
            cluster: c => c.Http2(),
            http: http => http.VirtualHost("all", ["*"], host => host.GrpcService("acme.Echo", Proxy.Service, TimeSpan.FromSeconds(2))));

        // Once the server has sent its head the stream can only be reset; before that, the status is the proxy's own (see the simulated tests).
        (await PlayAsync(proxy, "patience")).ShouldBeOneOf("13 Received RST_STREAM with code 2 (Internal server error)", "4 downstream duration timeout");
        await Settings.EventuallyAsync(() => server.Output.Contains("cancelled /acme.Echo/Unary", StringComparison.Ordinal), () => server.Output);
        proxy.Stat($"http.{Proxy.Ingress}.downstream_rq_max_duration_reached").ShouldBe(1);
    }

    [SkippableFact]
    public async Task Server_ThatDies_FailsItsCallsAndTheNextOneSaysUnavailable()
    {
        await using var server = await Daemon.NodeProgramAsync("grpc-server.js");
        await using var proxy = await Proxy.HttpAsync(server.Address, cluster: c => c.Http2());

        (await PlayAsync(proxy, "die")).ShouldBeOneOf("13", "14", "1");
        (await PlayAsync(proxy, "failing")).ShouldBe(Refused);
    }

    [SkippableFact]
    public async Task Route_ThatIsMissing_IsUnimplemented()
    {
        Peers.RequireNodeProgram("grpc-client.js");
        await using var proxy = await Proxy.HttpAsync("unix:/nonexistent/socket", http: http => http.VirtualHost("other", ["other"], host => host.Prefix("/", Proxy.Service)));

        (await PlayAsync(proxy, "failing")).ShouldStartWith("12 ");
    }

    private static async Task<string> PlayAsync(Proxy proxy, string scenario, params string[] more)
    {
        var (exitCode, output) = await ChildProcess.RunAsync(
            Peers.Require("node"), [Peers.RequireNodeProgram("grpc-client.js"), $"{proxy.Port}", scenario, .. more]);
        exitCode.ShouldBe(0, output);
        return output;
    }
}
