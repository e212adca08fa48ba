using MeshProxy.Core.Network;
using MeshProxy.TestSupport.Http;
using Shouldly;
using Xunit;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>A filter that gives a response a status which no response can have.</summary>
public sealed class FinalStatusTests
{
    [Fact]
    public void Response_ThatAFilterMakesA1xx_IsTheConnectionsLast()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                static () => new DelegateFilter
                {
                    OnEncodeHeaders = static (_, headers, _) =>
                    {
                        headers.Status = 103;
                        return new ValueTask<FilterStatus>(FilterStatus.Continue);
                    },
                },
            ],
        });
        var client = h.Connect("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        h.Send(client, "GET /next HTTP/1.1\r\nhost: a\r\n\r\n");

        client.IsEnded.ShouldBeTrue();
        h.Upstream.ReceivedText.ShouldNotContain("/next");
        h.ShouldBeClean();
    }
}
