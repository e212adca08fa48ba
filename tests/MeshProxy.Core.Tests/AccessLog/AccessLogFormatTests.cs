using System.Text;
using MeshProxy.Core.AccessLog;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Streams;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.AccessLog;

public sealed class AccessLogFormatTests
{
    private static readonly FilterStateKey<string> Tenant = new("acme.tenant");

    [Fact]
    public void DefaultHttp_OfAProxiedRequest_IsEnvoysLine() => Line(AccessLogFormat.DefaultHttp, Proxied()).ShouldBe(
        """
        [2016-04-15T20:17:00.310Z] "POST /api/v1/locations HTTP/2" 204 - 154 0 226 100 "10.0.35.28" "nsq2http" "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2" "locations" "10.0.2.1:80"

        """);

    [Fact]
    public void DefaultHttp_OfNothing_IsDashes()
    {
        var entry = new AccessLogEntry(new StreamInfo { StartTime = DateTimeOffset.UnixEpoch });
        Line(AccessLogFormat.DefaultHttp, entry).ShouldBe("[1970-01-01T00:00:00.000Z] \"- - -\" 0 - 0 0 - - \"-\" \"-\" \"-\" \"-\" \"-\"\n");
    }

    [Fact]
    public void DefaultTcp_OfARefusedUpstream_SaysSo()
    {
        var info = new StreamInfo
        {
            StartTime = DateTimeOffset.UnixEpoch,
            StartUs = 1_000,
            EndUs = 5_999,
            DownstreamRemoteAddress = NetworkAddress.Parse("[::1]:5000"),
            DownstreamLocalAddress = NetworkAddress.Parse("unix:/run/x"),
            UpstreamHost = NetworkAddress.Ip("10.0.0.1", 5432),
            UpstreamClusterName = "db",
            BytesReceived = 10,
        };
        info.AddResponseFlag(ResponseFlags.UpstreamRetryLimitExceeded);
        info.AddResponseFlag(ResponseFlags.UpstreamConnectionFailure);
        Line(AccessLogFormat.DefaultTcp, new AccessLogEntry(info)).ShouldBe(
            "[1970-01-01T00:00:00.000Z] [::1]:5000 unix:/run/x UF,URX 10 0 4 \"10.0.0.1:5432\" db - \"-\" - \"-\"\n");
    }

    [Theory]
    [InlineData("plain 100%%", "plain 100%")]
    [InlineData("%REQ(X-NONE?User-Agent)%", "nsq2http")]
    [InlineData("%REQ(USER-AGENT):3%|", "nsq|")]
    [InlineData("%REQ(USER-AGENT):300%|", "nsq2http|")]
    [InlineData("%REQ(X-NONE):3%|", "-|")]
    [InlineData("%REQ(X-EMPTY)%", "-")]
    [InlineData("%RESP(server)%", "mesh")]
    [InlineData("%TRAILER(grpc-status)%", "0")]
    [InlineData("%START_TIME%", "2016-04-15T20:17:00.310Z")]
    [InlineData("%START_TIME():10%", "2016-04-15")]
    [InlineData("%START_TIME(%Y/%m/%dT%H:%M:%S%z %s)%", "2016/04/15T20:17:00+0000 1460751420")]
    [InlineData("%START_TIME(%s.%3f|%6f|%9f|%f)%", "1460751420.310|310456|310456700|310456700")]
    [InlineData("%START_TIME((%a, %d %b %F %T))%", "(Fri, 15 Apr 2016-04-15 20:17:00)")]
    [InlineData("%PROTOCOL% %UPSTREAM_PROTOCOL%", "HTTP/2 HTTP/1.1")]
    [InlineData("%RESPONSE_CODE% %RESPONSE_CODE_DETAILS%", "204 via_upstream")]
    [InlineData("%REQUEST_DURATION% %REQUEST_TX_DURATION% %RESPONSE_DURATION% %RESPONSE_TX_DURATION% %DURATION%", "20 30 100 120 226")]
    [InlineData("%DOWNSTREAM_REMOTE_ADDRESS% %DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT% %DOWNSTREAM_REMOTE_PORT%", "10.0.35.28:4000 10.0.35.28 4000")]
    [InlineData("%DOWNSTREAM_DIRECT_REMOTE_ADDRESS% %DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT%", "[2001:db8::1]:7 2001:db8::1")]
    [InlineData("%DOWNSTREAM_LOCAL_ADDRESS% %DOWNSTREAM_LOCAL_PORT%", "127.0.0.1:443 443")]
    [InlineData("%UPSTREAM_HOST% %UPSTREAM_CLUSTER% %UPSTREAM_LOCAL_ADDRESS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%", "10.0.2.1:80 orders - 2")]
    [InlineData("%UPSTREAM_REMOTE_PORT%", "-")]
    [InlineData("%ROUTE_NAME% %VIRTUAL_CLUSTER_NAME% %CONNECTION_ID% %UPSTREAM_CONNECTION_ID% %STREAM_ID%", "main - 42 - -")]
    [InlineData("%DYNAMIC_METADATA(acme:user:name)% %DYNAMIC_METADATA(acme:none)% %DYNAMIC_METADATA(no)%", "ann - -")]
    [InlineData("%DYNAMIC_METADATA(acme)%", """{"user":{"name":"ann"}}""")]
    [InlineData("%FILTER_STATE(acme.tenant:PLAIN)% %FILTER_STATE(none)%", "t1 -")]
    [InlineData("%UPSTREAM_WIRE_BYTES_SENT% %DOWNSTREAM_HEADER_BYTES_RECEIVED%", "11 12")]
    [InlineData("%RESPONSE_FLAGS% %RESPONSE_FLAGS_LONG%", "- -")]
    [InlineData("ünï %REQ(:METHOD)%", "ünï POST")]
    public void Operator_OfAProxiedRequest_ShowsItsValue(string format, string line) => Line(format, Proxied()).ShouldBe(line);

