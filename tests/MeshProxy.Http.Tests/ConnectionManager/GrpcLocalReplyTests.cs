using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>What a gRPC client is told by the proxy itself: HTTP 200 and a head with the status, no body.</summary>
public sealed class GrpcLocalReplyTests
{
    private const string Log = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %GRPC_STATUS% %GRPC_STATUS(SNAKE_STRING)% %GRPC_STATUS_NUMBER%\n";
    private const string Head = "HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\n";

    private static string Request(string contentType = "application/grpc", string more = "") =>
        $"POST /acme.Echo/Say HTTP/1.1\r\nhost: a\r\ncontent-type: {contentType}\r\n{more}content-length: 0\r\n\r\n";

    [Theory]
    [InlineData(400, 13)]
    [InlineData(401, 16)]
    [InlineData(403, 7)]
    [InlineData(404, 12)]
    [InlineData(429, 14)]
    [InlineData(502, 14)]
    [InlineData(503, 14)]
    [InlineData(504, 14)]
    [InlineData(500, 2)]
    [InlineData(413, 2)]
    [InlineData(200, 2)]
    public void Reply_ToGrpc_HasTheStatusThatStandsForHttps(int status, int code)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            RouteEntry = route => route with { Route = null, DirectResponse = new DirectResponseActionConfig { Status = status } },
        });
        var client = h.Connect(Request());

        client.ReceivedText.ShouldStartWith(Head + $"grpc-status: {code}\r\n");
        client.ReceivedText.ShouldNotContain("grpc-message");
        client.ReceivedText.ShouldEndWith("\r\n\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Reply_WithText_IsPercentEncodedAndNotABody()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            RouteEntry = route => route with { Route = null, DirectResponse = new DirectResponseActionConfig { Status = 403, Body = "100% no,\nsorry ☃" } },
        });
        var client = h.Connect(Request("application/grpc+proto"));

        client.ReceivedText.ShouldContain("\r\ngrpc-status: 7\r\ngrpc-message: 100%25 no,%0Asorry %E2%98%83\r\n");
        client.ReceivedText.ShouldContain("\r\ncontent-type: application/grpc\r\n");
        client.ReceivedText.ShouldContain("\r\ncontent-length: 0\r\n");
        client.ReceivedText.ShouldEndWith("\r\n\r\n");
        h.Send(client, Request());
        client.ReceivedText.Split("grpc-message").Length.ShouldBe(3);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("application/grpc-web")]
    [InlineData("application/json")]
    public void Reply_ToOthers_StaysPlainHttp(string contentType)
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            RouteEntry = route => route with { Route = null, DirectResponse = new DirectResponseActionConfig { Status = 503, Body = "no" } },
        });
        var client = h.Connect(Request(contentType));

        client.ReceivedText.ShouldStartWith("HTTP/1.1 503 ");
        client.ReceivedText.ShouldNotContain("grpc-status");
        client.ReceivedText.ShouldEndWith("\r\n\r\nno");
        h.ShouldBeClean();
    }

    [Fact]
    public void Reply_ForALostUpstream_KeepsItsFlagsInTheLogAndItsOtherHeaders()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions { AccessLogFormat = Log });
        var client = h.Connect(Request());
        h.Upstream.Reset();
        h.Run();

        client.ReceivedText.ShouldStartWith(Head + "grpc-status: 14\r\ngrpc-message: upstream connect error");
        h.LogLines.ShouldBe(["200 UC upstream_reset_before_response_started{connection_termination} Unavailable UNAVAILABLE 14"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Log_OfAForwardedCall_TakesTheStatusOfTrailersHeadOrHttp()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            AccessLogFormat = "%GRPC_STATUS% %GRPC_STATUS(NUMBER)% %GRPC_STATUS()%\n",
        });
        var client = h.Connect(Request());
        h.Reply("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ngrpc-status: 5\r\ncontent-length: 0\r\n\r\n");
        h.Send(client, Request());
        h.Reply("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        h.Send(client, Request());
        h.Reply("HTTP/1.1 200 OK\r\ngrpc-status: 77\r\ncontent-length: 0\r\n\r\n");
        h.Send(client, Request("text/plain"));
        h.Reply("HTTP/1.1 200 OK\r\ngrpc-status: 5\r\ncontent-length: 0\r\n\r\n");

        h.LogLines.ShouldBe(["NotFound 5 NotFound", "Unimplemented 12 Unimplemented", "77 77 77", "- - -"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Reply_WhoseFilterNamesAStatus_KeepsIt()
    {
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = static (filter, headers, _) =>
                    {
                        // What a bridge does to its request must not change the language of the answer.
                        headers.Set("content-type", "text/plain");
                        filter.Stream.SendLocalReply(429, "slow down", "test", static reply => reply.Set("grpc-status", "8"));
                        return new(MeshProxy.Core.Network.FilterStatus.StopIteration);
                    },
                },
            ],
        });
        var client = h.Connect(Request());

        client.ReceivedText.ShouldContain("\r\ngrpc-status: 8\r\n");
        client.ReceivedText.ShouldContain("\r\ngrpc-message: slow down\r\n");
        h.ShouldBeClean();
    }
}
