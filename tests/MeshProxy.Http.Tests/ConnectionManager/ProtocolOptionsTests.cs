using MeshProxy.Core.Config;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using Shouldly;
using Xunit;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>Limits and policies of the config have their effect on messages.</summary>
public sealed class ProtocolOptionsTests
{
    private const string Start = "GET / HTTP/1.1\r\nhost: a\r\n";

    [Fact]
    public void MaxHeadersCount_OfTheManager_Counts()
    {
        var h = Common(new HttpProtocolOptions { MaxHeadersCount = 3 });
        var client = h.Connect(Start + "b: 1\r\nc: 1\r\n\r\n");
        h.Reply("HTTP/1.1 204 No\r\n\r\n");
        client.ReceivedText.ShouldStartWith("HTTP/1.1 204 ");
        h.Connect(Start + "b: 1\r\nc: 1\r\nd: 1\r\n\r\n").ReceivedText.ShouldStartWith("HTTP/1.1 431 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Underscores_Reject_GetA400()
    {
        var h = Common(new HttpProtocolOptions { HeadersWithUnderscoresAction = HeadersWithUnderscoresAction.RejectRequest });
        h.Connect(Start + "x_y: 1\r\n\r\n").ReceivedText.ShouldStartWith("HTTP/1.1 400 ");
        h.Counter("http.t.requests_rejected_with_underscores_in_headers").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Fact]
    public void Underscores_Drop_DoNotReachTheUpstream()
    {
        var h = Common(new HttpProtocolOptions { HeadersWithUnderscoresAction = HeadersWithUnderscoresAction.DropHeader });
        h.Connect(Start + "x_y: 1\r\nx-z: 2\r\n\r\n");
        h.Upstream.ReceivedText.ShouldContain("x-z: 2");
        h.Upstream.ReceivedText.ShouldNotContain("x_y");
        h.Counter("http.t.dropped_headers_with_underscores").ShouldBe(1);
        h.Reply("HTTP/1.1 204 No\r\nup_stream: stays\r\n\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void MaxHeadersCount_OfTheCluster_CountsForResponses()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { Cluster = c => c with { CommonHttpProtocolOptions = new() { MaxHeadersCount = 2 } } });
        var client = h.Connect(Start + "\r\n");
        h.Reply("HTTP/1.1 200 OK\r\na: 1\r\nb: 1\r\ncontent-length: 0\r\n\r\n");
        client.ReceivedText.ShouldStartWith("HTTP/1.1 502 ");
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData(true, "X-Mixed: Value\r\n", "X-Answer: Value\r\n")]
    [InlineData(false, "x-mixed: Value\r\n", "x-answer: Value\r\n")]
    public void PreserveCase_DecidesAboutNamesBothWays(bool preserve, string upstream, string downstream)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Manager = c => c with { HttpProtocolOptions = new Http1ProtocolOptions { PreserveCase = preserve } },
        });
        var client = h.Connect("GET / HTTP/1.1\r\nHOST: a\r\nX-Mixed: Value\r\n\r\n");
        h.Upstream.ReceivedText.ShouldContain(upstream, Case.Sensitive);
        h.Reply("HTTP/1.1 200 OK\r\nX-Answer: Value\r\ncontent-length: 0\r\n\r\n");
        client.ReceivedText.ShouldContain(downstream, Case.Sensitive);
        h.ShouldBeClean();
    }

    private static HttpExchangeHarness Common(HttpProtocolOptions options) =>
        new(new HttpExchangeOptions { Manager = c => c with { CommonHttpProtocolOptions = options } });
}
