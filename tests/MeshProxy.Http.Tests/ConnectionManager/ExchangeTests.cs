using MeshProxy.TestSupport.Http;

namespace MeshProxy.Http.Tests.ConnectionManager;

public class ExchangeTests
{
    private const string Get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi";

    [Fact]
    public void Get_AnsweredByUpstream_IsForwardedBothWays()
    {
        var h = new HttpExchangeHarness();
        var client = h.Connect(Get);

        h.Upstream.ReceivedText.ShouldStartWith("GET / HTTP/1.1\r\n");
        h.Reply(Ok);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 OK\r\n");
        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        h.ShouldBeClean();
    }
}
