using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Integration.Tests.Http2;

/// <summary>
/// What a client can do to make a server work or hold memory without end: each ends by a limit, is counted, and leaves nothing behind
/// (the fixture looks). A well-behaved client is served meanwhile.
/// </summary>
public sealed class Http2AttackTests
{
    private const Http2ErrorCode Cancel = Http2ErrorCode.Cancel;
    private const Http2ErrorCode EnhanceYourCalm = Http2ErrorCode.EnhanceYourCalm;

    /// <summary>Far above every limit: whoever gets to the end of it has found a hole.</summary>
    private const int Enough = 4000;

    /// <summary>How often an attack is played for its CPU time to be taken, after once for the JIT.</summary>
    private const int Attackers = 5;

    /// <summary>What an attack may cost the worker: most take 10 to 30 ms, that with the outbound frames 160 ms.</summary>
    private static readonly TimeSpan CpuOfAnAttack = TimeSpan.FromSeconds(1);

    public static TheoryData<string, string> Floods => new()
    {
        { "ping", "http2.outbound_control_flood" },
        { "settings", "http2.outbound_control_flood" },
        { "priority", "http2.inbound_priority_frames_flood" },
        { "window_update", "http2.inbound_window_update_frames_flood" },
        { "empty_data", "http2.inbound_empty_frames_flood" },
        { "continuation", "http2.inbound_continuation_flood" },
        { "empty_continuation", "http2.inbound_empty_frames_flood" },
        { "rapid_reset", "http.ingress.downstream_rq_too_many_premature_resets" },
        { "unknown", "http2.inbound_extension_frames_flood" },
        { "hpack_bomb", "http2.header_expansion_flood" },
        { "refused", "http2.inbound_reset_flood" },
        { "malformed_stream_errors", "http.ingress.downstream_rq_too_many_premature_resets" },
        { "made_you_reset", "http.ingress.downstream_rq_too_many_premature_resets" },
        { "answers", "http2.outbound_flood" },
    };

    [Theory]
    [MemberData(nameof(Floods))]
    public async Task Flood_EndsByItsLimit(string kind, string counter)
    {
        await using var upstream = await KestrelUpstream.StartAsync(
            context => context.Request.Path.StartsWithSegments("/bytes") ? KestrelUpstream.Service(context) : Task.Delay(Timeout.Infinite, context.RequestAborted));
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with
            {
                StreamErrorOnInvalidHttpMessage = kind == "malformed_stream_errors",
                Http2ProtocolOptions = config.Http2ProtocolOptions with { MaxConcurrentStreams = kind == "refused" ? 10 : 1024 },
            },
            http => http.TellsWorkerCpu().VirtualHost("v", ["*"], host => host.DirectResponse("/well", 200, "well").DirectResponse("/nothing", 204).Prefix("/", Proxy.Service)),
            concurrency: 1);
        await PlayAsync(proxy, kind);
        await proxy.StatIsAsync(counter, 1);
        var before = await WorkerCpu.ReadAsync(proxy);
        for (var i = 0; i < Attackers; i++)
        {
            await PlayAsync(proxy, kind);
        }

