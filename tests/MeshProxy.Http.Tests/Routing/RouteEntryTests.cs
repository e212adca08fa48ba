using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.Tests.Routing;

public sealed class RouteEntryTests
{
    private static readonly RouteMatchConfig Api = new() { Prefix = "/api" };

    [Theory]
    [InlineData("/api", "/v2", "/v2")]
    [InlineData("/api/x?y=/api", "/v2", "/v2/x?y=/api")]
    [InlineData("/api/x", "/", "//x")]
    [InlineData("/apis", "/v2/long/er", "/v2/long/ers")]
    public void ApplyRewrites_Prefix_ReplacesItAndKeepsTheOriginal(string path, string rewrite, string expected)
    {
        var request = Apply(path, Api, new() { Cluster = "c", PrefixRewrite = rewrite });

        request.PathText().ShouldBe(expected);
        request["x-envoy-original-path"].ShouldBe(path);
    }

    [Fact]
    public void ApplyRewrites_ExactPath_ReplacesAllButTheQuery() =>
        Apply("/a/b?c", new() { Path = "/a/b" }, new() { Cluster = "c", PrefixRewrite = "/x" }).PathText().ShouldBe("/x?c");

    [Fact]
    public void ApplyRewrites_SeparatedPrefix_ReplacesIt() =>
        Apply("/a/b?c", new() { PathSeparatedPrefix = "/a" }, new() { Cluster = "c", PrefixRewrite = "/x" }).PathText().ShouldBe("/x/b?c");

    [Fact]
    public void ApplyRewrites_CaseIgnored_ReplacesWhatMatched() =>
        Apply("/API/b", Api with { CaseSensitive = false }, new() { Cluster = "c", PrefixRewrite = "/api" }).PathText().ShouldBe("/api/b");

    [Fact]
    public void ApplyRewrites_Regex_ReplacesAllButTheQuery() =>
        Apply("/a/b?c", new() { SafeRegex = "/a/.*" }, new() { Cluster = "c", PrefixRewrite = "/x" }).PathText().ShouldBe("/x?c");

    [Fact]
    public void ApplyRewrites_LongPath_IsRewritten()
    {
        var rest = new string('y', 20_000);

        Apply("/api" + rest, Api, new() { Cluster = "c", PrefixRewrite = "/x" }).PathText().ShouldBe("/x" + rest);
    }

    [Fact]
    public void ApplyRewrites_Host_ReplacesItAndKeepsTheOriginal()
    {
        var request = Apply("/api", Api, new() { Cluster = "c", HostRewriteLiteral = "upstream.local" });

        request["host"].ShouldBe("upstream.local");
        request["x-envoy-original-host"].ShouldBe("foo.com");
        request.Contains(HeaderNames.XEnvoyOriginalPath).ShouldBeFalse();
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("/api", "foo.com")]
    public void ApplyRewrites_NothingToChange_LeavesHeadAlone(string prefixRewrite, string host)
    {
        var request = Apply("/api/x", Api, new() { Cluster = "c", PrefixRewrite = prefixRewrite, HostRewriteLiteral = host });

        request.PathText().ShouldBe("/api/x");
        request.Count.ShouldBe(1);
    }

    private static RequestHeaders Apply(string path, RouteMatchConfig match, RouteActionConfig action)
    {
        var table = RouteTable.Compile(new()
        {
            VirtualHosts = [new() { Name = "only", Domains = ["*"], Routes = [new() { Match = match, Route = action }] }],
        });
        var request = Requests.Get(path);
        table.Match(request).ShouldNotBeNull().ApplyRewrites(request);
        return request;
    }
}
