using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>max_stream_duration of routes, and grpc-timeout.</summary>
public sealed class StreamDurationTests
{
    private const string Ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
    private static readonly TimeSpan s_instant = TimeSpan.FromMilliseconds(1);

    private static string Request(string timeout = "", string contentType = "application/grpc", int length = 0) =>
        $"POST /acme.Echo/Say HTTP/1.1\r\nhost: a\r\ncontent-type: {contentType}\r\n{(timeout.Length > 0 ? $"grpc-timeout: {timeout}\r\n" : "")}content-length: {length}\r\n\r\n";

    private static HttpExchangeHarness Harness(RouteMaxStreamDurationConfig? duration, TimeSpan? manager = null) => new(new HttpExchangeOptions
    {
        Route = route => route with { MaxStreamDuration = duration, Timeout = TimeSpan.FromSeconds(15) },
        Manager = c => c with { CommonHttpProtocolOptions = c.CommonHttpProtocolOptions with { MaxStreamDuration = manager } },
        AccessLogFormat = "%RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% %GRPC_STATUS%\n",
    });

    /// <summary>The stream must live for that time, to the millisecond.</summary>
    private static void ShouldEndAfter(HttpExchangeHarness h, TimeSpan time)
    {
        h.Advance(time - s_instant);
        h.LogLines.ShouldBeEmpty();
        h.Advance(2 * s_instant);
        h.LogLines.ShouldBe(["200 DT max_duration_timeout DeadlineExceeded"]);
    }

    [Fact]
    public void Route_WithALimit_TakesTheManagersPlaceAndTurnsItsTimeoutOff()
    {
        var h = Harness(new RouteMaxStreamDurationConfig { MaxStreamDuration = TimeSpan.FromSeconds(40) }, manager: TimeSpan.FromSeconds(3));
        var client = h.Connect(Request());
        h.Upstream.ReceivedText.ShouldNotContain("x-envoy-expected-rq-timeout-ms");
        h.Upstream.ReceivedText.ShouldContain("\r\ngrpc-timeout: 40000m\r\n");
        ShouldEndAfter(h, TimeSpan.FromSeconds(40));

        client.ReceivedText.ShouldContain("\r\ngrpc-status: 4\r\ngrpc-message: downstream duration timeout\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Route_WithALimitOfZero_HasNone()
    {
        var h = Harness(new RouteMaxStreamDurationConfig { MaxStreamDuration = TimeSpan.Zero }, manager: TimeSpan.FromSeconds(3));
        var client = h.Connect(Request("1S"));
        h.Upstream.ReceivedText.ShouldNotContain("grpc-timeout");
        h.Advance(TimeSpan.FromSeconds(100));
        h.Reply(Ok);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 200 ");
        client.ReceivedText.ShouldNotContain("grpc-status");
        h.ShouldBeClean();
    }

    [Fact]
    public void Route_WithoutALimit_LeavesTheManagersAndTheHeader()
    {
        var h = Harness(null, manager: TimeSpan.FromSeconds(3));
        h.Connect(Request("1S"));
        h.Upstream.ReceivedText.ShouldContain("\r\ngrpc-timeout: 1S\r\n");
        ShouldEndAfter(h, TimeSpan.FromSeconds(3));

        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("5S", 0, 0, 5000)]
    [InlineData("5S", 3000, 0, 3000)]
    [InlineData("2500m", 3000, 0, 2500)]
    [InlineData("1M", 0, 500, 59_500)]
    [InlineData("1M", 10_000, 500, 9500)]
    [InlineData("1500001u", 0, 0, 1501)]
    [InlineData("1500000001n", 0, 0, 20_000)] // more than eight digits: not there
    [InlineData("5s", 0, 0, 20_000)]
    [InlineData("", 1000, 0, 20_000)]
    public void GrpcTimeout_WithACapAndAnOffset_LimitsTheStream(string header, int capMs, int offsetMs, int expectedMs)
    {
        var h = Harness(new RouteMaxStreamDurationConfig
        {
            MaxStreamDuration = TimeSpan.FromSeconds(20),
            GrpcTimeoutHeaderMax = TimeSpan.FromMilliseconds(capMs),
            GrpcTimeoutHeaderOffset = offsetMs == 0 ? null : TimeSpan.FromMilliseconds(offsetMs),
        });
        h.Connect(Request(header));

        h.Upstream.ReceivedText.ShouldContain($"\r\ngrpc-timeout: {expectedMs}m\r\n");
        ShouldEndAfter(h, TimeSpan.FromMilliseconds(expectedMs));
        h.Counter("http.t.downstream_rq_max_duration_reached").ShouldBe(1);
        h.ShouldBeClean();
    }

    [Theory]
    [InlineData("100m")]
    [InlineData("0S")]
    public void GrpcTimeout_ThatTheOffsetUsesUp_EndsTheStreamAtOnce(string header)
    {
        var h = Harness(new RouteMaxStreamDurationConfig { GrpcTimeoutHeaderMax = TimeSpan.Zero, GrpcTimeoutHeaderOffset = TimeSpan.FromMilliseconds(100) });
        var client = h.Connect(Request(header));

        client.ReceivedText.ShouldContain("\r\ngrpc-status: 4\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void GrpcTimeout_OfAnotherProtocol_CountsAndIsPassedOnAsItCame()
    {
        var h = Harness(new RouteMaxStreamDurationConfig { GrpcTimeoutHeaderMax = TimeSpan.FromSeconds(1) });
        var client = h.Connect(Request("5S", "text/plain"));
        h.Upstream.ReceivedText.ShouldContain("\r\ngrpc-timeout: 5S\r\n");
        h.Advance(TimeSpan.FromSeconds(1) + s_instant);

        client.ReceivedText.ShouldStartWith("HTTP/1.1 504 ");
        h.ShouldBeClean();
    }

    [Fact]
    public void Stream_WhoseRequestIsNotComplete_Is408ForOthersAndStatus4ForGrpc()
    {
        var h = Harness(new RouteMaxStreamDurationConfig { MaxStreamDuration = TimeSpan.FromSeconds(1) });
        var plain = h.Connect(Request(contentType: "text/plain", length: 5));
        var grpc = h.Connect(Request(length: 5));
        h.Advance(TimeSpan.FromSeconds(1) + s_instant);

        plain.ReceivedText.ShouldStartWith("HTTP/1.1 408 ");
        grpc.ReceivedText.ShouldContain("\r\ngrpc-status: 4\r\n");
        h.ShouldBeClean();
    }

    [Fact]
    public void Stream_WhoseResponseHasBegun_IsReset()
    {
        var h = Harness(new RouteMaxStreamDurationConfig { MaxStreamDuration = TimeSpan.FromSeconds(1) });
        var client = h.Connect(Request());
        h.Reply("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhi");
        h.Advance(TimeSpan.FromSeconds(1) + s_instant);

        client.ReceivedText.ShouldEndWith("\r\n\r\nhi");
        client.IsEnded.ShouldBeTrue();
        h.ShouldBeClean();
    }
}
