using BenchmarkDotNet.Attributes;
using MeshProxy.Core.Buffers;
using MeshProxy.Http.Config;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Routing;

namespace MeshProxy.Benchmarks;

/// <summary>What finding a request's route costs: it must not grow with the number of routes, nor allocate.</summary>
[MemoryDiagnoser]
public class RouterBenchmarks
{
    private readonly SlabPool _slabs = new();
    private RouteTable _prefixes = null!;
    private RouteTable _exact = null!;
    private RouteTable _domains = null!;
    private RouteTable _regexes = null!;
    private RequestHeaders _request = null!;

    [Params(1, 100, 10_000)]
    public int Routes { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _prefixes = OneHost(i => new() { Prefix = $"/api/service{i}/" });
        _exact = OneHost(i => new() { Path = $"/api/service{i}/items" });
        _regexes = OneHost(i => new() { SafeRegex = $"/api/service{i}/[a-z]+" }, Math.Min(Routes, 100));
        _domains = RouteTable.Compile(new()
        {
            VirtualHosts =
            [
                .. Enumerable.Range(0, Routes).Select(i => new VirtualHostConfig
                {
                    Name = $"host{i}",
                    Domains = [$"*.host{i}.example.com"],
                    Routes = [new() { Match = new() { Prefix = "/" } }],
                }),
            ],
        });

        // The last one: the worst case of a scan.
        _request = new RequestHeaders(_slabs);
        _request.SetMethod(KnownMethod.Get);
        _request.SetPath($"/api/service{Routes - 1}/items?page=2");
        _request.SetAuthority($"www.host{Routes - 1}.example.com");
    }

    [Benchmark(Baseline = true)]
    public RouteEntry? ByPrefix() => _prefixes.Match(_request);

    [Benchmark]
    public RouteEntry? ByExactPath() => _exact.Match(_request);

    [Benchmark]
    public RouteEntry? ByDomain() => _domains.Match(_request);

    /// <summary>At most 100 expressions, each of which must be looked at.</summary>
    [Benchmark]
    public RouteEntry? ByRegex() => _regexes.Match(_request);

    private RouteTable OneHost(Func<int, RouteMatchConfig> match, int? count = null) => RouteTable.Compile(new()
    {
        VirtualHosts =
        [
            new()
            {
                Name = "only",
                Domains = ["*"],
                Routes = [.. Enumerable.Range(0, count ?? Routes).Select(i => new RouteConfig { Match = match(i) })],
            },
        ],
    });
}