    [Theory]
    [InlineData("%NOSUCH%", "unknown operator %NOSUCH%")]
    [InlineData("%REQ%", "%REQ% without its argument")]
    [InlineData("%REQ()%", "%REQ% without its argument")]
    [InlineData("%REQ(a?b?c)%", "name one header, or two")]
    [InlineData("%PROTOCOL(x)%", "takes no argument")]
    [InlineData("%START_TIME(%Q)%", "unknown time specifier")]
    [InlineData("abc % def", "character 5")]
    [InlineData("%PROTOCOL", "character 1")]
    [InlineData("%REQ(x):y%", "character 1")]
    [InlineData("%req(x)%", "character 1")]
    public void Compile_OfAWrongFormat_SaysWhere(string format, string says)
    {
        var errors = new ConfigErrors();
        AccessLogFormat.Compile(format, errors.Field("access_log", 0)).ShouldBeNull();
        errors.All[0].Path.ShouldBe("access_log[0].format");
        errors.All[0].Message.ShouldContain(says);
    }

    [Fact]
    public void Compile_WithTwoErrors_ListsBoth()
    {
        var errors = new ConfigErrors();
        AccessLogFormat.Compile("%ONE% %TWO%", errors);
        errors.Count.ShouldBe(2);
    }

    [Fact]
    public void Header_ThatForgesALine_StaysWithinItsQuotes()
    {
        var entry = Proxied();
        entry.SetRequest("user-agent", "x\"\r\n[2016] \"GET /\\\0\u007f é");
        Line("\"%REQ(USER-AGENT)%\"", entry).ShouldBe("\"x\\x22\\x0D\\x0A[2016] \\x22GET /\\x5C\\x00\\x7F é\"");
        Line("\"%REQ(USER-AGENT):2%\"", entry).ShouldBe("\"x\\x22\"");
    }

    [Fact]
    public void Text_WithControlBytes_IsEscaped()
    {
        var entry = Proxied();
        entry.Info.RequestedServerName = "a\nb\"";
        entry.Info.RouteName = "r\n1\"";
        Line("%REQUESTED_SERVER_NAME% %ROUTE_NAME%", entry).ShouldBe("a\\x0Ab\\x22 r\\x0A1\"");
    }

