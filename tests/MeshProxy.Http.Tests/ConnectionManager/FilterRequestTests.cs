using MeshProxy.Core.Network;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http;
using Shouldly;
using Xunit;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>Filters that leave a request which must not be sent.</summary>
public sealed class FilterRequestTests
{
    private const string Post = "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 33\r\n\r\nGET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string Upgrade = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";

    [Fact]
    public void Upgrade_ThatAFilterAdds_IsNotSent() => Refuses(Post, static headers => headers.Set(HeaderNames.Upgrade, "websocket"));

    [Fact]
    public void Connect_ThatAFilterMakes_IsNotSent() => Refuses(Post, static headers => headers.SetMethod(KnownMethod.Connect));

    [Fact]
    public void Upgrade_ThatAFilterRemoves_IsNotSent() => Refuses(Upgrade, static headers => headers.Remove(HeaderNames.Upgrade));

    [Fact]
    public void Host_ThatAFilterRemoves_IsNotSent() => Refuses(Post, static headers => headers.Remove(HeaderNames.Host));

    private static void Refuses(string request, Action<RequestHeaders> change)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { UpgradeConfigs = [new UpgradeConfig("websocket")] },
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = (_, headers, _) =>
                    {
                        change(headers);
                        return new ValueTask<FilterStatus>(FilterStatus.Continue);
                    },
                },
            ],
        });
        var client = h.Connect(request);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldContain("missing required header: ");
        h.Upstreams.Connections.Count.ShouldBe(0);
        h.ShouldBeClean();
    }
}
