using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.FilterChain;
using MeshProxy.Http.Headers;
using MeshProxy.Http.Hosting;
using MeshProxy.TestSupport;
using MeshProxy.TestSupport.Http;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>What a client may open and send without being served, by default: a client that goes beyond is refused, counted, and holds no more than that.</summary>
public sealed class Http2DefaultLimitTests
{
    private const int MaxStreams = 1024;
    private const int StreamWindowBytes = 16 * 1024 * 1024;
    private const int ConnectionWindowBytes = 24 * 1024 * 1024;
    private const int FrameBytes = 16 * 1024;

    /// <summary>For what a test sends: more than ten times what it takes.</summary>
    private static readonly TimeSpan s_cpu = TimeSpan.FromSeconds(2);

    [Fact]
    public async Task Streams_MoreThanTheLimit_AreRefusedAlone()
    {
        const int More = 200;
        await using var proxy = await StartAsync();
        var before = await WorkerCpu.ReadAsync(proxy);
        using var client = await RawHttp2.ConnectAsync(proxy);
        await client.SendAsync([.. Enumerable.Range(0, MaxStreams + More).Select(i => Request(Id(i), path: "/hang"))]);
        await client.ReadUntilAsync(c => c.Frames.Count(f => f.Type == Http2FrameType.RstStream) == More);

        client.IsClosed.ShouldBeFalse();
        client.Frames.Where(f => f.Type == Http2FrameType.RstStream).ShouldAllBe(f => f.ErrorCode == Http2ErrorCode.RefusedStream && f.StreamId >= Id(MaxStreams));
        client.Frames.ShouldContain(f => f.Type == Http2FrameType.Settings && !f.IsAck && f.Setting(3) == MaxStreams);
        await proxy.StatIsAsync("http2.stream_refused_errors", More);
        await proxy.StatIsAsync("http2.streams_active", MaxStreams);

        // One gone makes room for one.
        await client.SendAsync(RstStream(1), Request(Id(MaxStreams + More), path: "/well"));
        (await client.HeadAsync(Id(MaxStreams + More)))[":status"].ShouldBe("200");
        (await WorkerCpu.ReadAsync(proxy) - before).ShouldBeLessThan(s_cpu);
    }

    [Fact]
    public async Task Stream_BeyondItsWindow_IsResetAlone()
    {
        await using var proxy = await StartAsync();
        var before = await WorkerCpu.ReadAsync(proxy);
        using var client = await RawHttp2.ConnectAsync(proxy);
        await client.SendAsync(Request(1, "POST", "/hang", endStream: false));
        await client.FloodAsync(Data(1, new byte[FrameBytes]), StreamWindowBytes / FrameBytes);
        await HeldAsync(proxy, StreamWindowBytes);
        client.Frames.ShouldNotContain(f => f.Type == Http2FrameType.WindowUpdate && f.StreamId == 1);

        await client.SendAsync(Data(1, "x"), Request(3, path: "/well"));
        (await client.HeadAsync(3))[":status"].ShouldBe("200");
        client.Frames.Where(f => f.Type == Http2FrameType.RstStream).Select(f => (f.StreamId, f.ErrorCode)).ShouldBe([(1U, Http2ErrorCode.FlowControlError)]);
        await proxy.StatIsAsync("http2.tx_reset", 1);
        (await WorkerCpu.ReadAsync(proxy) - before).ShouldBeLessThan(s_cpu);
    }

    [Fact]
    public async Task Connection_BeyondItsWindow_IsEnded()
    {
        await using var proxy = await StartAsync();
        var before = await WorkerCpu.ReadAsync(proxy);
        using (var client = await RawHttp2.ConnectAsync(proxy))
        {
            for (var i = 0; i < 2; i++)
            {
                await client.SendAsync(Request(Id(i), "POST", "/hang", endStream: false));
                await client.FloodAsync(Data(Id(i), new byte[FrameBytes]), ConnectionWindowBytes / 2 / FrameBytes);
            }

            await HeldAsync(proxy, ConnectionWindowBytes);
            await client.SendAsync(Data(1, "x"));
            await client.ReadToCloseAsync();
            client.GoAway!.ErrorCode.ShouldBe(Http2ErrorCode.FlowControlError);
        }

        await proxy.StatIsAsync("http.ingress.downstream_cx_protocol_error", 1);
        (await WorkerCpu.ReadAsync(proxy) - before).ShouldBeLessThan(s_cpu);
    }

    private static uint Id(int number) => (uint)(1 + (2 * number));

    /// <summary>All of it has come, and is held in little more than its bytes.</summary>
    private static async Task HeldAsync(Proxy proxy, long bytes)
    {
        var held = 0L;
        await Waiting.EventuallyAsync(
            async () => (held = (await proxy.Server.GetDiagnosticsAsync()).SlabBytesInUse) >= bytes, () => $"holds {held} of {bytes} bytes");
        held.ShouldBeLessThan(bytes * 5 / 4);
    }

    /// <summary>/hang takes nothing of its request and answers never; all else is answered.</summary>
    private static Task<Proxy> StartAsync() => Proxy.HttpAsync(
        "unix:/nonexistent/socket",
        http: http => http.TellsWorkerCpu().Filter(static _ => new DelegateFilter { OnDecodeHeaders = HangAsync })
            .VirtualHost("v", ["*"], host => host.DirectResponse("/", 200, "well")),
        concurrency: 1);

    private static async ValueTask<FilterStatus> HangAsync(DelegateFilter filter, RequestHeaders headers, bool endStream)
    {
        if (headers.Path.SequenceEqual("/hang"u8))
        {
            await Task.Delay(Timeout.Infinite, filter.Stream.Aborted)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            return FilterStatus.StopIteration;
        }

        return FilterStatus.Continue;
    }
}
