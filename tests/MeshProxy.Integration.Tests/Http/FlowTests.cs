namespace MeshProxy.Integration.Tests.Http;

/// <summary>Bodies that are larger than any buffer.</summary>
public sealed class FlowTests
{
    [Theory]
    [InlineData("Content-Length: 104857600\r\n")]
    [InlineData("")]
    public async Task SlowReader_HoldsUpstreamBack_InBoundedMemory(string lengthHeader)
    {
        const int Length = 100 << 20;
        var flow = new FlowMeter();
        await using var upstream = new RawUpstream(async connection =>
        {
            await connection.ReadHeadAsync();
            await connection.SendAsync($"HTTP/1.1 200 OK\r\n{lengthHeader}\r\n");
            await flow.SendAsync(connection, Length);
        });
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { HttpProtocolOptions = config.HttpProtocolOptions with { AcceptHttp10 = true } },
            http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, TimeSpan.Zero)));
        using var client = await proxy.ConnectAsync(receiveBuffer: 16 * 1024);
        await client.SendAsync("GET / HTTP/1.0\r\nHost: a\r\n\r\n");

        var held = await flow.StallAsync(proxy);

        held.ShouldBeInRange(1, FlowMeter.MaxBytes);
        flow.Sent.ShouldBeLessThan(Length);
        await client.ReadHeadAsync();
        (await client.CountAsync()).ShouldBe(Length);
    }

    [Fact]
    public async Task SlowUpstream_HoldsClientBack_InBoundedMemory()
    {
        const int Length = 100 << 20;
        var flow = new FlowMeter();
        await using var upstream = new RawUpstream(receiveBuffer: 16 * 1024);
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address, http: http => http.VirtualHost("all", ["*"], host => host.Prefix("/", Proxy.Service, TimeSpan.Zero)));
        using var client = await proxy.ConnectAsync();
        await client.SendAsync($"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {Length}\r\n\r\n");
        using var connection = await upstream.AcceptAsync();

        var sending = flow.SendAsync(client, Length);
        var held = await flow.StallAsync(proxy);

        held.ShouldBeInRange(1, FlowMeter.MaxBytes);
        flow.Sent.ShouldBeLessThan(Length);
        await connection.ReadHeadAsync();
        (await connection.CountAsync(Length)).ShouldBe(Length);
        await sending;
        await connection.SendAsync("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        (await client.ReadMessageAsync()).Status.ShouldBe(200);
    }

    [Fact]
    public async Task ManyBodiesAtOnce_BothWays_ComeBackAsTheyWent()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);

        await Parallel.ForAsync(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 16 }, async (i, cancellation) =>
        {
            var length = (i * 37_501) + 1;
            using var response = await proxy.Client.PostAsync("/echo", new PayloadContent(length, withLength: i % 2 == 0), cancellation);
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync(cancellation), cancellation)).ShouldBe(length);
        });
    }
}
