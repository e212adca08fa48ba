using System.Diagnostics;
using System.Net.Sockets;
using MeshProxy.Core.Config;
using MeshProxy.Core.Hosting;

namespace MeshProxy.Integration.Tests.Tcp;

public sealed class TcpProxyTests
{
    [Fact]
    public async Task Bytes_BothWays_ArriveInOrder()
    {
        await using var upstream = new RawUpstream(EchoAsync);
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("hello");
        var answer = await client.ReadAsync(5);

        answer.ShouldBe("hello");
        await proxy.StatIsAsync("tcp.ingress.downstream_cx_total", 1);
    }

    [Fact]
    public async Task LargeStream_BothWaysAtOnce_ArrivesWhole()
    {
        const int Length = 64 << 20;
        await using var upstream = new RawUpstream(EchoAsync);
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await using var stream = new NetworkStream(client.Socket);

        var received = Payload.VerifyAsync(stream);
        await Payload.WriteAsync(stream, Length);
        client.EndSending();

        (await received).ShouldBe(Length);
    }

    [Fact]
    public async Task HalfClose_OfClient_ReachesUpstream_WhichStillAnswers()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("question");
        client.EndSending();
        using var connection = await upstream.AcceptAsync();
        var question = await connection.ReadToEndAsync();
        await connection.SendAsync("late answer");
        connection.EndSending();
        var answer = await client.ReadToEndAsync();

