using MeshProxy.Http.Config;
using MeshProxy.Http.ConnectionManager;
using MeshProxy.Http.Tests.Routing;

namespace MeshProxy.Http.Tests.ConnectionManager;

public sealed class HostNormalizerTests
{
    private static readonly HttpConnectionManagerConfig Plain = new() { StatPrefix = "test", RouteConfig = new() };

    [Theory]
    [InlineData("foo.com:8080", "foo.com")]
    [InlineData("foo.com:80", "foo.com:80")]
    [InlineData("foo.com", "foo.com")]
    [InlineData("[::1]:8080", "[::1]")]
    [InlineData("[::8080]", "[::8080]")]
    [InlineData("foo.com:", "foo.com:")]
    [InlineData("foo.com:8080x", "foo.com:8080x")]
    public void Apply_StripMatchingPort_TakesOwnPortOff(string host, string expected) =>
        Apply(Plain with { StripMatchingHostPort = true }, host).ShouldBe(expected);

    [Theory]
    [InlineData("foo.com:8080", "foo.com")]
    [InlineData("foo.com:80", "foo.com")]
    [InlineData("[::1]:80", "[::1]")]
    [InlineData("[::1]", "[::1]")]
    [InlineData("foo.com:port", "foo.com:port")]
    public void Apply_StripAnyPort_TakesEveryPortOff(string host, string expected) =>
        Apply(Plain with { StripAnyHostPort = true }, host).ShouldBe(expected);

    [Theory]
    [InlineData("foo.com.", "foo.com")]
    [InlineData("foo.com.:80", "foo.com:80")]
    [InlineData("foo.com", "foo.com")]
    [InlineData("foo.com:80", "foo.com:80")]
    [InlineData("foo..", "foo.")]
    [InlineData("localhost", "localhost")]
    public void Apply_StripTrailingDot_TakesItOff(string host, string expected) =>
        Apply(Plain with { StripTrailingHostDot = true }, host).ShouldBe(expected);

    [Fact]
    public void Apply_DotAndPort_TakesBothOff() =>
        Apply(Plain with { StripTrailingHostDot = true, StripAnyHostPort = true }, "foo.com.:80").ShouldBe("foo.com");

    [Fact]
    public void Apply_Connect_KeepsPort()
    {
        var request = Requests.Connect("foo.com:443");

        new HostNormalizer(Plain with { StripAnyHostPort = true }).Apply(request, 8080);

        request["host"].ShouldBe("foo.com:443");
    }

    private static string? Apply(HttpConnectionManagerConfig config, string host)
    {
        var request = Requests.Get("/", host);
        new HostNormalizer(config).Apply(request, 8080);
        return request["host"];
    }
}