        var used = await WorkerCpu.ReadAsync(proxy) - before;
        used.ShouldBeLessThan(Attackers * CpuOfAnAttack);
        await proxy.StatIsAsync(counter, 1 + Attackers);
        (await proxy.Server.GetDiagnosticsAsync()).SlabsInUse.ShouldBeLessThan(200);
        await proxy.StatIsAsync("http.ingress.downstream_cx_http2_active", 0);
    }

    /// <summary>Attacks until the proxy ends the connection.</summary>
    private static async Task PlayAsync(Proxy proxy, string kind)
    {
        using var attacker = await RawHttp2.ConnectAsync(proxy, receiveBuffer: 4096, (4, int.MaxValue));
        await attacker.FloodAsync(FirstOf(kind), 1);
        uint id = 1;
        for (var i = 0; i < Enough && !attacker.IsClosed; i++)
        {
            await attacker.FloodAsync(PieceOf(kind, ref id), 1);
            if (i % 100 == 0)
            {
                (await (await proxy.Client.GetAsync("/well")).Content.ReadAsStringAsync()).ShouldBe("well");
            }
        }

        await attacker.ReadToCloseAsync();
    }

    [Fact]
    public async Task HeaderList_TooLarge_EndsItsStreamOnly()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, http: http => http.TellsWorkerCpu().RouteAllTo(Proxy.Service), concurrency: 1);
        var before = await WorkerCpu.ReadAsync(proxy);
        using var client = await RawHttp2.ConnectAsync(proxy);
        var large = Block([(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a"), .. Enumerable.Range(0, 7).Select(i => ("x-" + i, new string('v', 10_000)))]);
        var frames = large.Chunk(16_000).ToArray();
        await client.SendAsync([.. frames.Select((f, i) => Frame(i == 0 ? Http2FrameType.Headers : Http2FrameType.Continuation,
            (i == 0 ? Http2Flags.EndStream : 0) | (i == frames.Length - 1 ? Http2Flags.EndHeaders : 0), 1, f))]);
        await client.SendAsync(Request(3, path: "/bytes/3", more: [.. Enumerable.Range(0, 200).Select(i => ("x-" + i, "v"))]));
        await client.SendAsync(Request(5, path: "/bytes/3"));

        (await client.HeadAsync(5))[":status"].ShouldBe("200");
        client.Frames.Where(f => f.Type == Http2FrameType.RstStream).Select(f => (f.StreamId, f.ErrorCode)).ShouldBe([(1U, EnhanceYourCalm), (3U, EnhanceYourCalm)]);
        proxy.Stat("http2.header_overflow").ShouldBe(2);
        (await WorkerCpu.ReadAsync(proxy) - before).ShouldBeLessThan(CpuOfAnAttack);
    }

    [Fact]
    public async Task SlowReader_WithManyResponses_HoldsNoMoreThanTheWatermarks()
    {
        const int Streams = 80;
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address, concurrency: 1);
        using var client = await RawHttp2.ConnectAsync(proxy, receiveBuffer: 4096, (4, 0)); // no window at all
        await client.SendAsync([.. Enumerable.Range(0, Streams).Select(i => Request((uint)(1 + (2 * i)), path: "/bytes/100000000"))]);

        // Every response has begun, and has filled its share of the watermark; then nothing moves any more.
        await client.ReadUntilAsync(c => c.Frames.Count(f => f.Type == Http2FrameType.Headers) == Streams);
        client.IsClosed.ShouldBeFalse();
        const long Watermark = 1024 * 1024, Together = 16 * Watermark;
        await Fixtures.Settings.EventuallyAsync(() => proxy.Stat("http2.pending_send_bytes") >= Together, () => $"{proxy.Stat("http2.pending_send_bytes")} pending");
        proxy.Stat("http2.pending_send_bytes").ShouldBeLessThan(2 * Together);
        client.Frames.ShouldNotContain(f => f.Type == Http2FrameType.Data);
        (await (await proxy.Client.GetAsync("/bytes/5")).Content.ReadAsByteArrayAsync()).Length.ShouldBe(5);

        // A window for one of them: it comes, the others stay.
        await client.SendAsync(WindowUpdate(3, 1000));
        await client.ReadUntilAsync(c => c.Frames.Where(f => f.Type == Http2FrameType.Data && f.StreamId == 3).Sum(f => f.Payload.Length) == 1000);
        client.Frames.ShouldNotContain(f => f.Type == Http2FrameType.Data && f.StreamId != 3);
    }

    [Fact]
    public async Task HeaderNames_OfNoLength_EndTheConnection()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await RawHttp2.ConnectAsync(proxy);
        await client.SendAsync(Request(1, more: [("", "")]));
        await client.ReadToCloseAsync();

        client.GoAway!.ErrorCode.ShouldBe(Http2ErrorCode.ProtocolError);
        await proxy.StatIsAsync("http2.rx_messaging_error", 1);
    }

    [Fact]
    public async Task StreamIds_UsedUp_TheLastIsServed()
    {
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(upstream.Address);
        using var client = await RawHttp2.ConnectAsync(proxy);
        await client.SendAsync(Request(int.MaxValue, path: "/bytes/3"));
        (await client.HeadAsync(int.MaxValue))[":status"].ShouldBe("200");
        await client.SendAsync(Request(1, path: "/bytes/3"));
        await client.ReadToCloseAsync();

        client.GoAway!.ErrorCode.ShouldNotBe(Http2ErrorCode.NoError);
        client.GoAway.Value.ShouldBe((uint)int.MaxValue);
    }

    /// <summary>Streams by the thousand on one connection: answered, cancelled at every stage, uploaded to, refused by a filter.</summary>
    [Fact]
    public async Task TenThousandStreams_OfAllKinds_LeaveNothing()
    {
        const int Streams = 10_000;
        await using var upstream = await KestrelUpstream.StartAsync();
        await using var proxy = await Proxy.HttpAsync(
            upstream.Address,
            config => config with { Http2ProtocolOptions = config.Http2ProtocolOptions with { MaxInboundResetBurst = Streams } },
            concurrency: 1);
        using var client = await RawHttp2.ConnectAsync(proxy);
        await client.SendAsync(WindowUpdate(0, 1_000_000_000));
        var random = new Random(7);
        var piece = new byte[3000];
        var expected = new List<uint>();
        for (var batch = 0; batch < Streams / 100; batch++)
        {
            List<byte[]> frames = [], later = [];
            expected.Clear();
            for (var i = 0; i < 100; i++)
            {
                var id = (uint)(1 + (2 * ((batch * 100) + i)));
                switch (random.Next(10))
                {
                    case 0:
                        frames.AddRange([Request(id, path: "/bytes/100000"), RstStream(id, Cancel)]);
                        break;
                    case 1:
                        frames.Add(Request(id, path: "/chunked/5000"));
                        later.Add(RstStream(id, Cancel));
                        break;
                    case 2:
                        frames.AddRange([Request(id, "POST", "/whole", endStream: false), Data(id, piece), Data(id, piece, endStream: true)]);
                        expected.Add(id);
                        break;
                    case 3:
                        frames.AddRange([Request(id, "POST", "/echo", endStream: false), Data(id, piece)]);
                        later.Add(RstStream(id, Cancel));
                        break;
                    default:
                        frames.Add(Request(id, path: "/bytes/2000"));
                        expected.Add(id);
                        break;
                }
            }

            await client.SendAsync([.. frames]);
            await client.SendAsync([.. later]);
            var waiting = expected.ToHashSet();
            await client.ReadUntilAsync(c =>
            {
                waiting.ExceptWith(c.Frames.Where(f => f.EndStream).Select(f => f.StreamId));
                return waiting.Count == 0;
            });
            client.IsClosed.ShouldBeFalse(client.GoAway?.Text);
            client.Frames.Where(f => f.Type == Http2FrameType.Headers && expected.Contains(f.StreamId)).ShouldAllBe(f => f[":status"] == "200");
            client.Frames.Clear();
        }

        await proxy.StatIsAsync("http.ingress.downstream_rq_active", 0);
        proxy.Stat("http.ingress.downstream_rq_http2_total").ShouldBe(Streams);
        proxy.Stat("http.ingress.downstream_cx_http2_total").ShouldBe(1);
        await proxy.StatIsAsync("http2.streams_active", 0);
    }

    private static byte[] FirstOf(string kind) => kind switch
    {
        "empty_data" => Request(1, "POST", endStream: false),
        "continuation" or "empty_continuation" => Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, Block((":method", "GET"))),
        "answers" => [.. WindowUpdate(0, 2_000_000_000), .. Request(1, path: "/bytes/1000000000")], // fills what the kernel holds
        "refused" => [.. Enumerable.Range(0, 10).SelectMany(i => Request((uint)(1 + (2 * i))))],
        _ => [],
    };

    private static byte[] PieceOf(string kind, ref uint id)
    {
        var stream = id;
        id += 2;
        return kind switch
        {
            "ping" => [.. Enumerable.Repeat(Ping(), 100).SelectMany(f => f)],
            "settings" => [.. Enumerable.Repeat(Settings(), 200).SelectMany(f => f)],
            "priority" => Priority(1),
            "window_update" => WindowUpdate(0, 1),
            "empty_data" => Data(1, ""),
            "continuation" => Frame(Http2FrameType.Continuation, 0, 1, Block(("x", "y"))),
            "empty_continuation" => Frame(Http2FrameType.Continuation, 0, 1),
            "rapid_reset" => [.. Request(stream), .. RstStream(stream, Cancel)],
            "unknown" => Frame((Http2FrameType)200, 0, 0, 1, 2, 3),
            "hpack_bomb" => Bomb(stream),
            "refused" => Request(2048 + stream),
            "made_you_reset" => [.. Request(stream), .. WindowUpdate(stream, 0)],
            "answers" => Answers(stream, out id),
            "malformed_stream_errors" => Request(stream, more: [("connection", "close")]),
            _ => throw new ArgumentException(kind),
        };
    }

    /// <summary>Asks for what is answered at once, by a head alone that no window holds back.</summary>
    private static byte[] Answers(uint stream, out uint next)
    {
        const int Requests = 100;
        next = stream + (2 * Requests);
        return [.. Enumerable.Range(1, Requests).SelectMany(i => Request(stream + (2 * (uint)i), path: "/nothing"))];
    }

    /// <summary>Indexes one large header, then stands for it some thousand times by a byte each.</summary>
    private static byte[] Bomb(uint stream)
    {
        var value = new string('v', 3900);
        var literal = Block(("x", value));
        literal[0] = 0x40; // with incremental indexing
        byte[] block = [.. Block((":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "a")), .. literal, .. Enumerable.Repeat((byte)(0x80 | 62), 8000)];
        return Frame(Http2FrameType.Headers, Http2Flags.EndStream | Http2Flags.EndHeaders, stream, block);
    }
}
