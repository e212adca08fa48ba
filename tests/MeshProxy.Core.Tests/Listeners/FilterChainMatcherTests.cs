using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Listeners;
using MeshProxy.TestSupport;

namespace MeshProxy.Core.Tests.Listeners;

public sealed class FilterChainMatcherTests
{
    [Fact]
    public void Match_NoCriteria_FitsEveryConnection()
    {
        var matcher = Matcher(null, ("any", new()));

        Match(matcher).ShouldBe("any");
        Match(matcher, destination: "unix:/run/a", source: "unix:", direct: "unix:").ShouldBe("any");
        Match(matcher, destination: "[::1]:80", source: "[::1]:5").ShouldBe("any");
    }

    [Fact]
    public void Match_NoChains_ReturnsDefault()
    {
        Match(Matcher("default")).ShouldBe("default");
        Match(Matcher(null)).ShouldBeNull();
    }

    [Fact]
    public void Match_DestinationPort_ExactBeforeAny()
    {
        var matcher = Matcher("default", ("443", new() { DestinationPort = 443 }), ("any", new()));

        Match(matcher, destination: "10.0.0.1:443").ShouldBe("443");
        Match(matcher, destination: "10.0.0.1:80").ShouldBe("any");
        Match(matcher, destination: "unix:/run/a").ShouldBe("any");
    }

    [Fact]
    public void Match_BranchFitsNoFurther_DoesNotGoBack()
    {
        // The port leads to a branch that wants another server name; the chain without criteria fits, but is not looked at.
        var matcher = Matcher("default", ("a", new() { DestinationPort = 443, ServerNames = ["a.com"] }), ("any", new()));

        Match(matcher, destination: "10.0.0.1:443", serverName: "a.com").ShouldBe("a");
        Match(matcher, destination: "10.0.0.1:443", serverName: "b.com").ShouldBe("default");
        Match(matcher, destination: "10.0.0.1:80", serverName: "b.com").ShouldBe("any");
    }

    [Fact]
    public void Match_DestinationPrefix_LongestFirst()
    {
        var matcher = Matcher(
            "default",
            ("8", new() { PrefixRanges = Ranges("10.0.0.0/8") }),
            ("16", new() { PrefixRanges = Ranges("10.1.0.0/16", "fd00::/8") }),
            ("32", new() { PrefixRanges = Ranges("10.1.2.3/32") }));

        Match(matcher, destination: "10.9.9.9:1").ShouldBe("8");
        Match(matcher, destination: "10.1.9.9:1").ShouldBe("16");
        Match(matcher, destination: "10.1.2.3:1").ShouldBe("32");
        Match(matcher, destination: "[::ffff:10.1.2.3]:1").ShouldBe("32");
        Match(matcher, destination: "[fd01::1]:1").ShouldBe("16");
        Match(matcher, destination: "11.0.0.1:1").ShouldBe("default");
        Match(matcher, destination: "unix:/run/a").ShouldBe("default");
    }

    [Fact]
    public void Match_WholeRange_IsMoreSpecificThanNone()
    {
        var matcher = Matcher("default", ("v4", new() { PrefixRanges = Ranges("0.0.0.0/0") }), ("any", new()));

        Match(matcher, destination: "1.2.3.4:1").ShouldBe("v4");
        Match(matcher, destination: "[::1]:1").ShouldBe("any");
        Match(matcher, destination: "internal:a").ShouldBe("any");
    }

    [Theory]
    [InlineData("www.example.com", "exact")]
    [InlineData("a.example.com", "*.example.com")]
    [InlineData("b.a.example.com", "*.example.com")]
    [InlineData("example.com", "*.com")]
    [InlineData("other.com", "*.com")]
    [InlineData("com", "any")]
    [InlineData("example.org", "any")]
    [InlineData(".com", "any")]
    [InlineData("x.", "any")]
    [InlineData("x..com", "*.com")]
    [InlineData(".", "any")]
    [InlineData("", "any")]
    public void Match_ServerName_WholeThenLongestWildcardThenAny(string serverName, string expected)
    {
        var matcher = Matcher(
            "default",
            ("any", new()),
            ("*.com", new() { ServerNames = ["*.com"] }),
            ("*.example.com", new() { ServerNames = ["*.Example.com"] }),
            ("exact", new() { ServerNames = ["WWW.example.com"] }));

        Match(matcher, serverName: serverName).ShouldBe(expected);
    }

    [Fact]
    public void Match_TransportProtocol_ExactThenAny()
    {
        var matcher = Matcher("default", ("raw", new() { TransportProtocol = "raw_buffer" }), ("tls", new() { TransportProtocol = "tls" }));

        Match(matcher).ShouldBe("raw");
        Match(matcher, transportProtocol: "tls").ShouldBe("tls");
        Match(matcher, transportProtocol: "quic").ShouldBe("default");
    }

