using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;

namespace MeshProxy.Core.Tests.Config;

/// <summary>The defaults that Envoy documents: a config that leaves a field out must mean the same here.</summary>
public sealed class ConfigDefaultsTests
{
    [Fact]
    public void Listener_Defaults_AreEnvoys()
    {
        var config = new ListenerConfig { Name = "in", Address = NetworkAddress.Loopback(0) };

        config.ListenerFiltersTimeout.ShouldBe(TimeSpan.FromSeconds(15));
        config.ContinueOnListenerFiltersTimeout.ShouldBeFalse();
        config.PerConnectionBufferLimitBytes.ShouldBe(1 << 20);
        config.BindToPort.ShouldBeTrue();
        config.EnableReusePort.ShouldBeTrue();
        config.Ipv4Compat.ShouldBeFalse();
        config.TcpBacklogSize.ShouldBeNull();
        config.MaxConnections.ShouldBeNull();
        config.ConnectionBalanceConfig.ShouldBe(ConnectionBalance.None);
        config.DrainType.ShouldBe(DrainType.Default);
        config.TcpNoDelay.ShouldBeTrue();
        config.TcpKeepalive.ShouldBeNull();
        new FilterChainConfig().FilterChainMatch.ShouldBe(FilterChainMatchConfig.Any);
        new FilterChainConfig().TransportSocketConnectTimeout.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Cluster_Defaults_AreEnvoys()
    {
        var config = new ClusterConfig { Name = "up" };

        config.ConnectTimeout.ShouldBe(TimeSpan.FromSeconds(5));
        config.PerConnectionBufferLimitBytes.ShouldBe(1 << 20);
        config.LbPolicy.ShouldBe(LbPolicy.RoundRobin);
        config.CircuitBreakers.DefaultPriority.ShouldBe(new() { MaxConnections = 1024, MaxPendingRequests = 1024, MaxRequests = 1024, MaxRetries = 3 });
        config.CircuitBreakers.HighPriority.ShouldBe(config.CircuitBreakers.DefaultPriority);
        config.CommonHttpProtocolOptions.IdleTimeout.ShouldBe(TimeSpan.FromHours(1));
        config.CommonHttpProtocolOptions.MaxHeadersCount.ShouldBe(100);
        config.CommonHttpProtocolOptions.MaxRequestsPerConnection.ShouldBeNull();
    }

    [Fact]
    public void NetworkFilters_Defaults_AreEnvoys()
    {
        var tcpProxy = new TcpProxyConfig { StatPrefix = "in", Cluster = "up" };

        tcpProxy.IdleTimeout.ShouldBe(TimeSpan.FromHours(1));
        tcpProxy.MaxConnectAttempts.ShouldBe(1);
        tcpProxy.MaxDownstreamConnectionDuration.ShouldBeNull();
        new ConnectionLimitConfig { StatPrefix = "in", MaxConnections = 1 }.Delay.ShouldBe(TimeSpan.Zero);
        new TokenBucketConfig { MaxTokens = 5, FillInterval = TimeSpan.FromSeconds(1) }.TokensPerFill.ShouldBe(1u);
    }
}
