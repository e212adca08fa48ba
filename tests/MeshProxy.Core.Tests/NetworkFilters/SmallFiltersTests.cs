using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.NetworkFilters;
using MeshProxy.Core.NetworkFilters.LocalRateLimit;
using MeshProxy.Core.Server;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Core.Tests.NetworkFilters;

/// <summary>echo, direct_response, connection_limit and local_ratelimit, each made through the registry of the built-ins.</summary>
public class SmallFiltersTests
{
    private static readonly NetworkAddress Address = NetworkAddress.Loopback(80);
    private static readonly ExtensionConfig Echo = new("envoy.filters.network.echo");

    [Fact]
    public void BuiltIns_AreKnownByEnvoysNames()
    {
        var registry = new NetworkFilterRegistry();
        BuiltInNetworkFilters.Register(registry);
        registry.Names.ShouldBe(
        [
            "envoy.filters.network.connection_limit",
            "envoy.filters.network.direct_response",
            "envoy.filters.network.echo",
            "envoy.filters.network.local_ratelimit",
            "envoy.filters.network.sni_cluster",
            "envoy.filters.network.tcp_proxy",
        ]);
        registry.Names.Where(name => registry.Describe(name)!.IsTerminal).ShouldBe(
            ["envoy.filters.network.direct_response", "envoy.filters.network.echo", "envoy.filters.network.tcp_proxy"]);
        var errors = new ConfigErrors();
        registry.Describe("envoy.filters.network.tcp_proxy")!.Validate(new TcpProxyConfig { StatPrefix = "" }, errors);
        errors.All.ShouldContain(e => e.Path == "stat_prefix");
    }

    [Fact]
    public void Echo_ClientEnds_GetsEverythingBackAndTheEnd()
    {
        var h = new Harness(new SimulatedNetworkOptions { TearSegments = true }, Echo);
        var client = h.Connect();
        var bytes = new byte[300_000];
        new Random(3).NextBytes(bytes);
        client.Send(bytes);
        client.ShutdownSend();
        h.Network.RunUntilIdle();
        client.Received.ShouldBe(bytes);
        client.IsEnded.ShouldBeTrue();
        h.Host.Ended.ShouldHaveSingleItem().BytesReceived.ShouldBe(bytes.Length);
        h.ShouldBeAtRest();
    }

    [Fact]
    public void DirectResponse_SendsItsTextAndCloses()
    {
        var h = new Harness(null, new ExtensionConfig("envoy.filters.network.direct_response", new DirectResponseConfig { Response = "go away\n" }));
        var client = h.Connect();
        client.ReceivedText.ShouldBe("go away\n");
        client.IsEnded.ShouldBeTrue();
        client.Close();
        h.ShouldBeAtRest();
    }

    [Fact]
    public void ConnectionLimit_PastTheLimit_ClosesUntilOneLeaves()
    {
        var h = new Harness(null, Limit(max: 2, TimeSpan.Zero), Echo);
        var first = h.Connect();
        var second = h.Connect();
        var third = h.Connect();
        first.IsEnded.ShouldBeFalse();
        second.IsEnded.ShouldBeFalse();
        third.IsEnded.ShouldBeTrue();
        h.Server.Counter("connection_limit.test.limited_connections").ShouldBe(1);
        h.Server.Gauge("connection_limit.test.active_connections").ShouldBe(2);
        first.Close();
        h.Network.RunUntilIdle();
        h.Connect().IsEnded.ShouldBeFalse();
        h.Server.Gauge("connection_limit.test.active_connections").ShouldBe(2);
    }

    [Fact]
    public void ConnectionLimit_WithADelay_HoldsTheClientBeforeItCloses()
    {
        var h = new Harness(null, Limit(max: 1, TimeSpan.FromSeconds(2)), Echo);
        var first = h.Connect();
        var second = h.Connect();
        second.Send("x");
        h.Network.Advance(TimeSpan.FromSeconds(1.9));
        (second.IsEnded || second.IsReset).ShouldBeFalse();
        second.ReceivedText.ShouldBeEmpty();
        h.Network.Advance(TimeSpan.FromSeconds(0.2));
        (second.IsEnded || second.IsReset).ShouldBeTrue();
        first.Close();
        h.ShouldBeAtRest();
    }

    [Fact]
    public void ConnectionLimit_ClientResetsWithinTheDelay_EndsAtOnce()
    {
        var h = new Harness(null, Limit(max: 1, TimeSpan.FromSeconds(2)), Echo);
        var first = h.Connect();
        h.Connect().Reset();
        h.Network.RunUntilIdle();
        h.Host.Ended.Count.ShouldBe(1);
        first.Close();
        h.ShouldBeAtRest();
    }