    [Fact]
    public void Match_ApplicationProtocols_FollowsClientsOrder()
    {
        var matcher = Matcher(
            "default",
            ("h2", new() { ApplicationProtocols = ["h2", "h2c"] }),
            ("h1", new() { ApplicationProtocols = ["http/1.1"] }),
            ("any", new()));

        Match(matcher, applicationProtocols: ["http/1.1", "h2"]).ShouldBe("h1");
        Match(matcher, applicationProtocols: ["spdy", "h2", "http/1.1"]).ShouldBe("h2");
        Match(matcher, applicationProtocols: ["spdy"]).ShouldBe("any");
        Match(matcher).ShouldBe("any");
    }

    [Fact]
    public void Match_DirectSource_LooksAtSocketsPeer()
    {
        var matcher = Matcher("default", ("lb", new() { DirectSourcePrefixRanges = Ranges("10.0.0.0/8") }), ("any", new()));

        Match(matcher, source: "8.8.8.8:5", direct: "10.0.0.9:5").ShouldBe("lb");
        Match(matcher, source: "10.0.0.9:5", direct: "8.8.8.8:5").ShouldBe("any");
    }

    [Theory]
    [InlineData("127.0.0.1:5", "10.0.0.1:80", "local")]
    [InlineData("127.9.9.9:5", "10.0.0.1:80", "local")]
    [InlineData("[::1]:5", "[fd00::1]:80", "local")]
    [InlineData("[::ffff:127.0.0.1]:5", "10.0.0.1:80", "local")]
    [InlineData("10.0.0.1:5", "10.0.0.1:80", "local")]
    [InlineData("[::ffff:10.0.0.1]:5", "10.0.0.1:80", "local")]
    [InlineData("unix:", "unix:/run/a", "local")]
    [InlineData("internal:x", "10.0.0.1:80", "local")]
    [InlineData("10.0.0.2:5", "10.0.0.1:80", "external")]
    [InlineData("10.0.0.2:5", "unix:/run/a", "external")]
    public void Match_SourceType_TellsLocalFromExternal(string source, string destination, string expected)
    {
        var matcher = Matcher(
            "default",
            ("any", new()),
            ("local", new() { SourceType = ConnectionSourceType.SameIpOrLoopback }),
            ("external", new() { SourceType = ConnectionSourceType.External }));

        Match(matcher, destination, source, source).ShouldBe(expected);
    }

    [Fact]
    public void Match_SourceTypeNotConfigured_FallsToAny()
    {
        var matcher = Matcher("default", ("any", new()), ("local", new() { SourceType = ConnectionSourceType.SameIpOrLoopback }));

        Match(matcher, source: "8.8.8.8:1").ShouldBe("any");
    }

    [Fact]
    public void Match_SourcePrefixThenPort_NoWayBackFromPrefix()
    {
        var matcher = Matcher(
            "default",
            ("8", new() { SourcePrefixRanges = Ranges("10.0.0.0/8") }),
            ("16", new() { SourcePrefixRanges = Ranges("10.1.0.0/16"), SourcePorts = [1000, 1001] }));

        Match(matcher, source: "10.1.0.1:1001").ShouldBe("16");
        Match(matcher, source: "10.1.0.1:1002").ShouldBe("default");
        Match(matcher, source: "10.2.0.1:1001").ShouldBe("8");
    }

    [Fact]
    public void Match_SourcePort_ExactThenAny()
    {
        var matcher = Matcher("default", ("one", new() { SourcePorts = [7] }), ("any", new()));

        Match(matcher, source: "10.0.0.1:7").ShouldBe("one");
        Match(matcher, source: "10.0.0.1:8").ShouldBe("any");
        Match(matcher, source: "unix:", direct: "unix:").ShouldBe("any");
    }

    [Fact]
    public void Match_EarlierCriterion_OutranksLaterOne()
    {
        // As Envoy's order has it: the server name decides before the source does.
        var matcher = Matcher(
            "default",
            ("name", new() { ServerNames = ["*.com"] }),
            ("source", new() { SourcePrefixRanges = Ranges("10.0.0.1/32"), SourcePorts = [7] }));

        Match(matcher, serverName: "a.com", source: "10.0.0.1:7").ShouldBe("name");
        Match(matcher, serverName: "a.org", source: "10.0.0.1:7").ShouldBe("source");
    }

