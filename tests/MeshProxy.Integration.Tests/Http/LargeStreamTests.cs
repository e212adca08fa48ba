using System.Net.Sockets;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Measures the process's memory, and so runs while no other test does.</summary>
[CollectionDefinition(nameof(LargeStreamTests), DisableParallelization = true)]
[Collection(nameof(LargeStreamTests))]
public sealed class LargeStreamTests
{
    /// <summary>Small enough that what stands in it is not taken for a leak.</summary>
    internal static readonly Http2ProtocolOptions SmallWindows = new() { InitialStreamWindowSize = 256 * 1024, InitialConnectionWindowSize = 256 * 1024 };

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Body_BothWaysAtOnce_TakesConstantMemory(bool upstreamHttp2)
    {
        await using var upstream = await KestrelUpstream.StartAsync(protocols: upstreamHttp2 ? HttpProtocols.Http2 : HttpProtocols.Http1);
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            http: http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, TimeSpan.Zero)),
            cluster: c => _ = upstreamHttp2 ? c.Http2(SmallWindows) : c);
        var memoryBefore = GC.GetTotalMemory(forceFullCollection: true);
        long received, held = 0;
        using var done = new CancellationTokenSource();
        var watch = Task.Run(async () =>
        {
            while (!done.IsCancellationRequested)
            {
                held = Math.Max(held, (await proxy.Server.GetDiagnosticsAsync()).SlabBytesInUse);
                await Task.Delay(5);
            }
        });

        // Not HttpClient: it sends a whole body before it reads.
        using var client = await proxy.ConnectAsync();
        await using (var stream = new NetworkStream(client.Socket))
        {
            await client.SendAsync($"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {Settings.LargeBytes}\r\n\r\n");
            var sending = Payload.WriteAsync(stream, Settings.LargeBytes);
            new RawMessage((await client.ReadHeadAsync())!).Status.ShouldBe(200);
            received = await Payload.VerifyAsync(client.AsStream());
            await sending;
        }

        await done.CancelAsync();
        await watch;
        received.ShouldBe(Settings.LargeBytes);
        held.ShouldBeInRange(1, 2 * FlowMeter.MaxBytes);
        (GC.GetTotalMemory(forceFullCollection: true) - memoryBefore).ShouldBeLessThan(64L << 20);
    }
}
