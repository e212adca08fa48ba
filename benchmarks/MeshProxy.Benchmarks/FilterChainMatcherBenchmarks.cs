using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Listeners;

namespace MeshProxy.Benchmarks;

/// <summary>What choosing a filter chain costs a new connection: it must not grow with the number of chains, nor allocate.</summary>
[MemoryDiagnoser]
public class FilterChainMatcherBenchmarks
{
    private static readonly string[] Protocols = ["h2", "http/1.1"];
    private static readonly NetworkAddress Destination = NetworkAddress.Parse("10.0.0.3:443");
    private static readonly NetworkAddress Source = NetworkAddress.Parse("192.0.2.7:50000");

    private FilterChainMatcher<object> _byServerName = null!;
    private FilterChainMatcher<object> _byPrefix = null!;
    private string _serverName = "";

    [Params(1, 100, 10_000)]
    public int Chains { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        // Every other name is a wildcard; the connection asks for a name two labels below the last of those.
        _byServerName = Matcher(i => new() { DestinationPort = 443, TransportProtocol = "tls", ServerNames = [i % 2 == 0 ? $"*.host{i}.example.com" : $"host{i}.example.com"] });
        _serverName = $"a.b.host{(Chains - 1) / 2 * 2}.example.com";
        _byPrefix = Matcher(i => new() { PrefixRanges = [new CidrRange(new([10, (byte)(i >> 8), (byte)i, 0]), 24)] });
    }

    [Benchmark]
    public object? ByServerName() => _byServerName.Match(new()
    {
        DestinationAddress = Destination,
        SourceAddress = Source,
        DirectSourceAddress = Source,
        ServerName = _serverName,
        TransportProtocol = "tls",
        ApplicationProtocols = Protocols,
    });

    [Benchmark]
    public object? ByDestinationPrefix() => _byPrefix.Match(new()
    {
        DestinationAddress = Destination,
        SourceAddress = Source,
        DirectSourceAddress = Source,
    });

    private FilterChainMatcher<object> Matcher(Func<int, FilterChainMatchConfig> match)
    {
        var configs = Enumerable.Range(0, Chains).Select(i => new FilterChainConfig { Name = $"chain{i}", FilterChainMatch = match(i) }).ToArray();
        return new(configs, configs, defaultChain: null);
    }
}