    [Fact]
    public void Limit_WithinACharacter_CutsBeforeIt()
    {
        var entry = Proxied();
        entry.SetRequest("user-agent", "aéb");
        entry.Info.RouteName = "aéb";
        Line("%REQ(USER-AGENT):2% %REQ(USER-AGENT):3% %ROUTE_NAME:2% %ROUTE_NAME:3%", entry).ShouldBe("a aé a aé");
    }

    [Fact]
    public void Write_InSteadyState_AllocatesNothing()
    {
        var format = AccessLogFormat.Compile(AccessLogFormat.DefaultHttp + "%START_TIME(%s.%3f)% %RESPONSE_CODE_DETAILS% %ROUTE_NAME% %DOWNSTREAM_LOCAL_ADDRESS%");
        var entry = Proxied();
        Write();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            Write();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise);

        void Write() => format.Write(entry, AccessLogWriter.ForThread);
    }

    private static string Line(string format, AccessLogEntry entry)
    {
        var writer = AccessLogWriter.ForThread;
        AccessLogFormat.Compile(format).Write(entry, writer);
        return Encoding.UTF8.GetString(writer.Written);
    }

    private static TestEntry Proxied()
    {
        var start = new DateTimeOffset(2016, 4, 15, 20, 17, 0, TimeSpan.Zero).AddTicks(3_104_567);
        var info = new StreamInfo
        {
            StartTime = start,
            StartUs = 5_000,
            EndUs = 231_500,
            Protocol = StreamProtocol.Http2,
            UpstreamProtocol = StreamProtocol.Http11,
            ResponseCode = 204,
            ResponseCodeDetails = ResponseCodeDetails.ViaUpstream,
            BytesReceived = 154,
            DownstreamRemoteAddress = NetworkAddress.Ip("10.0.35.28", 4000),
            DownstreamDirectRemoteAddress = NetworkAddress.Ip("2001:db8::1", 7),
            DownstreamLocalAddress = NetworkAddress.Ip("127.0.0.1", 443),
            UpstreamHost = NetworkAddress.Ip("10.0.2.1", 80),
            UpstreamClusterName = "orders",
            AttemptCount = 2,
            RouteName = "main",
            ConnectionId = 42,
        };
        info.Timings.DownstreamLastRxByteUs = 25_000;
        info.Timings.UpstreamLastTxByteUs = 35_000;
        info.Timings.UpstreamFirstRxByteUs = 105_000;
        info.Timings.DownstreamLastTxByteUs = 225_000;
        info.UpstreamBytes.WireBytesSent = 11;
        info.DownstreamBytes.HeaderBytesReceived = 12;
        info.DynamicMetadata.Set("acme", "user", new MetadataStruct { { "name", "ann" } });
        info.FilterState.Set(Tenant, "t1");
        return new TestEntry(info);
    }

    private sealed class TestEntry(StreamInfo info) : AccessLogEntry(info)
    {
        private readonly Dictionary<string, byte[]> _request = new()
        {
            [":method"] = "POST"u8.ToArray(),
            [":path"] = "/internal"u8.ToArray(),
            ["x-envoy-original-path"] = "/api/v1/locations"u8.ToArray(),
            [":authority"] = "locations"u8.ToArray(),
            ["x-forwarded-for"] = "10.0.35.28"u8.ToArray(),
            ["user-agent"] = "nsq2http"u8.ToArray(),
            ["x-request-id"] = "cc21d9b0-cf5c-432b-8c7e-98aeb7988cd2"u8.ToArray(),
            ["x-empty"] = [],
        };

        public void SetRequest(string name, string value) => _request[name] = Encoding.UTF8.GetBytes(value);

        public override bool TryGetRequestHeader(string name, out ReadOnlySpan<byte> value)
        {
            var found = _request.TryGetValue(name, out var bytes);
            value = bytes;
            return found;
        }

        public override bool TryGetResponseHeader(string name, out ReadOnlySpan<byte> value)
        {
            value = name switch { "x-envoy-upstream-service-time" => "100"u8, "server" => "mesh"u8, _ => default };
            return !value.IsEmpty;
        }

        public override bool TryGetResponseTrailer(string name, out ReadOnlySpan<byte> value)
        {
            value = name == "grpc-status" ? "0"u8 : default;
            return !value.IsEmpty;
        }
    }
}
