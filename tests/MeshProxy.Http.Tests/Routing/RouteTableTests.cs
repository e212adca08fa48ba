using MeshProxy.Core.Config;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;
using MeshProxy.TestSupport;

namespace MeshProxy.Http.Tests.Routing;

public sealed class RouteTableTests
{
    [Theory]
    [InlineData("www.foo.com", "exact")]
    [InlineData("WWW.Foo.COM", "exact")]
    [InlineData("a.foo.com", "suffix")]
    [InlineData("a.b.foo.com", "suffix")]
    [InlineData("x-bar.foo.com", "long suffix")]
    [InlineData("-bar.foo.com", "suffix")]
    [InlineData(".foo.com", "any")]
    [InlineData("foo.com", "prefix")]
    [InlineData("foo.", "any")]
    [InlineData("foo.bar.org", "long prefix")]
    [InlineData("foo.bar.", "prefix")]
    [InlineData("foo.a.foo.com", "suffix")]
    [InlineData("www.foo.com:8080", "any")]
    [InlineData("port.com:8080", "with port")]
    [InlineData("port.com", "any")]
    [InlineData("other", "any")]
    public void Match_Host_FindsVirtualHostInOrderOfPrecedence(string host, string expected)
    {
        var table = Table(
            Host("any", ["*"], Prefix("/")),
            Host("suffix", ["*.foo.com"], Prefix("/")),
            Host("long suffix", ["*-bar.foo.com"], Prefix("/")),
            Host("prefix", ["foo.*"], Prefix("/")),
            Host("long prefix", ["foo.bar.*"], Prefix("/")),
            Host("exact", ["WWW.foo.com"], Prefix("/")),
            Host("with port", ["port.com:8080"], Prefix("/")));

        table.Match(Requests.Get("/", host)).ShouldNotBeNull().VirtualHostName.ShouldBe(expected);
    }

    [Theory]
    [InlineData("foo.com:8080", true)]
    [InlineData("foo.com:", true)]
    [InlineData("foo.com", true)]
    [InlineData("[::1]:80", true)]
    [InlineData("[::1]", true)]
    [InlineData("[::2]", false)]
    public void Match_PortIgnored_ComparesHostAlone(string host, bool matches)
    {
        var table = RouteTable.Compile(new()
        {
            IgnorePortInHostMatching = true,
            VirtualHosts = [Host("only", ["foo.com", "[::1]"], Prefix("/"))],
        });

        (table.Match(Requests.Get("/", host)) is not null).ShouldBe(matches);
    }

    [Fact]
    public void Match_HostLongerThanAnyBuffer_FallsToAny()
    {
        var table = Table(Host("any", ["*"], Prefix("/")), Host("suffix", ["*.foo.com"], Prefix("/")));

        table.Match(Requests.Get("/", new string('a', 5000) + ".FOO.com")).ShouldNotBeNull().VirtualHostName.ShouldBe("suffix");
        table.Match(Requests.Get("/", new string('a', 5000))).ShouldNotBeNull().VirtualHostName.ShouldBe("any");
    }

    [Fact]
    public void Match_NoVirtualHost_IsNull() => Table(Host("a", ["a.com"], Prefix("/"))).Match(Requests.Get("/", "b.com")).ShouldBeNull();

    [Theory]
    [InlineData("/exact", "exact")]
    [InlineData("/exact?x=/y", "exact")]
    [InlineData("/exact#f", "exact")]
    [InlineData("/exactly", "slash")]
    [InlineData("/EXACT", "slash")]
    [InlineData("/api", "separated")]
    [InlineData("/api/", "separated")]
    [InlineData("/api/v1", "separated")]
    [InlineData("/api?x", "separated")]
    [InlineData("/apis", "slash")]
    [InlineData("/Folded", "folded")]
    [InlineData("/fOLDED/x", "slash")]
    [InlineData("/UP/x", "folded prefix")]
    [InlineData("/upx", "folded prefix")]
    [InlineData("/SEP", "folded separated")]
    [InlineData("/sep/x", "folded separated")]
    [InlineData("/sepx", "slash")]
    [InlineData("/users/42", "regex")]
    [InlineData("/users/42?x=y", "regex")]
    [InlineData("/users/42/x", "slash")]
    [InlineData("/users/", "slash")]
    [InlineData("/late", "slash")]
    public void Match_Path_FindsFirstRoute(string path, string expected)
    {
        var table = Table(Host(
            "only",
            ["*"],
            new RouteConfig { Name = "exact", Match = new() { Path = "/exact" } },
            new RouteConfig { Name = "separated", Match = new() { PathSeparatedPrefix = "/api" } },
            new RouteConfig { Name = "folded", Match = new() { Path = "/folded", CaseSensitive = false } },
            new RouteConfig { Name = "folded prefix", Match = new() { Prefix = "/Up", CaseSensitive = false } },
            new RouteConfig { Name = "folded separated", Match = new() { PathSeparatedPrefix = "/Sep", CaseSensitive = false } },
            new RouteConfig { Name = "regex", Match = new() { SafeRegex = "/users/[0-9]+" } },
            new RouteConfig { Name = "slash", Match = new() { Prefix = "/" } },
            new RouteConfig { Name = "too late", Match = new() { Path = "/late" } }));

        table.Match(Requests.Get(path)).ShouldNotBeNull().Name.ShouldBe(expected);
    }

