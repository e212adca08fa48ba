using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Stats;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>Our client against our server, over a wire that cuts anywhere, with windows of every size: what goes in comes out, and nothing is left.</summary>
public sealed class Http2RoundTripTests
{
    private const int Steps = 400;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 24)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Exchanges_UnderRandomWindowsAndCuts_ArriveWhole(int seed)
    {
        var random = new Random(seed);
        var pool = new SlabPool();
        var streams = new Http2StreamPool(pool);
        var client = new Side(Http2Role.Client, Options(random), pool, streams, random);
        var server = new Side(Http2Role.Server, Options(random), pool, streams, random);
        for (var step = 0; step < Steps; step++)
        {
            switch (random.Next(8))
            {
                case 0:
                    client.Request();
                    break;
                case 1:
                    client.Continue();
                    break;
                case 2:
                    server.Continue();
                    break;
                case 3:
                    client.Take();
                    break;
                case 4:
                    server.Take();
                    break;
                case 5 when random.Next(4) == 0:
                    (random.Next(2) == 0 ? client : server).ResetOne();
                    break;
                default:
                    Pass(client, server, random);
                    Pass(server, client, random);
                    break;
            }
        }

        // Everything that was begun is finished.
        for (var i = 0; i < 20_000 && (client.Messages.Count > 0 || server.Messages.Count > 0); i++)
        {
            client.Continue(finish: true);
            server.Continue(finish: true);
            client.Take();
            server.Take();
            Pass(client, server, random);
            Pass(server, client, random);
        }

        client.Messages.ShouldBeEmpty();
        server.Messages.ShouldBeEmpty();
        client.Codec.ActiveStreams.ShouldBe(0);
        server.Codec.ActiveStreams.ShouldBe(0);
        client.Close();
        server.Close();
        streams.StreamsInUse.ShouldBe(0);
        pool.SlabsInUse.ShouldBe(0);
        client.Finished.ShouldBeGreaterThan(0);
    }

    private static Http2CodecOptions Options(Random random) => new()
    {
        StreamErrorOnInvalidHttpMessage = random.Next(2) == 0,
        HighWatermarkBytes = random.Next(1, 200_000),
        Protocol = new()
        {
            // What two random peers do is no attack.
            MaxInboundWindowUpdateFramesPerDataFrameSent = 1000,
            MaxInboundResetBurst = 10_000,
            MaxConsecutiveInboundFramesWithEmptyPayload = 10,
            MaxConcurrentStreams = random.Next(1, 30),
            InitialStreamWindowSize = 65_535 + (random.Next(3) * random.Next(100_000)),
            InitialConnectionWindowSize = 65_535 + (random.Next(3) * random.Next(100_000)),
            HpackTableSize = random.Next(3) switch { 0 => 4096, 1 => random.Next(4096), _ => 65_535 },
        },
    };

    private static void Pass(Side from, Side to, Random random)
    {
        from.Codec.FillData(random.Next(1, 100_000));
        var bytes = from.Codec.Output.ToArray();
        from.Codec.Output.Clear();
        for (var at = 0; at < bytes.Length;)
        {
            var n = Math.Min(random.Next(4) == 0 ? random.Next(1, 30) : random.Next(1, 40_000), bytes.Length - at);
            var piece = new IoBuffer(from.Input.Pool);
            piece.Append(bytes.AsSpan(at, n));
            to.Input.MoveFrom(piece);
            to.Codec.Receive(to.Input).ShouldBeTrue(to.Codec.Error.Reason);
            at += n;
        }
    }

    /// <summary>What one side says and hears on one stream.</summary>
    private sealed class Message(Http2Stream stream, Random random)
    {
        public Http2Stream Stream { get; } = stream;

        /// <summary>The bytes are numbers that count up from the stream's: either side can check what it hears.</summary>
        public int ToSay { get; set; } = random.Next(3) == 0 ? random.Next(5) : random.Next(120_000);

        public int Said { get; set; }
        public bool HeadSaid { get; set; }
        public bool EndSaid { get; set; }
        public int Heard { get; set; }
        public bool HeadHeard { get; set; }
        public bool EndHeard { get; set; }
        public int Length { get; set; } = -1;
        public HeaderTrailers? SaidTrailers { get; set; }
        public List<HeaderMap> Maps { get; } = [];
    }

    private sealed class Side : IHttp2Events
    {
        private readonly Random _random;
        private readonly SlabPool _pool;
        private readonly bool _isClient;

        public Side(Http2Role role, Http2CodecOptions options, SlabPool pool, Http2StreamPool streams, Random random)
        {
            _random = random;
            _pool = pool;
            _isClient = role == Http2Role.Client;
            Input = new IoBuffer(pool);
            Codec = new Http2Codec(options, role, this, pool, streams, new Http2Stats(new StatsStore(0).Root));
            Codec.Start();
        }

        public Http2Codec Codec { get; }

        public IoBuffer Input { get; }

        public List<Message> Messages { get; } = [];

        public int Finished { get; private set; }

        public void Request()
        {
            if (Codec.OpenStream(this) is not { } stream)
            {
                return;
            }

            var message = new Message(stream, _random);
            stream.Owner = message;
            Messages.Add(message);
            var headers = new RequestHeaders(_pool);
            message.Maps.Add(headers);
            headers.SetMethod(KnownMethod.Post);
            headers.SetScheme("https");
            headers.SetPath("/" + new string('p', _random.Next(50)));
            headers.SetAuthority("a.example");
            Say(message, headers);
            Codec.SendHeaders(stream, headers, message.ToSay == 0 && (message.EndSaid = _random.Next(2) == 0));
            message.HeadSaid = true;
            Finish(message);
        }

        /// <summary>Says something more on some streams.</summary>
        public void Continue(bool finish = false)
        {
            foreach (var message in Messages.ToArray())
            {
                if (message.EndSaid || message.Stream.IsAboveHighWatermark || (!finish && _random.Next(2) == 0) || (!_isClient && !message.HeadHeard))
                {
                    continue;
                }

                if (!message.HeadSaid)
                {
                    Answer(message);
                }
                else
                {
                    SayBody(message, finish);
                }

                Finish(message);
            }
        }

        /// <summary>Takes what has come on some streams.</summary>
        public void Take()
        {
            foreach (var message in Messages.ToArray())
            {
                var received = message.Stream.Received;
                if (received.IsEmpty)
                {
                    continue;
                }

                var n = _random.Next(1, (int)Math.Min(received.Length, 100_000) + 1);
                var bytes = new byte[n];
                received.CopyTo(bytes);
                var wrong = bytes.Count(b => b != (byte)(message.Stream.Id + message.Heard++));
                wrong.ShouldBe(0);

                received.Drain(n);
                Codec.Consume(message.Stream, n);
                Finish(message);
            }
        }

        public void ResetOne()
        {
            if (Messages.Count > 0)
            {
                var message = Messages[_random.Next(Messages.Count)];
                Codec.Reset(message.Stream, Http2ErrorCode.Cancel);
                Forget(message);
            }
        }

        public void Close()
        {
            Codec.CloseAll(Http2ErrorCode.NoError, byPeer: false, "end");
            Input.Clear();
        }

        public RequestHeaders? BeginRequest(Http2Stream stream)
        {
            var message = new Message(stream, _random);
            stream.Owner = message;
            Messages.Add(message);
            var headers = new RequestHeaders(_pool);
            message.Maps.Add(headers);
            return headers;
        }

        public ResponseHeaders? BeginResponse(Http2Stream stream)
        {
            var headers = new ResponseHeaders(_pool);
            ((Message)stream.Owner!).Maps.Add(headers);
            return headers;
        }

        public void OnHeaders(Http2Stream stream, bool endStream)
        {
            var message = (Message)stream.Owner!;
            var map = message.Maps[^1];
            if (map is ResponseHeaders { Status: < 200 })
            {
                return;
            }

            message.HeadHeard = true;
            message.EndHeard = endStream;
            message.Length = int.Parse(map.GetString("x-length")!);
            map.GetString("x-id").ShouldBe(stream.Id.ToString());
            Finish(message);
        }

        public void OnData(Http2Stream stream, bool endStream)
        {
            var message = (Message)stream.Owner!;
            message.EndHeard |= endStream;
            Finish(message);
        }

        public void OnTrailers(Http2Stream stream)
        {
            var message = (Message)stream.Owner!;
            message.EndHeard = true;
            stream.Trailers!.GetString("x-end").ShouldBe(message.Length.ToString());
            Finish(message);
        }

        public void OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details)
        {
            (code is Http2ErrorCode.Cancel or Http2ErrorCode.RefusedStream).ShouldBeTrue($"{code} {details}");
            Forget((Message)stream.Owner!);
        }

        public void OnWritable(Http2Stream stream) => stream.IsAboveHighWatermark.ShouldBeFalse();

        public void OnSent(Http2Stream stream)
        {
            stream.LocalEnded.ShouldBeTrue();
            Finish((Message)stream.Owner!);
        }

        public void OnGoAway(uint lastStreamId, Http2ErrorCode code) => throw new InvalidOperationException("GOAWAY " + code);

        public void OnSettings()
        {
        }

        public void OnPingAck(ulong payload)
        {
        }

        public void OnOutput()
        {
        }

        private void Answer(Message message)
        {
            if (_random.Next(4) == 0)
            {
                var early = new ResponseHeaders(_pool) { Status = 103 };
                message.Maps.Add(early);
                Codec.SendHeaders(message.Stream, early, endStream: false);
            }

            var headers = new ResponseHeaders(_pool) { Status = 200 };
            message.Maps.Add(headers);
            Say(message, headers);
            Codec.SendHeaders(message.Stream, headers, message.ToSay == 0 && (message.EndSaid = _random.Next(2) == 0));
            message.HeadSaid = true;
        }

        private void Say(Message message, HeaderMap headers)
        {
            headers.Set("x-length", message.ToSay.ToString());

            // The id of a request is known when it is sent: they are given in turn.
            var id = _isClient ? NextId() : message.Stream.Id;
            headers.Set("x-id", id.ToString());
            for (var n = _random.Next(4); n > 0; n--)
            {
                headers.Add($"x-{_random.Next(5)}", new string('v', _random.Next(20) == 0 ? _random.Next(20_000) : _random.Next(30)));
            }
        }

        private uint _requests;

        private uint NextId() => (2 * _requests++) + 1;

        private void SayBody(Message message, bool finish)
        {
            var left = message.ToSay - message.Said;
            var n = finish ? left : _random.Next(left + 1);
            var bytes = new byte[n];
            for (var i = 0; i < n; i++)
            {
                bytes[i] = (byte)(message.Stream.Id + message.Said++);
            }

            var data = new IoBuffer(_pool);
            data.Append(bytes);
            var done = message.Said == message.ToSay;
            if (done && _random.Next(3) == 0)
            {
                if (n > 0)
                {
                    Codec.SendData(message.Stream, data, endStream: false);
                }

                message.SaidTrailers = new HeaderTrailers(_pool);
                message.SaidTrailers.Add("x-end", message.ToSay.ToString());
                message.EndSaid = true;
                Codec.SendTrailers(message.Stream, message.SaidTrailers);
            }
            else if (n > 0 || done)
            {
                message.EndSaid = done;
                Codec.SendData(message.Stream, data, done);
            }
        }

        /// <summary>Releases a stream on which all is said and heard.</summary>
        private void Finish(Message message)
        {
            if (message.Stream.LocalEnded && message.EndHeard && message.Stream.Received.IsEmpty && Messages.Contains(message))
            {
                message.Heard.ShouldBe(message.Length);
                Finished++;
                Forget(message);
            }
        }

        private void Forget(Message message)
        {
            Messages.Remove(message).ShouldBeTrue();
            Codec.Release(message.Stream);
            foreach (var map in message.Maps)
            {
                map.Clear();
            }

            message.SaidTrailers?.Clear();
        }
    }
}
