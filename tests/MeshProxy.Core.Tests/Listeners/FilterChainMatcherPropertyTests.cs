using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Listeners;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.Tests.Listeners;

/// <summary>The compiled matcher against the documented algorithm written down plainly: in each of nine steps keep the chains that fit
/// most specifically.</summary>
public sealed class FilterChainMatcherPropertyTests
{
    private static readonly string[] Addresses =
        ["10.0.0.1", "10.0.0.2", "10.1.0.1", "127.0.0.1", "::1", "fd00::1", "fd00:1::1", "::ffff:10.0.0.1", "192.168.0.1"];

    private static readonly string[] Ranges =
        ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/16", "10.0.0.1/32", "::/0", "fd00::/8", "fd00::/32", "::1/128", "127.0.0.0/8"];

    private static readonly string[] Names = ["a.com", "b.a.com", "c.b.a.com", "com", "a.org", "x.y.org"];
    private static readonly string[] NamePatterns = ["a.com", "b.a.com", "*.a.com", "*.b.a.com", "*.com", "*.org", "com"];
    private static readonly string[] Transports = ["raw_buffer", "tls"];
    private static readonly string[] Protocols = ["h2", "http/1.1", "h3"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Match_RandomChains_EqualsPruningStepByStep(int seed)
    {
        var random = new Random(seed);
        var notDefault = 0;
        for (var round = 0; round < 80; round++)
        {
            var chains = RandomChains(random);
            var indices = Enumerable.Range(0, chains.Length).Select(i => $"{i}").ToArray();
            var matcher = new FilterChainMatcher<string>(chains, indices, "default");
            for (var i = 0; i < 100; i++)
            {
                var connection = RandomConnection(random);
                var expected = Prune(chains, connection);
                expected.Length.ShouldBeLessThanOrEqualTo(1, "the validator let ambiguous chains through");
                var actual = matcher.Match(new()
                {
                    DestinationAddress = connection.Destination,
                    SourceAddress = connection.Source,
                    DirectSourceAddress = connection.Direct,
                    ServerName = connection.ServerName,
                    TransportProtocol = connection.Transport,
                    ApplicationProtocols = connection.Protocols,
                });
                actual.ShouldBe(expected is [var only] ? $"{only}" : "default", $"seed {seed}, round {round}: {connection}");
                notDefault += expected.Length;
            }
        }

        notDefault.ShouldBeGreaterThan(800, "the universe is too sparse to show anything");
    }

    private static int[] Prune(FilterChainConfig[] chains, Connection connection)
    {
        var left = Enumerable.Range(0, chains.Length).ToArray();
        var destination = connection.Destination as SocketAddress;
        var source = connection.Source as SocketAddress;
        Step(match => match.DestinationPort is null ? 0 : match.DestinationPort == destination?.Port ? 1 : -1);
        Step(match => InRanges(match.PrefixRanges, destination));
        Step(match => match.ServerNames.Count == 0 ? 0 : match.ServerNames.Max(pattern => NameFits(pattern, connection.ServerName)));
        Step(match => match.TransportProtocol.Length == 0 ? 0 : match.TransportProtocol == connection.Transport ? 1 : -1);
        Step(match => match.ApplicationProtocols.Count == 0 ? 0 : match.ApplicationProtocols.Max(protocol =>
            Array.IndexOf(connection.Protocols, protocol) is var index and >= 0 ? 100 - index : -1));
        Step(match => InRanges(match.DirectSourcePrefixRanges, connection.Direct as SocketAddress));
        var local = source is null || Unmapped(source) is var ip && (System.Net.IPAddress.IsLoopback(ip) || (destination is not null && ip.Equals(Unmapped(destination))));
        Step(match => match.SourceType == ConnectionSourceType.Any ? 0 : match.SourceType == ConnectionSourceType.SameIpOrLoopback == local ? 1 : -1);
        Step(match => InRanges(match.SourcePrefixRanges, source));
        Step(match => match.SourcePorts.Count == 0 ? 0 : source is not null && match.SourcePorts.Contains(source.Port) ? 1 : -1);
        return left;

        void Step(Func<FilterChainMatchConfig, int> specificity)
        {
            var fits = left.Select(i => (Index: i, Specificity: specificity(chains[i].FilterChainMatch))).Where(fit => fit.Specificity >= 0).ToArray();
            left = fits.Where(fit => fit.Specificity == fits.Max(other => other.Specificity)).Select(fit => fit.Index).ToArray();
        }
    }

    private static System.Net.IPAddress Unmapped(SocketAddress address) =>
        address.Address.IsIPv4MappedToIPv6 ? address.Address.MapToIPv4() : address.Address;

    private static int InRanges(EquatableArray<CidrRange> ranges, SocketAddress? address) => ranges.Count == 0 ? 0
        : address is null ? -1
        : ranges.Max(range => range.Contains(address.Address) ? 1 + range.PrefixLen : -1);

    private static int NameFits(string pattern, string name) => pattern == name ? 1000
        : pattern.StartsWith("*.", StringComparison.Ordinal) && name.EndsWith(pattern[1..], StringComparison.Ordinal) ? pattern.Length
        : -1;

    /// <summary>Adds random chains as long as the set stays unambiguous.</summary>
    private static FilterChainConfig[] RandomChains(Random random)
    {
        var chains = new List<FilterChainConfig>();
        for (var i = 0; i < 12; i++)
        {
            chains.Add(new() { FilterChainMatch = RandomMatch(random) });
            var errors = new ConfigErrors();
            FilterChainMatchValidator.Validate(chains.ToEquatableArray(), errors);
            if (!errors.IsEmpty)
            {
                chains.RemoveAt(chains.Count - 1);
            }
        }

        return [.. chains];
    }

    private static FilterChainMatchConfig RandomMatch(Random random) => new()
    {
        DestinationPort = random.Next(3) == 0 ? random.Next(1, 3) : null,
        PrefixRanges = Some(random, Ranges).Select(CidrRange.Parse).ToEquatableArray(),
        ServerNames = Some(random, NamePatterns),
        TransportProtocol = random.Next(3) == 0 ? Transports[random.Next(2)] : "",
        ApplicationProtocols = Some(random, Protocols),
        DirectSourcePrefixRanges = Some(random, Ranges).Select(CidrRange.Parse).ToEquatableArray(),
        SourceType = random.Next(3) == 0 ? (ConnectionSourceType)random.Next(3) : ConnectionSourceType.Any,
        SourcePrefixRanges = Some(random, Ranges).Select(CidrRange.Parse).ToEquatableArray(),
        SourcePorts = random.Next(4) == 0 ? [random.Next(1, 3)] : [],
    };

    private static Connection RandomConnection(Random random)
    {
        return new(
            Address(),
            Address(),
            Address(),
            random.Next(4) == 0 ? "" : Names[random.Next(Names.Length)],
            Transports[random.Next(2)],
            [.. Protocols.OrderBy(_ => random.Next()).Take(random.Next(4))]);

        NetworkAddress Address() => random.Next(10) == 0
            ? new UnixSocketAddress("/run/a")
            : NetworkAddress.Ip(Addresses[random.Next(Addresses.Length)], random.Next(1, 4));
    }

    private static string[] Some(Random random, string[] items) =>
        random.Next(3) == 0 ? [.. items.OrderBy(_ => random.Next()).Take(random.Next(1, 4))] : [];

    private sealed record Connection(
        NetworkAddress Destination, NetworkAddress Source, NetworkAddress Direct, string ServerName, string Transport, string[] Protocols);
}
