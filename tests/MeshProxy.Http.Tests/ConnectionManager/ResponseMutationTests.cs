using MeshProxy.Core.Buffers;
using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Tests.Routing;

namespace MeshProxy.Http.Tests.ConnectionManager;

public sealed class ResponseMutationTests
{
    private static readonly HttpConnectionManagerConfig Plain = new() { StatPrefix = "test", RouteConfig = new(), ServerName = "gate" };

    [Theory]
    [InlineData(ServerHeaderTransformation.Overwrite, "up", "gate")]
    [InlineData(ServerHeaderTransformation.Overwrite, null, "gate")]
    [InlineData(ServerHeaderTransformation.AppendIfAbsent, "up", "up")]
    [InlineData(ServerHeaderTransformation.AppendIfAbsent, null, "gate")]
    [InlineData(ServerHeaderTransformation.PassThrough, "up", "up")]
    [InlineData(ServerHeaderTransformation.PassThrough, null, null)]
    public void Apply_ServerHeader_IsTransformed(ServerHeaderTransformation transformation, string? sent, string? expected) =>
        Apply(Plain with { ServerHeaderTransformation = transformation }, Requests.Get("/"), sent)["server"].ShouldBe(expected);

    [Theory]
    [InlineData(true, false, "id")]
    [InlineData(false, true, "id")]
    [InlineData(false, false, null)]
    public void Apply_RequestId_IsEchoedWhenAskedFor(bool always, bool forcedTrace, string? expected)
    {
        var request = Requests.Get("/", "foo.com", [("x-request-id", "id"), .. forcedTrace ? [("x-envoy-force-trace", "true")] : Array.Empty<(string, string)>()]);

        Apply(Plain with { AlwaysSetRequestIdInResponse = always }, request)["x-request-id"].ShouldBe(expected);
    }

    [Fact]
    public void Apply_NoRequestId_AddsNone() =>
        Apply(Plain with { AlwaysSetRequestIdInResponse = true }, Requests.Get("/")).Contains(HeaderNames.XRequestId).ShouldBeFalse();

    [Fact]
    public void Apply_Via_ComesLast()
    {
        var response = new ResponseHeaders(new SlabPool());
        response.Add(HeaderNames.Via, "1.1 up"u8);

        new ResponseMutation(Plain with { Via = "1.1 gate" }).Apply(response, Requests.Get("/"));

        response.Values("via").ShouldBe(["1.1 up", "1.1 gate"]);
    }

    private static ResponseHeaders Apply(HttpConnectionManagerConfig config, RequestHeaders request, string? server = null)
    {
        var response = new ResponseHeaders(new SlabPool());
        if (server is not null)
        {
            response.Set(HeaderNames.Server, server);
        }

        new ResponseMutation(config).Apply(response, request);
        return response;
    }
}
