namespace MeshProxy.Integration.Tests.Interop;

public sealed class HaproxyTests
{
    [SkippableTheory]
    [InlineData("http")]
    [InlineData("tcp")]
    public async Task Haproxy_InFront_ForwardsBodiesBothWays(string mode)
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        await using var haproxy = await Daemon.HaproxyAsync(mode, $"127.0.0.1:{proxy.Port}");
        using var client = haproxy.CreateClient();

        for (var i = 0; i < 20; i++)
        {
            var length = i * 50_000;
            using var response = await client.PostAsync("/echo", new PayloadContent(length, withLength: i % 2 == 0));
            (await Payload.VerifyAsync(await response.Content.ReadAsStreamAsync())).ShouldBe(length);
        }

        proxy.Stat("http.ingress.downstream_cx_total").ShouldBeLessThan(20);
    }

    [SkippableFact]
    public async Task Haproxy_BehindTcpProxy_AnswersItsOwnErrors()
    {
        await using var haproxy = await Daemon.HaproxyAsync("http", "127.0.0.1:1");
        await using var proxy = await Proxy.TcpAsync(haproxy.Address);

        using var response = await proxy.Client.GetAsync("/");

        ((int)response.StatusCode).ShouldBe(503);
    }
}
