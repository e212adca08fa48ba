using MeshProxy.Http.Hosting;
using MeshProxy.Integration.Tests.Http;
using MeshProxy.TestSupport;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>Measures the process's memory, and so runs while no other test does.</summary>
[Collection(nameof(LargeStreamTests))]
public sealed class Http2LargeStreamTests
{
    [Fact]
    public async Task SlowReader_HoldsUpstreamBack_InBoundedMemory()
    {
        const long Length = 100 << 20;
        long written = 0;
        await using var upstream = await KestrelUpstream.StartAsync(
            async context =>
            {
                var part = new byte[64 * 1024];
                for (; Volatile.Read(ref written) < Length; Interlocked.Add(ref written, part.Length))
                {
                    await context.Response.Body.WriteAsync(part);
                }
            },
            HttpProtocols.Http2);
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            http: http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, TimeSpan.Zero)),
            cluster: c => c.Http2(LargeStreamTests.SmallWindows));
        using var client = await proxy.ConnectAsync(receiveBuffer: 16 * 1024);
        await client.SendAsync("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");

        long most = 0, before = -1;
        var still = 0;
        await Waiting.EventuallyAsync(
            async () =>
            {
                await Task.Delay(50);
                most = Math.Max(most, (await proxy.Server.GetDiagnosticsAsync()).SlabBytesInUse);
                var now = Volatile.Read(ref written);
                still = now == before && now > 0 ? still + 1 : 0;
                before = now;
                return still >= 6;
            },
            () => $"the flow does not stall: {written} bytes are sent");

        most.ShouldBeInRange(1, FlowMeter.MaxBytes);
        before.ShouldBeLessThan(Length / 2);
        await client.ReadHeadAsync();
        (await client.CountAsync()).ShouldBeGreaterThan(Length); // with the frames of the chunks
    }
}
