using System.Globalization;

namespace MeshProxy.Integration.Tests.Lifecycle;

public sealed class BlockedPoolTests
{
    [Fact]
    public async Task HostWithABlockedThreadPool_StillGetsItsRequestsProxied()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var host = ChildProcess.StartProject(
            "tests/MeshProxy.BlockedPoolHost", "MeshProxy.BlockedPoolHost", upstream.Address, Settings.EventLoop.ToString());
        var port = int.Parse((await host.OutputAsync(@"^blocked, listening on 127\.0\.0\.1:(\d+)")).Groups[1].Value, CultureInfo.InvariantCulture);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false });

        for (var i = 0; i < 50; i++)
        {
            using var response = await client.PostAsync($"http://127.0.0.1:{port}/echo", new PayloadContent(i * 1000)).WaitAsync(Settings.Patience);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(i * 1000);
        }

        host.EndInput();
        await host.OutputAsync("blocked to the end");
        (await host.ExitAsync()).ShouldBe(0, host.Output);
    }
}