        question.ShouldBe(("question", false));
        answer.ShouldBe(("late answer", false));
    }

    [Fact]
    public async Task HalfClose_OfUpstream_ReachesClient_WhichStillSends()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();

        using var connection = await upstream.AcceptAsync();
        await connection.SendAsync("greeting");
        connection.EndSending();
        var greeting = await client.ReadToEndAsync();
        await client.SendAsync("reply");
        client.EndSending();
        var reply = await connection.ReadToEndAsync();

        greeting.ShouldBe(("greeting", false));
        reply.ShouldBe(("reply", false));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Reset_OfOneSide_ReachesTheOther(bool byClient)
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        await client.SendAsync("a");
        using var connection = await upstream.AcceptAsync();
        await connection.ReadAsync(1);

        var clock = Stopwatch.StartNew();
        (byClient ? client : connection).Reset();
        await (byClient ? connection : client).DrainAsync();

        clock.Elapsed.ShouldBeLessThan(Settings.AbortBound);
    }

    [Fact]
    public async Task UpstreamThatRefuses_ClosesClient_AndCounts()
    {
        using var refusing = new RefusingAddress();
        await using var proxy = await Proxy.TcpAsync(refusing.ToString());
        using var client = await proxy.ConnectAsync();

        await client.DrainAsync();

        await proxy.StatIsAsync("cluster.service.upstream_cx_connect_fail", 1);
    }

    [Fact]
    public async Task IdleTimeout_ClosesBothSides()
    {
        await using var upstream = new RawUpstream();
        await using var proxy = await Proxy.TcpAsync(upstream.Address, config => config with { IdleTimeout = TimeSpan.FromMilliseconds(100) });
        using var client = await proxy.ConnectAsync();
        using var connection = await upstream.AcceptAsync();

        await client.DrainAsync();
        await connection.DrainAsync();

        await proxy.StatIsAsync("tcp.ingress.idle_timeout", 1);
    }

    [Fact]
    public async Task SlowReader_HoldsUpstreamBack_InBoundedMemory()
    {
        const int Length = 64 << 20;
        var flow = new FlowMeter();
        await using var upstream = new RawUpstream(connection => flow.SendAsync(connection, Length));
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync(receiveBuffer: 16 * 1024);

        var held = await flow.StallAsync(proxy);

        held.ShouldBeInRange(1, FlowMeter.MaxBytes);
        flow.Sent.ShouldBeLessThan(Length);
        await using var stream = new NetworkStream(client.Socket);
        (await Payload.VerifyAsync(stream)).ShouldBe(Length);
    }

    [Fact]
    public async Task SlowUpstream_HoldsClientBack_InBoundedMemory()
    {
        const int Length = 64 << 20;
        var flow = new FlowMeter();
        await using var upstream = new RawUpstream(receiveBuffer: 16 * 1024);
        await using var proxy = await Proxy.TcpAsync(upstream.Address);
        using var client = await proxy.ConnectAsync();
        using var connection = await upstream.AcceptAsync();

        var sending = flow.SendAsync(client, Length);
        var held = await flow.StallAsync(proxy);

        held.ShouldBeInRange(1, FlowMeter.MaxBytes);
        flow.Sent.ShouldBeLessThan(Length);
        await using var stream = new NetworkStream(connection.Socket);
        var received = Payload.VerifyAsync(stream);
        await sending;
        client.EndSending();
        (await received).ShouldBe(Length);
    }

    [SkippableFact]
    public async Task Curl_ThroughTcpProxy_GetsKestrelsAnswer()
    {
        var curl = Peers.Require("curl");
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.TcpAsync(upstream.Address);

        var (exitCode, output) = await ChildProcess.RunAsync(curl, "-sS", "--noproxy", "*", "-d", "some=data", proxy.Uri("/a").ToString(), proxy.Uri("/b").ToString());

        exitCode.ShouldBe(0, output);
        output.ShouldContain("POST /a");
        output.ShouldContain("POST /b");
        upstream.Connections.ShouldBe(1);
    }

    [Fact]
    public async Task Echo_SendsBack()
    {
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.Echo())));
        using var client = await proxy.ConnectAsync();

        await client.SendAsync("abc");
        client.EndSending();

        (await client.ReadToEndAsync()).ShouldBe(("abc", false));
    }

    [Fact]
    public async Task DirectResponse_AnswersAndCloses()
    {
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain.DirectResponse("go away\n"))));
        using var client = await proxy.ConnectAsync();

        (await client.ReadToEndAsync()).ShouldBe(("go away\n", false));
    }

    [Fact]
    public async Task ConnectionLimit_ClosesTheConnectionsPastIt_AndTakesOthersAgainLater()
    {
        await using var upstream = new RawUpstream(EchoAsync);
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.FilterChain(chain => chain
                .ConnectionLimit(new ConnectionLimitConfig { StatPrefix = "limit", MaxConnections = 1 })
                .TcpProxy("tcp", Proxy.Service)))
            .Cluster(Proxy.Service, cluster => cluster.Endpoints(upstream.Address)));
        using (var first = await proxy.ConnectAsync())
        {
            await first.SendAsync("a");
            (await first.ReadAsync(1)).ShouldBe("a");
            using var second = await proxy.ConnectAsync();
            await second.DrainAsync();
            await first.SendAsync("b");
            (await first.ReadAsync(1)).ShouldBe("b");
        }

        await Settings.EventuallyAsync(() => proxy.Server.GetDiagnosticsAsync().Result.ActiveConnections == 0, () => "the connections have not gone");
        using var third = await proxy.ConnectAsync();
        await third.SendAsync("c");
        (await third.ReadAsync(1)).ShouldBe("c");
    }

    [Fact]
    public async Task ListenerLimit_ClosesTheConnectionsPastIt()
    {
        await using var proxy = await Proxy.StartAsync(builder => builder
            .Listener(Proxy.Ingress, "127.0.0.1:0", listener => listener.MaxConnections(1).FilterChain(chain => chain.Echo())));
        using var first = await proxy.ConnectAsync();
        await first.SendAsync("a");
        await first.ReadAsync(1);
        using var second = await proxy.ConnectAsync();

        await second.DrainAsync();

        await first.SendAsync("b");
        (await first.ReadAsync(1)).ShouldBe("b");
    }

    private static async Task EchoAsync(RawConnection connection)
    {
        var buffer = new byte[256 * 1024];
        int count;
        while ((count = await connection.Socket.ReceiveAsync(buffer)) > 0)
        {
            await connection.SendAsync(buffer.AsMemory(0, count));
        }
    }
}