    [Fact]
    public void Constructor_SameRulesTwice_NamesBothChains()
    {
        var error = Should.Throw<ConfigException>(() => Matcher(
            null, ("a", new() { ServerNames = ["x.com"] }), ("other", new()), ("b", new() { ServerNames = ["x.com"] }))).Errors.ShouldHaveSingleItem();

        error.Path.ShouldBe("filter_chains[2].filter_chain_match");
        error.Message.ShouldContain("'b' (filter_chains[2]) has the same matching rules as filter chain 'a' (filter_chains[0])");
    }

    [Fact]
    public void Constructor_OverlappingLists_SaysWhatOverlaps()
    {
        var error = Should.Throw<ConfigException>(() => Matcher(
            null,
            ("a", new() { DestinationPort = 443, ServerNames = ["x.com", "Y.com"] }),
            ("b", new() { DestinationPort = 443, ServerNames = ["z.com", "y.COM"] }))).Errors.ShouldHaveSingleItem();

        error.Message.ShouldContain("'b' (filter_chains[1]) has matching rules that overlap with those of filter chain 'a' (filter_chains[0])");
        error.Message.ShouldContain("destination_port 443, server_names y.com");
    }

    [Theory]
    [InlineData("w*.example.com")]
    [InlineData("*w.example.com")]
    [InlineData("*")]
    [InlineData("*.")]
    [InlineData("*.*.com")]
    [InlineData("www.*")]
    [InlineData("")]
    public void Constructor_InvalidServerName_IsRefused(string name) =>
        Should.Throw<ConfigException>(() => Matcher(null, ("a", new() { ServerNames = ["ok.com", name] })))
            .Errors.ShouldHaveSingleItem().Path.ShouldBe("filter_chains[0].filter_chain_match.server_names[1]");

    [Fact]
    public void Constructor_TooManyCombinations_IsRefused()
    {
        var many = Enumerable.Range(1, 1000).ToArray();

        Should.Throw<ConfigException>(() => Matcher(
            null, ("a", new() { SourcePorts = many, ServerNames = many.Select(i => $"{i}.com").ToArray() })))
            .Errors.ShouldHaveSingleItem().Message.ShouldContain("1,000,000 combinations");
    }

    [Fact]
    public void Match_EveryCriterion_AllocatesNothing()
    {
        var matcher = Matcher(
            "default",
            ("any", new()),
            ("all", new()
            {
                DestinationPort = 443,
                PrefixRanges = Ranges("10.0.0.0/8"),
                ServerNames = ["*.example.com"],
                TransportProtocol = "tls",
                ApplicationProtocols = ["h2"],
                DirectSourcePrefixRanges = Ranges("fd00::/8"),
                SourceType = ConnectionSourceType.External,
                SourcePrefixRanges = Ranges("8.0.0.0/8"),
                SourcePorts = [7],
            }));
        var destination = NetworkAddress.Parse("10.0.0.1:443");
        var source = NetworkAddress.Parse("8.8.8.8:7");
        var direct = NetworkAddress.Parse("[fd00::1]:7");
        string[] protocols = ["spdy", "h2"];
        string? chain = null;
        long allocated = 0;
        for (var i = 0; i < 3; i++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            chain = matcher.Match(new()
            {
                DestinationAddress = destination,
                SourceAddress = source,
                DirectSourceAddress = direct,
                ServerName = "a.b.example.com",
                TransportProtocol = "tls",
                ApplicationProtocols = protocols,
            });
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        chain.ShouldBe("all");
        allocated.ShouldBeLessThan(Allocations.Noise);
    }

    private static EquatableArray<CidrRange> Ranges(params string[] ranges) => ranges.Select(CidrRange.Parse).ToEquatableArray();

    private static FilterChainMatcher<string> Matcher(string? defaultChain, params (string Name, FilterChainMatchConfig Match)[] chains) => new(
        chains.Select(chain => new FilterChainConfig { Name = chain.Name, FilterChainMatch = chain.Match }).ToEquatableArray(),
        chains.Select(chain => chain.Name).ToArray(),
        defaultChain);

    private static string? Match(
        FilterChainMatcher<string> matcher,
        string destination = "10.0.0.1:80",
        string source = "10.0.0.2:5000",
        string? direct = null,
        string serverName = "",
        string transportProtocol = "raw_buffer",
        string[]? applicationProtocols = null) => matcher.Match(new()
        {
            DestinationAddress = NetworkAddress.Parse(destination),
            SourceAddress = NetworkAddress.Parse(source),
            DirectSourceAddress = NetworkAddress.Parse(direct ?? source),
            ServerName = serverName,
            TransportProtocol = transportProtocol,
            ApplicationProtocols = applicationProtocols,
        });
}
