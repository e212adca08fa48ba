using System.Text;
using System.Text.RegularExpressions;
using MeshProxy.Http.Config;
using MeshProxy.Http.Routing;

namespace MeshProxy.Http.Tests.Routing;

/// <summary>The compiled table against the documented algorithm written down plainly: try one after the other.</summary>
public sealed class RouteTablePropertyTests
{
    private static readonly string[] Regexes = ["/a+", "/[ab]+/.*", "/ab?", "/a/(b|c)", "(/a|/b)/A", @"/\w+", "/a.b", @"/a\.b", "/a*", "/ab{2}", "/(?i)a", ".*b"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Match_RandomRoutes_EqualsLinearScan(int seed)
    {
        var random = new Random(seed);
        var found = 0;
        var request = Requests.Get("/");
        for (var round = 0; round < 100; round++)
        {
            var routes = Enumerable.Range(0, random.Next(1, 40)).Select(i => RandomRoute(random, i)).ToArray();
            var table = RouteTable.Compile(new() { VirtualHosts = [new() { Name = "only", Domains = ["*"], Routes = routes }] });
            for (var i = 0; i < 100; i++)
            {
                var path = RandomPath(random);
                var expected = Array.Find(routes, r => Fits(r.Match, path));
                var query = random.Next(3) == 0 ? "?/a" : "";
                request.Clear();
                request.SetPath(path + query);
                var actual = table.Match(request);
                actual?.Name.ShouldBe(expected?.Name, $"seed {seed}, round {round}: {path}");
                (actual is null).ShouldBe(expected is null, $"seed {seed}, round {round}: {path}");
                found += expected is null ? 0 : 1;
            }
        }

        found.ShouldBeInRange(3000, 9900, "the universe is too sparse or too dense to show anything");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Match_RandomDomains_EqualsLinearScan(int seed)
    {
        var random = new Random(seed);
        var request = Requests.Get("/");
        for (var round = 0; round < 100; round++)
        {
            var domains = Enumerable.Range(0, random.Next(1, 20)).Select(_ => RandomDomain(random)).Distinct(StringComparer.OrdinalIgnoreCase).ToArray();
            var hosts = domains.Select(d => new VirtualHostConfig { Name = d, Domains = [d], Routes = [RouteTableTests.Prefix("/")] }).ToArray();
            var table = RouteTable.Compile(new() { VirtualHosts = hosts });
            for (var i = 0; i < 100; i++)
            {
                var host = RandomText(random, "abA.-", 1, 6);
                var expected = domains.Where(d => Rank(d, host) > 0).MaxBy(d => Rank(d, host));
                request.Clear();
                request.SetPath("/"u8);
                request.SetAuthority(host);
                (table.Match(request)?.VirtualHostName).ShouldBe(expected, $"seed {seed}, round {round}: {host}");
            }
        }
    }

    [Theory]
    [InlineData("/api/v1/[0-9]+", "/api/v1/")]
    [InlineData(@"/a\.b\-c", "/a.b-c")]
    [InlineData(@"/a\d", "/a")]
    [InlineData("/ab?", "/a")]
    [InlineData("/ab*", "/a")]
    [InlineData("/ab+", "/a")]
    [InlineData("/ab{0,1}", "/a")]
    [InlineData(@"/a\.?", "/a")]
    [InlineData("/a|/b", "")]
    [InlineData("(/a)", "")]
    [InlineData("^/a", "")]
    [InlineData("/ä", "/")]
    public void LiteralPrefix_OfExpression_HoldsOnlyWhatMustBeThere(string pattern, string expected) =>
        Encoding.ASCII.GetString(RegexRoute.LiteralPrefix(pattern)).ShouldBe(expected);

    private static bool Fits(RouteMatchConfig match, string path)
    {
        var comparison = match.CaseSensitive ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;
        return match.Path is { } exact ? path.Equals(exact, comparison)
            : match.Prefix is { } prefix ? path.StartsWith(prefix, comparison)
            : match.PathSeparatedPrefix is { } separated
                ? path.StartsWith(separated, comparison) && (path.Length == separated.Length || path[separated.Length] == '/')
            : Regex.IsMatch(path, $@"\A(?:{match.SafeRegex})\z", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    private static RouteConfig RandomRoute(Random random, int index) => new()
    {
        Name = $"{index}",
        Match = random.Next(8) switch
        {
            0 or 1 => new() { Path = RandomPath(random), CaseSensitive = random.Next(3) > 0 },
            2 => new() { SafeRegex = Regexes[random.Next(Regexes.Length)] },
            3 or 4 => new() { PathSeparatedPrefix = RandomPath(random).TrimEnd('/') is { Length: > 0 } p ? p : "/b", CaseSensitive = random.Next(3) > 0 },
            _ => new() { Prefix = RandomPath(random) + (random.Next(2) == 0 ? "a" : "b"), CaseSensitive = random.Next(3) > 0 },
        },
    };

    private static string RandomPath(Random random) => "/" + RandomText(random, "ab/A.", 0, 5);

    private static string RandomText(Random random, string alphabet, int min, int max) =>
        new([.. Enumerable.Range(0, random.Next(min, max + 1)).Select(_ => alphabet[random.Next(alphabet.Length)])]);

    private static string RandomDomain(Random random) => random.Next(5) switch
    {
        0 => "*",
        1 => "*" + RandomText(random, "ab.-", 1, 3),
        2 => RandomText(random, "ab.-", 1, 3) + "*",
        _ => RandomText(random, "ab.-", 1, 4),
    };

    /// <summary>The higher the better; 0 does not fit.</summary>
    private static int Rank(string domain, string host)
    {
        const StringComparison Comparison = StringComparison.OrdinalIgnoreCase;
        return domain == "*" ? 1
            : domain.StartsWith('*') ? host.Length >= domain.Length && host.EndsWith(domain[1..], Comparison) ? 1000 + domain.Length : 0
            : domain.EndsWith('*') ? host.Length >= domain.Length && host.StartsWith(domain[..^1], Comparison) ? 100 + domain.Length : 0
            : domain.Equals(host, Comparison) ? 10000 : 0;
    }
}
