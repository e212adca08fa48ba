using MeshProxy.Core.Config;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>What the connection manager says of a client in a request's head, the client must not be able to say in its trailers.</summary>
public class RequestTrailersTests
{
    public static TheoryData<string> Owned => new(
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-anything",
        "x-envoy-internal",
        "x-envoy-external-address",
        "x-envoy-original-path",
        "x-envoy-original-host",
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-upstream-rq-timeout-ms",
        "x-envoy-retry-on",
        "x-envoy-force-trace",
        "x-envoy-anything",
        "x-request-id",
        "x-client-trace-id",
        "forwarded",
        "via",
        "user-agent",
        "referer",
        "host",
        "content-length",
        "authorization",
        "cookie");

    [Theory]
    [MemberData(nameof(Owned))]
    public void Http1_OwnedNamesInTrailers_GoNoFurther(string name)
    {
        foreach (var upstreamHttp2 in new[] { false, true })
        {
            var h = Harness(upstreamHttp2);
            var camel = string.Join('-', name.Split('-').Select(part => char.ToUpperInvariant(part[0]) + part[1..]));
            h.Connect($"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nx-before: 1\r\n{camel}: spoofed\r\n{name}: spoofed\r\nx-after: 2\r\n\r\n");

            OnlyTheOthersArrive(h, upstreamHttp2);
        }
    }

    [Theory]
    [MemberData(nameof(Owned))]
    public void Http2_OwnedNamesInTrailers_GoNoFurther(string name)
    {
        foreach (var upstreamHttp2 in new[] { false, true })
        {
            var h = Harness(upstreamHttp2);
            new Http2SimulatedClient(h).Send(
                Http2Bytes.Request(1, "POST", endStream: false),
                Http2Bytes.Data(1, "hi"),
                Http2Bytes.Head(1, endStream: true, ("x-before", "1"), (name, "spoofed"), (name, "spoofed"), ("x-after", "2")));

            OnlyTheOthersArrive(h, upstreamHttp2);
        }
    }

    private static void OnlyTheOthersArrive(HttpExchangeHarness h, bool upstreamHttp2)
    {
        if (upstreamHttp2)
        {
            var server = new Http2SimulatedServer(h).Hello();
            server.Body(1).ShouldBe("hi");
            server.Of(1).Last(f => f.Type == Http2FrameType.Headers).Lines.ShouldBe(["x-before: 1", "x-after: 2"]);
        }
        else
        {
            h.Upstream.ReceivedText.ShouldEndWith("\r\n\r\n2\r\nhi\r\n0\r\nx-before: 1\r\nx-after: 2\r\n\r\n");
        }

        h.ShouldBeClean();
    }

    private static HttpExchangeHarness Harness(bool upstreamHttp2) => new(new HttpExchangeOptions
    {
        Manager = m => m with { UseRemoteAddress = true, HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true } },
        Cluster = c => c with
        {
            TypedExtensionProtocolOptions =
            [
                new ExtensionConfig(HttpClusterProtocolOptions.ExtensionName, new HttpClusterProtocolOptions
                {
                    ExplicitHttpConfig = upstreamHttp2
                        ? new ExplicitHttpConfig { Http2ProtocolOptions = new Http2ProtocolOptions() }
                        : new ExplicitHttpConfig { HttpProtocolOptions = new Http1ProtocolOptions { EnableTrailers = true } },
                }),
            ],
        },
    });
}
