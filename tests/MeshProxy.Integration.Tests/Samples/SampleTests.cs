using System.Globalization;

namespace MeshProxy.Integration.Tests.Samples;

/// <summary>The sample programs as a user runs them. The gateway's demo has fixed ports: .ci/gateway-smoke runs it.</summary>
public sealed class SampleTests
{
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Gateway_InHttpMode_ProxiesUntilASignalAndExitsWith0(string signal)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var gateway = Gateway("--listen", "127.0.0.1:0", "--upstream", upstream.Address, "--concurrency", "1", "--drain-time-s", "5", "--event-loop", Settings.EventLoop.ToString());
        var port = await PortAsync(gateway);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        var body = await client.GetStringAsync($"http://127.0.0.1:{port}/a");
        gateway.Signal(signal);

        body.ShouldStartWith("GET /a");
        body.ShouldContain("x-forwarded-for: 127.0.0.1", Case.Insensitive);
        (await gateway.ExitAsync()).ShouldBe(0, gateway.Output);
        gateway.Output.ShouldEndWith("stopped");
    }

    [Fact]
    public async Task Gateway_InTcpMode_RelaysToAllUpstreams()
    {
        await using var one = await KestrelUpstream.StartAsync();
        await using var two = await KestrelUpstream.StartAsync();
        await using var gateway = Gateway("--listen", "127.0.0.1:0", "--upstream", $"{one.Address},{two.Address}", "--mode", "tcp", "--drain-time-s", "1");
        var port = await PortAsync(gateway);

        for (var i = 0; i < 8; i++)
        {
            using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });
            (await client.GetStringAsync($"http://127.0.0.1:{port}/")).ShouldStartWith("GET /");
        }

        one.Connections.ShouldBeGreaterThan(0);
        two.Connections.ShouldBeGreaterThan(0);
        gateway.Signal("INT");
        (await gateway.ExitAsync()).ShouldBe(0, gateway.Output);
    }

    [Fact]
    public async Task Gateway_Help_ShowsTheOptions()
    {
        await using var gateway = Gateway("--help");

        (await gateway.ExitAsync()).ShouldBe(0);

        foreach (var option in (string[])["--listen", "--upstream", "--mode", "--concurrency", "--event-loop", "--drain-time-s"])
        {
            gateway.Output.ShouldContain(option);
        }
    }

    [Theory]
    [InlineData("--nonsense", "--nonsense")]
    [InlineData("--listen 127.0.0.1:0", "--upstream")]
    [InlineData("--listen nowhere --upstream 127.0.0.1:1", "nowhere")]
    [InlineData("--listen 127.0.0.1:0 --upstream 127.0.0.1:1 --concurrency 0", "--concurrency")]
    [InlineData("--listen 127.0.0.1:0 --upstream 127.0.0.1:1 --mode udp", "udp")]
    public async Task Gateway_WithWrongArguments_SaysWhichAndExitsWith1(string arguments, string said)
    {
        await using var gateway = Gateway(arguments.Split(' '));

        (await gateway.ExitAsync()).ShouldBe(1, gateway.Output);

        gateway.Output.ShouldContain(said);
    }

    [Fact]
    public async Task Gateway_OnATakenAddress_SaysSoAndExitsWith1()
    {
        await using var taken = new RawUpstream();
        await using var gateway = Gateway("--listen", taken.Address, "--upstream", "127.0.0.1:1");

        (await gateway.ExitAsync()).ShouldBe(1, gateway.Output);

        gateway.Output.ShouldContain(taken.Address);
    }

    [Fact]
    public async Task CustomFilter_LogsEachStepAndAddsItsHeader()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        var socket = Path.Combine(Path.GetTempPath(), $"mp-{Guid.NewGuid():N}.sock");
        await using var sample = ChildProcess.StartProject("samples/CustomFilter", "MeshProxy.Samples.CustomFilter", "try MeshProxy today", "unix:" + socket, upstream.Address);
        await sample.OutputAsync("Application started");
        using var client = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, cancellation) =>
            {
                var unix = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
                await unix.ConnectAsync(new System.Net.Sockets.UnixDomainSocketEndPoint(socket), cancellation);
                return new System.Net.Sockets.NetworkStream(unix, ownsSocket: true);
            },
        });

        using var response = await client.PostAsync("http://sample/echo", new StringContent("news"));

        response.Headers.GetValues("x-evangelist").ShouldBe(["try MeshProxy today"]);
        foreach (var step in (string[])["decode headers: /echo", "decode data: 4 bytes", "encode headers: status 200", "encode data: 4 bytes"])
        {
            await sample.OutputAsync(step);
        }

        client.Dispose();
        sample.Signal("INT");
        (await sample.ExitAsync()).ShouldBe(0, sample.Output);
    }

    [Fact]
    public async Task CustomFilter_WithAMessageOf7Characters_IsRefusedAtStartWithItsPath()
    {
        await using var sample = ChildProcess.StartProject("samples/CustomFilter", "MeshProxy.Samples.CustomFilter", "1234567", "127.0.0.1:0", "127.0.0.1:1");

        (await sample.ExitAsync()).ShouldNotBe(0);

        sample.Output.ShouldContain("static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0].typed_config.message: must have 8 to 25 characters, has 7");
    }

    private static ChildProcess Gateway(params string[] arguments) => ChildProcess.StartProject("samples/Gateway", "MeshProxy.Gateway", arguments);

    private static async Task<int> PortAsync(ChildProcess gateway) =>
        int.Parse((await gateway.OutputAsync(@"listening on 127\.0\.0\.1:(\d+)")).Groups[1].Value, CultureInfo.InvariantCulture);
}