    [Fact]
    public void LocalRateLimit_WithoutTokens_ClosesUntilTheNextFill()
    {
        var h = new Harness(null, RateLimit("", max: 2, perFill: 1), Echo);
        h.Connect().IsEnded.ShouldBeFalse();
        h.Connect().IsEnded.ShouldBeFalse();
        h.Connect().IsEnded.ShouldBeTrue();
        h.Server.Counter("local_rate_limit.test.rate_limited").ShouldBe(1);
        h.Network.Advance(TimeSpan.FromSeconds(1));
        h.Connect().IsEnded.ShouldBeFalse();
        h.Connect().IsEnded.ShouldBeTrue();
        h.Network.Advance(TimeSpan.FromDays(1000));
        h.Connect().IsEnded.ShouldBeFalse();
        h.Connect().IsEnded.ShouldBeFalse();
        h.Connect().IsEnded.ShouldBeTrue();
    }

    [Fact]
    public void LocalRateLimit_WithAShareKey_SharesTheBucket()
    {
        var h = new Harness(null, RateLimit("k", max: 2, perFill: 1), RateLimit("k", max: 2, perFill: 1), Echo);
        h.Connect().IsEnded.ShouldBeFalse();
        h.Connect().IsEnded.ShouldBeTrue();
    }

    [Fact]
    public void SharedBucket_OfWhichOneUserIsLeft_IsNotRefilled()
    {
        var config = new TokenBucketConfig { MaxTokens = 1, FillInterval = TimeSpan.FromSeconds(1) };
        var shared = new SharedTokenBuckets();
        var bucket = shared.Acquire("k", config, nowUs: 0);
        shared.Acquire("k", config with { }, nowUs: 0).ShouldBeSameAs(bucket);
        shared.Acquire("k", config with { MaxTokens = 2 }, nowUs: 0).ShouldNotBeSameAs(bucket);
        shared.Release("k", config);
        shared.Acquire("k", config, nowUs: 0).ShouldBeSameAs(bucket);
        shared.Release("k", config);
        shared.Release("k", config);
        shared.Acquire("k", config, nowUs: 0).ShouldNotBeSameAs(bucket);
    }

    [Fact]
    public async Task TokenBucket_UnderManyThreads_GivesExactlyWhatItHas()
    {
        var bucket = new TokenBucket(new TokenBucketConfig { MaxTokens = 1000, TokensPerFill = 10, FillInterval = TimeSpan.FromSeconds(1) }, nowUs: 0);
        var taken = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            var count = 0;
            for (var i = 0; i < 20_000; i++)
            {
                count += bucket.TryTake(nowUs: i * 1000) ? 1 : 0;
            }

            return count;
        })));
        taken.Sum().ShouldBeInRange(1000, 1000 + (19 * 10));
    }

    private static ExtensionConfig Limit(long max, TimeSpan delay) => new(
        "envoy.filters.network.connection_limit", new ConnectionLimitConfig { StatPrefix = "test", MaxConnections = max, Delay = delay });

    private static ExtensionConfig RateLimit(string key, uint max, uint perFill) => new("envoy.filters.network.local_ratelimit", new LocalRateLimitConfig
    {
        StatPrefix = "test",
        ShareKey = key,
        TokenBucket = new TokenBucketConfig { MaxTokens = max, TokensPerFill = perFill, FillInterval = TimeSpan.FromSeconds(1) },
    });

    private sealed class Harness
    {
        public Harness(SimulatedNetworkOptions? options, params ExtensionConfig[] filters)
        {
            Network = new SimulatedNetwork(options);
            Loop = Network.CreateLoop();
            Server = new FilterServer([Loop.Loop]);
            var registry = new NetworkFilterRegistry();
            BuiltInNetworkFilters.Register(registry);
            var factories = filters.Select(f => registry.Create(f, Server.Context)).ToArray();
            Host = Loop.Run(() => new FilterHost(Loop.Loop, Address, factories));
        }

        public SimulatedNetwork Network { get; }

        public SimulatedLoop Loop { get; }

        public FilterServer Server { get; }

        public FilterHost Host { get; }

        public SimulatedPeer Connect()
        {
            var peer = Network.ConnectPeer(Address);
            Network.RunUntilIdle();
            return peer;
        }

        public void ShouldBeAtRest()
        {
            Network.RunUntilIdle();
            Loop.Loop.Slabs.SlabsInUse.ShouldBe(0);
            Loop.Loop.ArmedTimers.ShouldBe(0);
            Loop.Loop.RegisteredSockets.ShouldBe(1);
            Loop.Loop.Faults.ShouldBe(0);
            Host.Ended.Count.ShouldBe(Host.Connections.Count);
        }
    }
}
