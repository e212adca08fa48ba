using MeshProxy.Core.Addresses;
using MeshProxy.Core.Config;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;
using MeshProxy.TestSupport.Simulation;
using static MeshProxy.Core.Tests.NetworkFilters.TcpProxy.TcpProxySimulation;

namespace MeshProxy.Core.Tests.NetworkFilters.TcpProxy;

public class TcpProxyFilterTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Bytes_OverATearingNetwork_ArriveBothWays(int seed)
    {
        var proxy = new TcpProxySimulation(network: new SimulatedNetworkOptions
        {
            Seed = seed,
            TearSegments = true,
            SendWouldBlockProbability = 0.2,
            SpuriousEventProbability = 0.2,
            Latency = TimeSpan.FromMilliseconds(seed - 1),
        });
        var client = proxy.Network.ConnectPeer(ProxyAddress);
        var up = Bytes(300_000, seed);
        var down = Bytes(400_000, seed + 10);
        proxy.Upstream.Accepted = server =>
        {
            server.Send(down);
            server.ShutdownSend();
        };
        client.Send(up);
        client.ShutdownSend();
        proxy.Network.Advance(TimeSpan.FromMinutes(1));
        client.Received.ShouldBe(down);
        client.IsEnded.ShouldBeTrue();
        proxy.Upstream.Connections.ShouldHaveSingleItem().Received.ShouldBe(up);
        proxy.Info.BytesReceived.ShouldBe(up.Length);
        proxy.Info.BytesSent.ShouldBe(down.Length);
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.None);
        proxy.Server.Counter("tcp.test.downstream_cx_rx_bytes_total").ShouldBe(up.Length);
        proxy.Server.Counter("tcp.test.downstream_cx_tx_bytes_total").ShouldBe(down.Length);
        proxy.Server.Counter("cluster.up.upstream_cx_rx_bytes_total").ShouldBe(down.Length);
        proxy.Server.Counter("cluster.up.upstream_cx_tx_bytes_total").ShouldBe(up.Length);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Connection_WhenEnded_HasItsStreamInfo()
    {
        var proxy = new TcpProxySimulation();
        var logged = new List<StreamInfo>();
        proxy.Factory.ConnectionEnded = logged.Add;
        var (client, server) = proxy.Connect();
        client.Close();
        server.Close();
        proxy.ShouldBeAtRest();
        var info = proxy.Info;
        logged.ShouldBe([info]);
        info.UpstreamClusterName.ShouldBe("up");
        info.UpstreamHost.ShouldBe(UpstreamAddress);
        info.UpstreamRemoteAddress.ShouldBe(UpstreamAddress);
        info.UpstreamLocalAddress.ShouldBeOfType<SocketAddress>();
        info.UpstreamConnectionId.ShouldBeGreaterThan(0ul);
        info.AttemptCount.ShouldBe(1);
        proxy.Server.Counter("tcp.test.downstream_cx_total").ShouldBe(1);
        proxy.Server.Counter("cluster.up.upstream_cx_total").ShouldBe(1);
        proxy.Server.Counter("cluster.up.upstream_cx_destroy").ShouldBe(1);
    }

    [Fact]
    public void ClientEnds_UpstreamStillSends_BytesGoOnArriving()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        client.Send("question");
        client.ShutdownSend();
        proxy.Network.RunUntilIdle();
        server.ReceivedText.ShouldBe("question");
        server.IsEnded.ShouldBeTrue();
        client.IsEnded.ShouldBeFalse();
        server.Send("answer");
        proxy.Network.RunUntilIdle();
        client.ReceivedText.ShouldBe("answer");
        client.IsEnded.ShouldBeFalse();
        server.ShutdownSend();
        proxy.Network.RunUntilIdle();
        client.IsEnded.ShouldBeTrue();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void UpstreamEnds_ClientStillSends_BytesGoOnArriving()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        server.Send("banner");
        server.ShutdownSend();
        proxy.Network.RunUntilIdle();
        client.ReceivedText.ShouldBe("banner");
        client.IsEnded.ShouldBeTrue();
        client.Send("late");
        proxy.Network.RunUntilIdle();
        server.ReceivedText.ShouldBe("late");
        server.IsEnded.ShouldBeFalse();
        client.ShutdownSend();
        proxy.Network.RunUntilIdle();
        server.IsEnded.ShouldBeTrue();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void ClientResets_WhileBothAreIdle_UpstreamIsReset()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        client.Reset();
        proxy.Network.RunUntilIdle();
        server.IsReset.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.DownstreamConnectionTermination);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void UpstreamResets_WhileBothAreIdle_ClientIsReset()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        server.Reset();
        proxy.Network.RunUntilIdle();
        client.IsReset.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.UpstreamConnectionTermination);
        proxy.Server.Counter("cluster.up.upstream_cx_destroy_remote").ShouldBe(1);
        proxy.ShouldBeAtRest();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void OneSideResets_BehindItsLastBytes_TheOtherGetsBoth(bool byClient)
    {
        var proxy = new TcpProxySimulation(network: new SimulatedNetworkOptions { BytesArriveWithResets = true });
        var (client, server) = proxy.Connect();
        var (one, other) = byClient ? (client, server) : (server, client);
        one.Send("last words");
        one.Reset();
        proxy.Network.RunUntilIdle();
        other.ReceivedText.ShouldBe("last words");
        other.IsReset.ShouldBeTrue();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void ClientResets_WhileItsBytesWaitForTheUpstream_UpstreamIsReset()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        server.IsReadPaused = true;
        client.Send(new byte[4_000_000]);
        proxy.Network.RunUntilIdle();
        client.UnsentBytes.ShouldBeGreaterThan(1_000_000);
        client.Reset();
        proxy.Network.RunUntilIdle();
        server.IsReset.ShouldBeTrue();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void UpstreamResets_WhileItsBytesWaitForTheClient_ClientIsReset()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        client.IsReadPaused = true;
        server.Send(new byte[4_000_000]);
        proxy.Network.RunUntilIdle();
        server.Reset();
        proxy.Network.RunUntilIdle();
        client.IsReset.ShouldBeTrue();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void ClientResets_DuringTheConnect_ConnectIsGivenUp()
    {
        var proxy = new TcpProxySimulation();
        proxy.Network.IgnoreConnects(UpstreamAddress);
        var client = proxy.ConnectClient();
        client.Send("hello");
        proxy.Network.RunUntilIdle();
        client.Reset();
        proxy.Network.RunUntilIdle();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.DownstreamConnectionTermination);
        proxy.Server.Counter("cluster.up.upstream_cx_connect_timeout").ShouldBe(0);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void ClientEnds_DuringTheConnect_BytesAndEndAreKept()
    {
        var proxy = new TcpProxySimulation(network: new SimulatedNetworkOptions { Latency = TimeSpan.FromMilliseconds(10) });
        var client = proxy.Network.ConnectPeer(ProxyAddress);
        client.Send("early");
        client.ShutdownSend();
        proxy.Network.Advance(TimeSpan.FromSeconds(1));
        var server = proxy.Upstream.Connections.ShouldHaveSingleItem();
        server.ReceivedText.ShouldBe("early");
        server.IsEnded.ShouldBeTrue();
        server.Close();
        proxy.Network.Advance(TimeSpan.FromSeconds(1));
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void EarlyBytes_PastTheBufferLimit_StayWithTheClient()
    {
        var proxy = new TcpProxySimulation(downstream: new ConnectionOptions { BufferLimitBytes = 50_000 });
        proxy.Network.IgnoreConnects(UpstreamAddress);
        var client = proxy.ConnectClient();
        client.Send(Bytes(2_000_000, 1));
        proxy.Network.RunUntilIdle();
        proxy.Loop.Loop.Slabs.BytesInUse.ShouldBeInRange(50_000, 200_000);
        proxy.Network.AllowConnects(UpstreamAddress);
        client.Reset();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Upstream_ThatRefuses_ClosesTheClientWithFlags()
    {
        var proxy = new TcpProxySimulation();
        proxy.Network.RefuseConnects(UpstreamAddress);
        var client = proxy.ConnectClient();
        client.IsEnded.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamRetryLimitExceeded);
        proxy.Server.Counter("cluster.up.upstream_cx_connect_fail").ShouldBe(1);
        proxy.Server.Counter("cluster.up.upstream_cx_connect_attempts_exceeded").ShouldBe(1);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Upstream_ThatDoesNotAnswer_TimesOut()
    {
        var proxy = new TcpProxySimulation();
        proxy.Network.IgnoreConnects(UpstreamAddress);
        var client = proxy.ConnectClient();
        proxy.Network.Advance(TimeSpan.FromSeconds(4.9));
        client.IsEnded.ShouldBeFalse();
        proxy.Network.Advance(TimeSpan.FromSeconds(0.2));
        client.IsEnded.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.UpstreamConnectionFailure | ResponseFlags.UpstreamRetryLimitExceeded);
        proxy.Server.Counter("cluster.up.upstream_cx_connect_timeout").ShouldBe(1);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Upstream_ThatRefuses_IsFollowedByAnotherHost()
    {
        var proxy = new TcpProxySimulation(
            BaseConfig with { MaxConnectAttempts = 2 }, clusters: FilterServer.Cluster("up", SecondAddress, UpstreamAddress));
        proxy.Network.RefuseConnects(SecondAddress);
        for (var i = 0; i < 4; i++)
        {
            var (client, server) = proxy.Connect();
            client.Send("x");
            proxy.Network.RunUntilIdle();
            server.ReceivedText.ShouldBe("x");
            client.Close();
            server.Close();
        }

        proxy.ShouldBeAtRest();
        proxy.Host.Ended.ShouldContain(i => i.AttemptCount == 2);
        proxy.Host.Ended.ShouldAllBe(i => Equals(i.UpstreamHost, UpstreamAddress));
        proxy.Server.Counter("cluster.up.upstream_cx_connect_attempts_exceeded").ShouldBe(0);
    }

    [Fact]
    public void Cluster_ThatIsMissing_GivesNoClusterFound()
    {
        var proxy = new TcpProxySimulation(BaseConfig with { Cluster = "other" });
        proxy.ConnectClient().IsEnded.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.NoClusterFound);
        proxy.Server.Counter("tcp.test.downstream_cx_no_route").ShouldBe(1);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Cluster_WithoutHosts_GivesNoHealthyUpstream()
    {
        var proxy = new TcpProxySimulation(clusters: FilterServer.Cluster("up"));
        proxy.ConnectClient().IsEnded.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.NoHealthyUpstream);
        proxy.Server.Counter("cluster.up.upstream_cx_none_healthy").ShouldBe(1);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Cluster_AtItsConnectionLimit_GivesOverflow()
    {
        var limits = new CircuitBreakersConfig { DefaultPriority = new CircuitBreakerThresholdsConfig { MaxConnections = 1 } };
        var proxy = new TcpProxySimulation(clusters: FilterServer.Cluster("up", UpstreamAddress) with { CircuitBreakers = limits });
        var (first, server) = proxy.Connect();
        proxy.ConnectClient().IsEnded.ShouldBeTrue();
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.UpstreamOverflow);
        proxy.Server.Counter("cluster.up.upstream_cx_overflow").ShouldBe(1);
        first.Close();
        server.Close();
        proxy.ShouldBeAtRest();
        var (again, _) = proxy.Connect();
        again.IsEnded.ShouldBeFalse();
    }

    [Fact]
    public void WeightedClusters_OverManyConnections_GetTheirShares()
    {
        var config = BaseConfig with
        {
            Cluster = null,
            WeightedClusters = [new TcpClusterWeightConfig("up", 3), new TcpClusterWeightConfig("second", 1)],
        };
        var proxy = new TcpProxySimulation(
            config, clusters: new[] { FilterServer.Cluster("up", UpstreamAddress), FilterServer.Cluster("second", SecondAddress) });
        proxy.Network.ListenPeer(SecondAddress);
        for (var i = 0; i < 1000; i++)
        {
            proxy.ConnectClient().Reset();
        }

        proxy.ShouldBeAtRest();
        proxy.Server.Counter("cluster.up.upstream_cx_total").ShouldBeInRange(700, 800);
        proxy.Server.Counter("cluster.second.upstream_cx_total").ShouldBeInRange(200, 300);
    }

    [Fact]
    public void Client_ThatReadsSlowly_HoldsTheUpstreamBack()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        client.IsReadPaused = true;
        var sent = Bytes(6_000_000, 5);
        server.Send(sent);
        server.ShutdownSend();
        proxy.Network.RunUntilIdle();
        proxy.Loop.Loop.Slabs.BytesInUse.ShouldBeLessThan(1_000_000);
        proxy.Server.Counter("cluster.up.upstream_flow_control_paused_reading_total").ShouldBe(1);
        proxy.Server.Gauge("tcp.test.downstream_cx_tx_bytes_buffered").ShouldBeGreaterThan(500_000);
        client.IsReadPaused = false;
        proxy.Network.RunUntilIdle();
        client.Received.ShouldBe(sent);
        client.IsEnded.ShouldBeTrue();
        client.Close();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Upstream_ThatReadsSlowly_HoldsTheClientBack()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        server.IsReadPaused = true;
        client.Send(new byte[6_000_000]);
        proxy.Network.RunUntilIdle();
        proxy.Loop.Loop.Slabs.BytesInUse.ShouldBeLessThan(1_000_000);
        proxy.Server.Counter("tcp.test.downstream_flow_control_paused_reading_total").ShouldBe(1);
        proxy.Server.Counter("tcp.test.downstream_flow_control_resumed_reading_total").ShouldBe(0);
        server.IsReadPaused = false;
        proxy.Network.RunUntilIdle();
        server.Received.Length.ShouldBe(6_000_000);
        proxy.Server.Counter("tcp.test.downstream_flow_control_resumed_reading_total").ShouldBeGreaterThan(0);
        client.Reset();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void BothEnd_WithBytesForTheUpstreamLeft_TheyAreFlushed()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        server.IsReadPaused = true;
        client.Send(new byte[600_000]);
        client.ShutdownSend();
        server.ShutdownSend();
        proxy.Network.RunUntilIdle();
        proxy.Server.Counter("tcp.test.upstream_flush_total").ShouldBe(1);
        proxy.Server.Gauge("tcp.test.upstream_flush_active").ShouldBe(1);
        server.IsReadPaused = false;
        proxy.Network.RunUntilIdle();
        server.Received.Length.ShouldBe(600_000);
        server.IsEnded.ShouldBeTrue();
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Connection_WithoutBytes_EndsAfterTheIdleTimeout()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        proxy.Network.Advance(TimeSpan.FromMinutes(59));
        client.Send("x");
        proxy.Network.Advance(TimeSpan.FromMinutes(59));
        client.IsEnded.ShouldBeFalse();
        server.Send("x");
        proxy.Network.Advance(TimeSpan.FromMinutes(59.9));
        client.IsEnded.ShouldBeFalse();
        proxy.Network.Advance(TimeSpan.FromMinutes(0.2));
        client.IsEnded.ShouldBeTrue();
        server.IsEnded.ShouldBeTrue();
        proxy.Server.Counter("tcp.test.idle_timeout").ShouldBe(1);
        proxy.Info.ConnectionTerminationDetails.ShouldBe(LocalCloseReasons.TcpSessionIdleTimeout);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void IdleTimeout_OfZero_NeverEnds()
    {
        var proxy = new TcpProxySimulation(BaseConfig with { IdleTimeout = TimeSpan.Zero });
        var (client, _) = proxy.Connect();
        proxy.Network.Advance(TimeSpan.FromDays(30));
        client.IsEnded.ShouldBeFalse();
        proxy.Loop.Loop.ArmedTimers.ShouldBe(0);
    }

    [Fact]
    public void Connection_PastItsMaxDuration_EndsThoughItIsBusy()
    {
        var proxy = new TcpProxySimulation(BaseConfig with { MaxDownstreamConnectionDuration = TimeSpan.FromSeconds(10) });
        var (client, server) = proxy.Connect();
        for (var i = 0; i < 9; i++)
        {
            client.Send("x");
            proxy.Network.Advance(TimeSpan.FromSeconds(1));
        }

        client.IsEnded.ShouldBeFalse();
        proxy.Network.Advance(TimeSpan.FromSeconds(1.1));
        client.IsEnded.ShouldBeTrue();
        server.IsEnded.ShouldBeTrue();
        proxy.Server.Counter("tcp.test.max_downstream_connection_duration").ShouldBe(1);
        proxy.Info.ResponseFlags.ShouldBe(ResponseFlags.DurationTimeout);
        proxy.ShouldBeAtRest();
    }

    [Fact]
    public void Downstream_ClosedByTheListener_EndsTheUpstreamToo()
    {
        var proxy = new TcpProxySimulation();
        var (client, server) = proxy.Connect();
        server.IsReadPaused = true;
        client.Send(new byte[4_000_000]);
        proxy.Network.RunUntilIdle();
        proxy.Loop.Run(() => proxy.Host.Connections[0].Close(CloseType.NoFlush));
        proxy.ShouldBeAtRest();
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Resets_AtRandomMoments_LeaveNothingBehind(int seed)
    {
        var proxy = new TcpProxySimulation(network: new SimulatedNetworkOptions
        {
            Seed = seed,
            TearSegments = true,
            SendWouldBlockProbability = 0.3,
            SpuriousEventProbability = 0.3,
            ResetProbability = 0.05,
            Latency = TimeSpan.FromMilliseconds(1),
        });
        proxy.Upstream.Accepted = server =>
        {
            server.Send(Bytes(200_000, seed));
            server.ShutdownSend();
        };
        for (var i = 0; i < 50; i++)
        {
            var client = proxy.Network.ConnectPeer(ProxyAddress);
            client.Send(Bytes(200_000, seed));
            client.ShutdownSend();
        }

        proxy.Network.Advance(TimeSpan.FromHours(2));
        proxy.Host.Ended.Count.ShouldBe(50);
        proxy.ShouldBeAtRest();
    }

    private static byte[] Bytes(int count, int seed)
    {
        var bytes = new byte[count];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
