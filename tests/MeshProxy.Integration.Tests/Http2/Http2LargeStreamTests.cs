using System.Net.Sockets;
using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;
using MeshProxy.Integration.Tests.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>Measures the process's memory, and so runs while no other test does.</summary>
[Collection(nameof(LargeStreamTests))]
public sealed class Http2LargeStreamTests
{
    private const int Window = 256 * 1024;

    [Fact]
    public async Task Body_BothWaysAtOnce_TakesConstantMemory()
    {
        await using var upstream = await KestrelUpstream.StartAsync(protocols: HttpProtocols.Http2);
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            http: http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, TimeSpan.Zero)),
            cluster: c => c.Http2(new Http2ProtocolOptions { InitialStreamWindowSize = Window, InitialConnectionWindowSize = Window }));
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
    }
}
