using System.Net;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Measures the process's memory, and so runs while no other test does.</summary>
[CollectionDefinition(nameof(LargeStreamTests), DisableParallelization = true)]
[Collection(nameof(LargeStreamTests))]
public sealed class LargeStreamTests
{
    [Fact]
    public async Task Body_BothWaysAtOnce_TakesConstantMemory()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, TimeSpan.Zero)));
        var memoryBefore = GC.GetTotalMemory(forceFullCollection: true);
        var request = new HttpRequestMessage(HttpMethod.Post, "/echo") { Content = new PayloadContent(Settings.LargeBytes) };
        long received, slabs = 0;
        using var done = new CancellationTokenSource();
        var watch = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                slabs = Math.Max(slabs, (await proxy.Server.GetDiagnosticsAsync()).SlabsInUse);
                await Task.Delay(5);
            }
        });

        using (var response = await proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead))
        {
            response.StatusCode.ShouldBe(HttpStatusCode.OK);
            received = await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync());
        }

        await done.CancelAsync();
        await watch;
        received.ShouldBe(Settings.LargeBytes);
        slabs.ShouldBeInRange(1, 2 * FlowMeter.MaxSlabs);
        (GC.GetTotalMemory(forceFullCollection: true) - memoryBefore).ShouldBeLessThan(64L << 20);
    }
}
