using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.TestSupport.Http;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>What an access log says of a stream: headers, bytes, times, and why it ended as it did.</summary>
public class AccessLogTests
{
    private const string Get = "GET /path HTTP/1.1\r\nhost: a\r\nuser-agent: ua\r\n\r\n";
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nx-up: 1\r\n\r\nhi";
    private const string Why = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%";

    private static HttpExchangeHarness Harness(string format, HttpExchangeOptions? options = null) =>
        new((options ?? new HttpExchangeOptions()) with { AccessLogFormat = format });

    [Fact]
    public void Log_AfterTheResponse_ShowsBothHeads()
    {
        var h = Harness("%REQ(:METHOD)% %REQ(:PATH)% %REQ(:AUTHORITY)% %REQ(USER-AGENT)% %REQ(X-NONE)% %PROTOCOL% %RESPONSE_CODE% %RESP(X-UP)% %UPSTREAM_CLUSTER%");
        h.Connect(Get);
        h.Reply(Ok);

        h.LogLines.ShouldBe(["GET /path a ua - HTTP/1.1 200 1 c"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Log_BytesAndTimes_AreThoseOfTheStream()
    {
        var h = Harness("%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %REQUEST_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% "
            + "%DOWNSTREAM_HEADER_BYTES_RECEIVED% %DOWNSTREAM_WIRE_BYTES_RECEIVED% %UPSTREAM_HEADER_BYTES_RECEIVED% %UPSTREAM_WIRE_BYTES_RECEIVED%");
        const string Head = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
        var client = h.Connect(Head);
        h.Advance(TimeSpan.FromMilliseconds(10));
        h.Send(client, "5\r\nhello\r\n0\r\n\r\n");
        h.Advance(TimeSpan.FromMilliseconds(20));
        h.Reply(Ok[..^1]);
        h.Advance(TimeSpan.FromMilliseconds(30));
        h.Reply("i");

        h.LogLines.ShouldBe([$"5 2 60 10 30 30 {Head.Length} {Head.Length + 15} {Ok.Length - 2} {Ok.Length}"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Log_WireBytesSent_AreWhatThePeersGot()
    {
        var h = Harness("%DOWNSTREAM_WIRE_BYTES_SENT% %UPSTREAM_WIRE_BYTES_SENT%");
        var client = h.Connect(Get);
        h.Reply(Ok);

        h.LogLines.ShouldBe([$"{client.Received.Length} {h.Upstream.Received.Length}"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_ViaUpstream()
    {
        var h = Harness(Why);
        h.Connect(Get);
        h.Reply(Ok);
        h.LogLines.ShouldBe(["200 - via_upstream"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_ClientClosed()
    {
        var h = Harness(Why);
        h.Connect(Get).Close();
        h.Run();
        h.LogLines.ShouldBe(["0 DC downstream_remote_disconnect"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_UpstreamClosedEarly()
    {
        var h = Harness(Why);
        h.Connect(Get);
        h.Upstream.Close();
        h.Run();
        h.LogLines.ShouldBe(["503 UC upstream_reset_before_response_started{connection_termination}"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_UpstreamClosedInTheBody()
    {
        var h = Harness(Why);
        h.Connect(Get);
        h.Reply(Ok[..^1]);
        h.Upstream.Close();
        h.Run();
        h.LogLines.ShouldBe(["200 UC upstream_reset_after_response_started{connection_termination}"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_ConnectRefused()
    {
        var h = Harness(Why);
        h.Network.RefuseConnects(h.UpstreamAddress);
        h.Connect(Get);
        h.LogLines.ShouldBe(["503 UF upstream_reset_before_response_started{remote_connection_failure}"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_RouteTimeout()
    {
        var h = Harness(Why);
        h.Connect(Get);
        h.Advance(TimeSpan.FromSeconds(16));
        h.LogLines.ShouldBe(["504 UT response_timeout"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_IdleInTheBody()
    {
        var h = Harness(Why, new HttpExchangeOptions { Manager = c => c with { StreamIdleTimeout = TimeSpan.FromSeconds(3) } });
        h.Connect(Get);
        h.Reply(Ok[..^1]);
        h.Advance(TimeSpan.FromSeconds(4));
        h.LogLines.ShouldBe(["200 SI stream_idle_timeout"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_MaxStreamDuration()
    {
        var h = Harness(Why, new HttpExchangeOptions
        {
            Manager = c => c with { CommonHttpProtocolOptions = c.CommonHttpProtocolOptions with { MaxStreamDuration = TimeSpan.FromSeconds(3) } },
        });
        var client = h.Connect(Get);
        h.Advance(TimeSpan.FromSeconds(4));
        client.ReceivedText.ShouldEndWith("downstream duration timeout");
        h.LogLines.ShouldBe(["504 DT max_duration_timeout"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_BadHead()
    {
        var h = Harness(Why);
        h.Connect("GET / HTTP/1.1\r\n\r\n");
        h.LogLines.Count.ShouldBe(1);
        h.LogLines[0].ShouldBe("400 DPE missing_host_header");
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_NoRoute()
    {
        var h = Harness(Why, new HttpExchangeOptions { RouteEntry = r => r with { Match = r.Match with { Prefix = "/other" } } });
        h.Connect(Get);
        h.LogLines.ShouldBe(["404 NR route_not_found"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_BadChunkedResponse()
    {
        var h = Harness(Why);
        h.Connect(Get);
        h.Reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n");
        h.LogLines.Count.ShouldBe(1);
        h.LogLines[0].ShouldStartWith("200 UPE ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_FilterThrew()
    {
        var h = Harness(Why, new HttpExchangeOptions
        {
            Filters = [() => new DelegateFilter { OnDecodeHeaders = (_, _, _) => throw new InvalidOperationException("test") }],
        });
        h.ExpectedFaults = 1;
        h.Connect(Get);
        h.LogLines.ShouldBe(["500 - filter_fault"]);
        h.ShouldBeClean();
    }

    [Fact]
    public void Why_FilterReplied()
    {
        var h = Harness(Why, new HttpExchangeOptions
        {
            Filters = [() => new DelegateFilter
            {
                OnDecodeHeaders = (f, _, _) =>
                {
                    f.Stream.SendLocalReply(418, "", "my_reason");
                    return new ValueTask<FilterStatus>(FilterStatus.StopIteration);
                },
            }],
        });
        h.Connect(Get);
        h.LogLines.ShouldBe(["418 - my_reason"]);
        h.ShouldBeClean();
    }
}