    [Fact]
    public void Match_NoRouteFits_IsNull() => Table(Host("only", ["*"], Prefix("/a"))).Match(Requests.Get("/b")).ShouldBeNull();

    [Fact]
    public void Match_LongPath_GoesThroughEveryKind()
    {
        var path = "/" + new string('a', 3000);
        var table = Table(Host(
            "only",
            ["*"],
            new RouteConfig { Name = "folded", Match = new() { Path = path.ToUpperInvariant() + "B", CaseSensitive = false } },
            new RouteConfig { Name = "regex", Match = new() { SafeRegex = "/a+c" } }));

        table.Match(Requests.Get(path + "b")).ShouldNotBeNull().Name.ShouldBe("folded");
        table.Match(Requests.Get(path + "c")).ShouldNotBeNull().Name.ShouldBe("regex");
        table.Match(Requests.Get(path + "d")).ShouldBeNull();
    }

    [Fact]
    public void Match_Connect_FitsConnectMatcherOnly()
    {
        var connect = new RouteConfig { Name = "connect", Match = new() { ConnectMatcher = true } };
        var table = Table(Host("only", ["*"], Prefix("/"), connect));

        table.Match(Requests.Connect("foo.com:443")).ShouldNotBeNull().Name.ShouldBe("connect");
        table.Match(Requests.Get("/")).ShouldNotBeNull().Name.ShouldBe("/");
        Table(Host("only", ["*"], Prefix("/"))).Match(Requests.Connect("foo.com:443")).ShouldBeNull();
    }

    [Fact]
    public void Match_OptionsOfServer_FitsStarOnly()
    {
        var star = new RouteConfig { Name = "star", Match = new() { Path = "*" } };
        var request = Requests.Get("*");
        request.SetMethod(KnownMethod.Options);

        Table(Host("only", ["*"], Prefix("/"), star)).Match(request).ShouldNotBeNull().Name.ShouldBe("star");
    }

    [Fact]
    public void PerFilterConfig_ThreeLevels_MostSpecificCounts()
    {
        var table = RouteTable.Compile(new()
        {
            TypedPerFilterConfig = [new("a", "a of table"), new("b", "b of table"), new("c", "c of table")],
            VirtualHosts =
            [
                Host("only", ["*"], Prefix("/plain"), Prefix("/") with { TypedPerFilterConfig = [new("a", "a of route")] })
                    with { TypedPerFilterConfig = [new("a", "a of host"), new("b", "b of host")] },
            ],
        });

        var route = table.Match(Requests.Get("/")).ShouldNotBeNull();
        route.PerFilterConfig("a").ShouldBe("a of route");
        route.PerFilterConfig("b").ShouldBe("b of host");
        route.PerFilterConfig("c").ShouldBe("c of table");
        route.PerFilterConfig("d").ShouldBeNull();
        table.Match(Requests.Get("/plain")).ShouldNotBeNull().PerFilterConfig("a").ShouldBe("a of host");
    }

    [Fact]
    public void Match_SteadyState_AllocatesNothing()
    {
        var table = Table(
            Host("suffix", ["*.foo.com"], Prefix("/")),
            Host(
                "only",
                ["*"],
                new RouteConfig { Name = "regex", Match = new() { SafeRegex = "/users/[0-9]+" } },
                new RouteConfig { Name = "folded", Match = new() { Prefix = "/Up", CaseSensitive = false } },
                Prefix("/")));
        RequestHeaders[] requests = [Requests.Get("/users/42?x"), Requests.Get("/up"), Requests.Get("/users/x"), Requests.Get("/", "a.foo.com")];
        var found = MatchAll();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            found += MatchAll();
        }

        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise);
        found.ShouldBe(4004);

        int MatchAll()
        {
            var count = 0;
            foreach (var request in requests)
            {
                count += table.Match(request) is null ? 0 : 1;
            }

            return count;
        }
    }

    internal static RouteConfig Prefix(string prefix) => new() { Name = prefix, Match = new() { Prefix = prefix } };

    private static VirtualHostConfig Host(string name, EquatableArray<string> domains, params RouteConfig[] routes) =>
        new() { Name = name, Domains = domains, Routes = routes };

    private static RouteTable Table(params VirtualHostConfig[] hosts) => RouteTable.Compile(new() { VirtualHosts = hosts });
}
