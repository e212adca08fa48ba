using MeshProxy.Http.Config;
using MeshProxy.Http.Hosting;

namespace MeshProxy.Integration.Tests.Http;

/// <summary>Listeners and endpoints of every kind of address.</summary>
public sealed class AddressTests
{
    [Theory]
    [InlineData("127.0.0.1:0")]
    [InlineData("[::1]:0")]
    [InlineData("unix:@abstract")]
    [InlineData("unix:file")]
    [InlineData("internal:name")]
    public async Task Endpoint_OfAnyKind_IsReached(string address)
    {
        var name = Guid.NewGuid().ToString("N");
        address = address switch
        {
            "unix:@abstract" => "unix:@mp-" + name,
            "unix:file" => "unix:" + Path.Combine(Path.GetTempPath(), $"mp-{name}.sock"),
            "internal:name" => "internal:" + name,
            _ => address,
        };
        var isInternal = address.StartsWith("internal:", StringComparison.Ordinal);

        // The inner proxy listens there, the outer one has it as its endpoint. Internal addresses are one server's own.
        await using var inner = isInternal ? null : await Proxy.StartAsync(builder => builder
            .Listener("inner", address, listener => listener.FilterChain(chain => chain
                .HttpConnectionManager("inner", Inner))));
        await using var outer = await Proxy.HttpAsync(
            isInternal ? address : inner!.Server.GetListenerAddress("inner").ToString(),
            AnswersEarly,
            other: builder =>
            {
                if (isInternal)
                {
                    builder.Listener("inner", address, listener => listener.FilterChain(chain => chain
                        .HttpConnectionManager("inner", Inner)));
                }
            });

        for (var i = 0; i < 10; i++)
        {
            (await outer.Client.GetStringAsync("/")).ShouldBe("inner");
        }

        using var large = await outer.Client.PostAsync("/", new PayloadContent(1_000_000));
        ((int)large.StatusCode).ShouldBe(200);
    }

    private static void Inner(HttpConnectionManagerBuilder http) => http.With(AnswersEarly).VirtualHost("all", ["*"], host => host.DirectResponse("/", 200, "inner"));

    /// <summary>The answer comes while the client still sends, which must not be cut off however long it takes.</summary>
    private static HttpConnectionManagerConfig AnswersEarly(HttpConnectionManagerConfig config) => config with { DelayedCloseTimeout = Settings.Patience };

    [Fact]
    public async Task Cluster_OfSeveralHosts_IsUsedInTurn()
    {
        var upstreams = new List<RawUpstream>();
        for (var i = 0; i < 3; i++)
        {
            upstreams.Add(new RawUpstream(RawUpstream.Answer($"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{i}")));
        }

        await using (var proxy = await Proxy.HttpAsync(
            upstreams[0].Address, cluster: cluster => cluster.Endpoints(upstreams[1].Address, upstreams[2].Address), concurrency: 1))
        {
            var answers = new List<string>();
            for (var i = 0; i < 30; i++)
            {
                answers.Add(await proxy.Client.GetStringAsync("/"));
            }

            answers.GroupBy(answer => answer).Select(group => group.Count()).ShouldBe([10, 10, 10]);
        }

        foreach (var upstream in upstreams)
        {
            upstream.Connections.ShouldBe(1);
            await upstream.DisposeAsync();
        }
    }
}
