using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http2;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>Messages that are in order, both roles.</summary>
public sealed class Http2ExchangeTests
{
    [Fact]
    public void Start_Server_SendsSettingsAndWindow() => Http2Harness.Fresh(Http2Role.Server, h =>
    {
        var frames = h.Flush();
        frames.Count.ShouldBe(2);
        frames[0].Type.ShouldBe(Http2FrameType.Settings);
        frames[0].Setting(3).ShouldBe(1024u);
        frames[0].Setting(4).ShouldBe(16u * 1024 * 1024);
        frames[0].Setting(2).ShouldBeNull();
        frames[1].Type.ShouldBe(Http2FrameType.WindowUpdate);
        frames[1].Value.ShouldBe((24u * 1024 * 1024) - 65535);
    });

    [Fact]
    public void Start_Client_SendsPrefaceAndForbidsPush() => Http2Harness.Fresh(Http2Role.Client, h =>
    {
        var frames = h.Flush();
        frames[0].Type.ShouldBe(Http2FrameType.Settings);
        frames[0].Setting(2).ShouldBe(0u);
    });

    [Fact]
    public void Request_WithoutBody_IsAnswered() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, ("x-a", "b")])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 GET http a.example / x-a=b end"]);
        h.Stream(1).RemoteEnded.ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false, with: r => r.Add("Server", "x"));
        h.SendData(h.Stream(1), "hello", endStream: true);
        h.Signals.ShouldBe(1);
        var frames = h.Flush();
        frames.Count.ShouldBe(2);
        frames[0][":status"].ShouldBe("200");
        frames[0]["server"].ShouldBe("x");
        frames[1].Text.ShouldBe("hello");
        frames[1].EndStream.ShouldBeTrue();
        h.Log[^1].ShouldBe("sent 1");
        h.Codec.ActiveStreams.ShouldBe(0);
    });

    [Fact]
    public void Request_WithBodyAndTrailers_ArrivesWhole() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Post, endStream: false), Data(1, "hello "), Data(1, "world"), Head(1, [("x-t", "1")])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 POST http a.example /", "trailers 1 x-t=1"]);
        h.Bodies[1].ShouldBe("hello world");
        h.Counter("trailers").ShouldBe(1);
    });

    [Fact]
    public void Request_InContinuations_ArrivesWhole() => Http2Harness.Server(h =>
    {
        var block = Block([.. Get, ("x-long", new string('v', 20_000))]);
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndStream, 1, block[..10])).ShouldBeTrue();
        h.Receive(Frame(Http2FrameType.Continuation, 0, 1, block[10..9000])).ShouldBeTrue();
        h.Receive(Frame(Http2FrameType.Continuation, Http2Flags.EndHeaders, 1, block[9000..])).ShouldBeTrue();
        h.Log.Count.ShouldBe(1);
        h.Head(1).GetString("x-long")!.Length.ShouldBe(20_000);
    });

    [Fact]
    public void Request_PaddedWithPriority_ArrivesAsIfWithout() => Http2Harness.Server(h =>
    {
        byte[] head = [3, 0, 0, 0, 0, 9, .. Block(Post), 0, 0, 0];
        h.Receive(Frame(Http2FrameType.Headers, Http2Flags.EndHeaders | Http2Flags.Padded | Http2Flags.Priority, 1, head)).ShouldBeTrue();
        h.Receive(Frame(Http2FrameType.Data, Http2Flags.Padded | Http2Flags.EndStream, 1, [4, (byte)'x', 0, 0, 0, 0])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 POST http a.example /", "end 1"]);
        h.Bodies[1].ShouldBe("x");
    });

    [Fact]
    public void Request_CookieCrumbs_BecomeOneHeader() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, ("cookie", "a=b"), ("x-a", "1"), ("cookie", "c=d"), ("cookie", "e=f")])).ShouldBeTrue();
        h.Head(1).GetString("cookie").ShouldBe("a=b; c=d; e=f");
        h.Head(1).Count.ShouldBe(3);
    });

    [Fact]
    public void Request_ManyLongCrumbs_BecomeOneHeader() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, .. Enumerable.Range(0, 12).Select(i => ("cookie", new string((char)('a' + i), 1000)))])).ShouldBeTrue();
        h.Head(1).GetString("cookie").ShouldBe(string.Join("; ", Enumerable.Range(0, 12).Select(i => new string((char)('a' + i), 1000))));
    });

    [Fact]
    public void Request_HostWithoutAuthority_IsTheHost() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [(":method", "GET"), (":scheme", "https"), (":path", "/"), ("host", "b.example")])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 GET https b.example / end"]);
    });

    [Fact]
    public void Request_HostBesideAuthority_AuthorityWins() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, ("host", "b.example")])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 GET http a.example / end"]);
        h.Head(1).Count.ShouldBe(1);
    });

    [Fact]
    public void Connect_WithAuthority_OpensATunnel() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [(":method", "CONNECT"), (":authority", "b.example:443")], endStream: false), Data(1, "raw")).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 CONNECT  b.example:443 "]);
        h.Bodies[1].ShouldBe("raw");
    });

    [Fact]
    public void ExtendedConnect_WhereAllowed_CarriesItsProtocol()
    {
        Http2Harness.Fresh(Http2Role.Server, h => h.Flush()[0].Setting(8).ShouldBe(1u), Allowing);
        Http2Harness.Server(
            h =>
            {
                h.Receive(Head(1, [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", "/chat"), (":authority", "a")], endStream: false)).ShouldBeTrue();
                h.Log.ShouldBe(["headers 1 CONNECT https a /chat protocol=websocket"]);
            },
            Allowing);
    }

    [Fact]
    public void Options_Asterisk_IsTheServerItself() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [(":method", "OPTIONS"), (":scheme", "http"), (":path", "*"), (":authority", "a")])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 OPTIONS http a * end"]);
    });

    [Fact]
    public void Te_Trailers_IsKept() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, [.. Get, ("te", "trailers")])).ShouldBeTrue();
        h.Head(1).GetString("te").ShouldBe("trailers");
    });

    [Fact]
    public void Response_WithBody_ArrivesWhole() => Http2Harness.Client(h =>
    {
        var stream = h.Request();
        stream.Id.ShouldBe(1u);
        var head = h.Flush().ShouldHaveSingleItem();
        head.Fields.ShouldBe([(":method", "GET"), (":scheme", "http"), (":authority", "a.example"), (":path", "/")]);
        head.EndStream.ShouldBeTrue();
        h.Receive(Head(1, [.. Ok, ("content-length", "5")], endStream: false), Data(1, "hello", endStream: true)).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 200 content-length=5", "end 1"]);
        h.Bodies[1].ShouldBe("hello");
        stream.IsClosed.ShouldBeTrue();
    });

    [Fact]
    public void Response_AfterInformational_BothArrive() => Http2Harness.Client(h =>
    {
        h.Request();
        h.Receive(Head(1, [(":status", "103"), ("link", "x")], endStream: false), Head(1, Ok)).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 103 link=x", "headers 1 200 end"]);
    });

    [Theory]
    [InlineData("HEAD", "200")]
    [InlineData("GET", "304")]
    [InlineData("GET", "204")]
    public void Response_WithLengthAndNoBodyAllowed_IsInOrder(string method, string status) => Http2Harness.Client(h =>
    {
        h.Request(with: r => r.SetMethod(method));
        h.Receive(Head(1, [(":status", status), ("content-length", "5")])).ShouldBeTrue();
        h.Log.ShouldBe([$"headers 1 {status} content-length=5 end"]);
    });

    [Fact]
    public void Response_Trailers_EndIt() => Http2Harness.Client(h =>
    {
        h.Request();
        h.Receive(Head(1, Ok, endStream: false), Data(1, "x"), Head(1, [("grpc-status", "0"), ("content-length", "3")])).ShouldBeTrue();
        h.Log.ShouldBe(["headers 1 200", "trailers 1 grpc-status=0"]);
    });

    [Fact]
    public void SendHeaders_ConnectionFields_AreDropped() => Http2Harness.Client(h =>
    {
        h.Request(with: r =>
        {
            r.Add("Connection", "keep-alive, x-drop, te");
            r.Add("Keep-Alive", "5");
            r.Add("Proxy-Connection", "x");
            r.Add("Transfer-Encoding", "chunked");
            r.Add("Upgrade", "h2c");
            r.Add("HTTP2-Settings", "x");
            r.Add("X-Drop", "1");
            r.Add("X-Keep", "2");
            r.Add("TE", "gzip, trailers");
            r.Add("Content-Length", "0");
        });
        h.Flush()[0].Fields[4..].ShouldBe([("x-keep", "2"), ("content-length", "0"), ("te", "trailers")]);
    });

    // RFC 9113 section 8.2.2: TE is a request's
    [Fact]
    public void SendHeaders_ConnectionFieldsOfAResponse_AreDropped_AndTeAsWell() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), with: r =>
        {
            r.Add("Connection", "close, x-drop");
            r.Add("Keep-Alive", "5");
            r.Add("Proxy-Connection", "x");
            r.Add("Transfer-Encoding", "chunked");
            r.Add("Upgrade", "h2c");
            r.Add("TE", "trailers");
            r.Add("X-Drop", "1");
            r.Add("X-Keep", "2");
        });
        h.Flush()[0].Fields.ShouldBe([(":status", "200"), ("x-keep", "2")]);
    });

    [Fact]
    public void SendHeaders_Connect_HasNoSchemeAndPath() => Http2Harness.Client(h =>
    {
        h.Request(endStream: false, KnownMethod.Connect, r => r.SetAuthority("b:443"));
        h.Flush()[0].Fields.ShouldBe([(":method", "CONNECT"), (":authority", "b:443")]);
    });

    [Fact]
    public void SendHeaders_ExtendedConnect_CarriesItsProtocol() => Http2Harness.Client(h =>
    {
        h.Receive(Settings((8, 1))).ShouldBeTrue();
        h.Codec.PeerEnablesConnectProtocol.ShouldBeTrue();
        h.Request(endStream: false, KnownMethod.Connect, r => r.SetProtocol("websocket"u8));
        h.Flush()[^1].Fields.ShouldBe([(":method", "CONNECT"), (":scheme", "http"), (":authority", "a.example"), (":path", "/"), (":protocol", "websocket")]);
    });

    [Fact]
    public void SendHeaders_LargerThanAFrame_ContinuesInOrder() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        var values = Enumerable.Range(0, 6).Select(i => new string((char)('\u0080' + i), 5000)).ToArray();
        h.Respond(h.Stream(1), with: r =>
        {
            foreach (var value in values)
            {
                r.Add("x-v", System.Text.Encoding.Latin1.GetBytes(value));
            }
        });
        h.Codec.Output.Length.ShouldBeGreaterThan(32 * 1024 - 4000);
        var frame = h.Flush().ShouldHaveSingleItem();
        frame.EndStream.ShouldBeTrue();
        frame.Fields[1..].Select(f => f.Value).ShouldBe(values);
    });

    [Fact]
    public void SendTrailers_BehindQueuedData_EndTheStream() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), "body");
        h.Codec.SendTrailers(h.Stream(1), h.Trailers("Grpc-Status", "0"));
        h.Stream(1).LocalEnded.ShouldBeFalse();
        var frames = h.Flush();
        frames.Select(f => f.Type).ShouldBe([Http2FrameType.Headers, Http2FrameType.Data, Http2FrameType.Headers]);
        frames[2].Fields.ShouldBe([("grpc-status", "0")]);
        frames[2].EndStream.ShouldBeTrue();
        h.Stream(1).LocalEnded.ShouldBeTrue();
        h.Log[^1].ShouldBe("sent 1");
    });

    [Fact]
    public void SendTrailers_WithNothingQueued_GoAtOnce() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.Codec.SendTrailers(h.Stream(1), h.Trailers("x", "y"));
        h.Stream(1).LocalEnded.ShouldBeTrue();
        h.Flush().Count.ShouldBe(2);
    });

    [Fact]
    public void SendData_EmptyEnd_IsAnEmptyFrame() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), "", endStream: true);
        h.Stream(1).LocalEnded.ShouldBeTrue();
        var frames = h.Flush();
        frames[1].Payload.ShouldBeEmpty();
        frames[1].EndStream.ShouldBeTrue();
    });

    [Fact]
    public void Streams_TwoLargeBodies_TakeTurns() => Http2Harness.Server(h =>
    {
        h.Receive(Settings((4, 1 << 20)), WindowUpdate(0, 1 << 20)).ShouldBeTrue();
        h.Receive(Head(1, Get), Head(3, Get)).ShouldBeTrue();
        foreach (var id in new uint[] { 1, 3 })
        {
            h.Respond(h.Stream(id), endStream: false);
            h.SendData(h.Stream(id), 40_000, endStream: true);
        }

        h.Flush().Where(f => f.Type == Http2FrameType.Data).Select(f => f.StreamId).ShouldBe([1u, 3u, 1u, 3u, 1u, 3u]);
    });

    [Fact]
    public void Response_HeadAndSmallBody_AreOneRun() => Http2Harness.Server(h =>
    {
        h.Receive(Head(1, Get)).ShouldBeTrue();
        h.Respond(h.Stream(1), endStream: false);
        h.SendData(h.Stream(1), 1024, endStream: true);
        h.Codec.FillData(64 * 1024);
        h.Codec.Output.SliceCount.ShouldBe(1);
    });

    [Fact]
    public void Ping_IsAnswered() => Http2Harness.Both(h =>
    {
        h.Receive(Ping(0x0102030405060708)).ShouldBeTrue();
        var pong = h.Flush().ShouldHaveSingleItem();
        pong.IsAck.ShouldBeTrue();
        pong.Payload.ShouldBe([1, 2, 3, 4, 5, 6, 7, 8]);
        h.Codec.SendPing(7);
        h.Flush()[0].IsAck.ShouldBeFalse();
        h.Receive(Ping(7, ack: true)).ShouldBeTrue();
        h.Log.ShouldBe(["ping 7"]);
    });

    [Fact]
    public void Settings_AreAcknowledged() => Http2Harness.Both(h =>
    {
        h.Receive(Settings((3, 5), (0x99, 1))).ShouldBeTrue();
        h.Log.ShouldBe(["settings"]);
        var ack = h.Flush().ShouldHaveSingleItem();
        ack.Type.ShouldBe(Http2FrameType.Settings);
        ack.IsAck.ShouldBeTrue();
    });

    [Fact]
    public void Wire_BytesOfAStream_AreCounted() => Http2Harness.Server(h =>
    {
        var head = Head(1, Post, endStream: false);
        h.Receive(head, Data(1, "abc", endStream: true)).ShouldBeTrue();
        var stream = h.Stream(1);
        stream.HeaderBytesReceived.ShouldBe(head.Length);
        stream.BytesReceived.ShouldBe(head.Length + 9 + 3);
        h.Respond(stream, endStream: false);
        h.SendData(stream, "four", endStream: true);
        h.Flush();
        stream.HeaderBytesSent.ShouldBe(10);
        stream.BytesSent.ShouldBe(10 + 9 + 4);
    });

    private static readonly Http2CodecOptions Allowing = new() { Protocol = new() { AllowConnect = true } };
}
