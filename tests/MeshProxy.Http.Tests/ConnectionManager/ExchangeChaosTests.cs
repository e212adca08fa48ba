using System.Globalization;
using System.Text;
using MeshProxy.Core.Network;
using MeshProxy.Http.FilterChain;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.Http.Tests.ConnectionManager;

/// <summary>
/// Many random exchanges: pipelined requests of every kind, torn and delayed bytes, filters that wait, peers that close, reset, answer early or
/// break off. Every answer that a client gets whole must be the one to its own request, and nothing may be left behind.
/// </summary>
public class ExchangeChaosTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(1000)]
    [InlineData(2000)]
    [InlineData(3000)]
    public void Exchanges_AnyOrderOfEvents_NeverMixAnswersNorLeaveAnything(int firstSeed)
    {
        var answers = 0;
        for (var seed = firstSeed; seed < firstSeed + 100; seed++)
        {
            try
            {
                answers += new Run(seed).Play();
            }
            catch (Exception exception)
            {
                throw new InvalidOperationException($"seed {seed}: {exception.Message}", exception);
            }
        }

        answers.ShouldBeGreaterThan(500, "too few exchanges came through to prove anything");
    }

    private sealed class Run
    {
        private readonly Random _random;
        private readonly HttpExchangeHarness _h;
        private readonly List<Client> _clients = [];
        private readonly Dictionary<SimulatedPeer, Upstream> _upstreams = [];
        private int _nextId = 1;

        public Run(int seed)
        {
            _random = new Random(seed);
            _h = new HttpExchangeHarness(new HttpExchangeOptions
            {
                Network = new SimulatedNetworkOptions
                {
                    Seed = seed,
                    Latency = TimeSpan.FromMicroseconds(_random.Next(3) * 300),
                    TearSegments = _random.Next(2) == 0,
                    SendWouldBlockProbability = _random.Next(3) * 0.1,
                    SpuriousEventProbability = _random.Next(3) * 0.1,
                    ResetProbability = _random.Next(4) == 0 ? 0.01 : 0,
                },
                Filters = [Waiting, Buffering],
                Manager = c => c with
                {
                    StreamIdleTimeout = TimeSpan.FromSeconds(20),
                    HttpProtocolOptions = c.HttpProtocolOptions with { EnableTrailers = true },
                },
                Route = r => r with { Timeout = TimeSpan.FromSeconds(2) },
                BufferLimitBytes = 32_768,
            });
        }

        private bool Chance(int percent) => _random.Next(100) < percent;

        /// <summary>Returns how many answers of the upstream reached a client whole.</summary>
        public int Play()
        {
            for (var step = 0; step < 60; step++)
            {
                Act();
                Serve();
                if (Chance(60))
                {
                    _h.Advance(TimeSpan.FromMicroseconds(_random.Next(2000)));
                }
            }

            for (var i = 0; i < 30; i++)
            {
                Serve();
                _h.Advance(TimeSpan.FromSeconds(1));
            }

            var answers = _clients.Sum(static c => c.CheckAnswers());
            _h.ShouldBeClean();
            return answers;
        }

        private void Act()
        {
            if (_clients.Count < 3 && (_clients.Count == 0 || Chance(10)))
            {
                _clients.Add(new Client(_h.Connect()));
                return;
            }

            var client = _clients[_random.Next(_clients.Count)];
            if (client.IsGone)
            {
                return;
            }

            switch (_random.Next(12))
            {
                case < 7:
                    client.Request(_nextId++, _random);
                    break;
                case 7:
                    client.Peer.IsReadPaused = !client.Peer.IsReadPaused;
                    break;
                case 8 when Chance(20):
                    client.IsGone = true;
                    client.Peer.Reset();
                    break;
                case 9 when Chance(20):
                    client.IsGone = true;
                    client.Peer.Close();
                    break;
            }

            client.SendSome(_random);
            _h.Run();
        }

        private void Serve()
        {
            foreach (var peer in _h.Upstreams.Connections)
            {
                if (!_upstreams.TryGetValue(peer, out var upstream))
                {
                    _upstreams[peer] = upstream = new Upstream(peer);
                }

                upstream.Serve(_random);
            }

            _h.Run();
        }

        private DelegateFilter Waiting() => new()
        {
            OnDecodeHeaders = (_, _, _) => MaybeWait(),
            OnDecodeData = (_, _, _) => MaybeWait(),
            OnEncodeHeaders = (_, _, _) => MaybeWait(),
            OnEncodeData = (_, _, _) => MaybeWait(),
        };

        private DelegateFilter Buffering() => new()
        {
            OnDecodeHeaders = (f, _, _) => Chance(20) ? Buffer(f) : default,
        };

        private async ValueTask<FilterStatus> Buffer(DelegateFilter filter) =>
            await filter.Stream.BufferRequestBodyAsync(100_000) is null ? FilterStatus.StopIteration : FilterStatus.Continue;

        private ValueTask<FilterStatus> MaybeWait() => Chance(15) ? Wait() : default;

        private async ValueTask<FilterStatus> Wait()
        {
            var done = new TaskCompletionSource();
            var timer = new Core.Event.LoopTimer(_h.Loop, static s => ((TaskCompletionSource)s!).SetResult(), done);
            timer.Arm(_random.Next(3));
            await done.Task;
            return FilterStatus.Continue;
        }
    }

    private sealed class Client(SimulatedPeer peer)
    {
        private readonly List<(int Id, bool IsHead)> _asked = [];
        private readonly StringBuilder _unsent = new();

        public SimulatedPeer Peer { get; } = peer;

        public bool IsGone { get; set; }

        public void Request(int id, Random random)
        {
            var kind = random.Next(5);
            _asked.Add((id, kind == 1));
            var body = new string('b', random.Next(4) == 0 ? random.Next(60_000) : random.Next(100));
            _unsent.Append(kind switch
            {
                0 => $"GET /{id} HTTP/1.1\r\nhost: a\r\n\r\n",
                1 => $"HEAD /{id} HTTP/1.1\r\nhost: a\r\n\r\n",
                2 => $"POST /{id} HTTP/1.1\r\nhost: a\r\ncontent-length: {body.Length}\r\n\r\n{body}",
                3 => $"POST /{id} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ntransfer-encoding: chunked\r\n\r\n{(body.Length > 0 ? $"{body.Length:x}\r\n{body}\r\n" : "")}0\r\nx-t: 1\r\n\r\n",
                _ => $"POST /{id} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n{(body.Length > 0 ? $"{body.Length:x}\r\n{body}\r\n" : "")}0\r\n\r\n",
            });
        }

        public void SendSome(Random random)
        {
            var count = random.Next(3) == 0 ? random.Next(_unsent.Length + 1) : _unsent.Length;
            if (count > 0 && !IsGone)
            {
                Peer.Send(_unsent.ToString(0, count));
                _unsent.Remove(0, count);
            }
        }

        /// <summary>Reads the answers in order: each whole 200 bears the number of its request.</summary>
        public int CheckAnswers()
        {
            var answers = 0;
            var text = Peer.ReceivedText;
            var at = 0;
            var next = 0;
            while (true)
            {
                var headEnd = text.IndexOf("\r\n\r\n", at, StringComparison.Ordinal);
                if (headEnd < 0)
                {
                    return answers;
                }

                var head = text[at..(headEnd + 4)];
                head.ShouldStartWith("HTTP/1.1 ");
                at = headEnd + 4;
                var status = int.Parse(head.AsSpan(9, 3), CultureInfo.InvariantCulture);
                if (status == 100)
                {
                    continue;
                }

                next.ShouldBeLessThan(_asked.Count, "an answer that nobody asked for");
                var (id, isHead) = _asked[next++];
                // An upstream's unasked answer that comes when the next request is on its way looks like that one's: HTTP/1.1 cannot tell.
                var isPoison = head.Contains("x-id: 0\r\n", StringComparison.Ordinal);
                if (status == 200 && !isPoison)
                {
                    head.ShouldContain($"x-id: {id}\r\n");
                }

                if (isHead)
                {
                    continue;
                }

                var body = new StringBuilder();
                if (!Bodies.TryRead(text, ref at, head, body))
                {
                    return answers;
                }

                if (status == 200 && !isPoison)
                {
                    body.ToString().ShouldStartWith($"<{id}>");
                    answers++;
                }
            }
        }
    }

    private sealed class Upstream(SimulatedPeer peer)
    {
        private int _at;
        private bool _isGone;

        public void Serve(Random random)
        {
            if (_isGone)
            {
                return;
            }

            if (peer.IsEnded || peer.IsReset)
            {
                _isGone = true;
                peer.Close();
                return;
            }

            while (random.Next(4) != 0)
            {
                var text = peer.ReceivedText;
                var headEnd = text.IndexOf("\r\n\r\n", _at, StringComparison.Ordinal);
                if (headEnd < 0)
                {
                    return;
                }

                var head = text[_at..(headEnd + 4)];
                var at = headEnd + 4;
                var slash = head.IndexOf('/', StringComparison.Ordinal);
                head[..slash].ShouldBeOneOf("GET ", "HEAD ", "POST ");
                var id = head[(slash + 1)..head.IndexOf(' ', slash)];
                var isWhole = Bodies.TryRead(text, ref at, head, new StringBuilder());
                if (!isWhole && random.Next(10) != 0)
                {
                    return;
                }

                _at = at;
                Answer(random, id, head.StartsWith("HEAD", StringComparison.Ordinal));
                if (_isGone || !isWhole)
                {
                    _isGone = true; // an early answer: the proxy closes
                    return;
                }
            }
        }

        private void Answer(Random random, string id, bool isHead)
        {
            var body = $"<{id}>" + new string('x', random.Next(5) == 0 ? random.Next(100_000) : random.Next(50));
            var hints = random.Next(6) == 0 ? "HTTP/1.1 100 Continue\r\n\r\n" : "";
            var answer = random.Next(4) switch
            {
                0 when !isHead => $"HTTP/1.1 200 OK\r\nx-id: {id}\r\ntransfer-encoding: chunked\r\n\r\n{body.Length:x}\r\n{body}\r\n0\r\nx-t: 1\r\n\r\n",
                _ => $"HTTP/1.1 200 OK\r\nx-id: {id}\r\ncontent-length: {body.Length}\r\n\r\n{(isHead ? "" : body)}",
            };
            switch (random.Next(20))
            {
                case 0:
                    _isGone = true;
                    peer.Close();
                    break;
                case 1:
                    _isGone = true;
                    peer.Reset();
                    break;
                case 2:
                    _isGone = true;
                    peer.Send(answer[..random.Next(answer.Length)]);
                    peer.Close();
                    break;
                case 3:
                    // More than was asked for.
                    peer.Send(answer + "HTTP/1.1 200 OK\r\nx-id: 0\r\ncontent-length: 6\r\n\r\npoison");
                    _isGone = true;
                    break;
                case 4:
                    _isGone = true; // never answers
                    break;
                default:
                    peer.Send(hints + answer);
                    break;
            }
        }
    }

    private static class Bodies
    {
        public static bool TryRead(string text, ref int at, string head, StringBuilder into)
        {
            var length = head.IndexOf("content-length: ", StringComparison.OrdinalIgnoreCase);
            if (length >= 0)
            {
                length += 16;
                var count = int.Parse(head.AsSpan(length, head.IndexOf('\r', length) - length), CultureInfo.InvariantCulture);
                if (at + count > text.Length)
                {
                    return false;
                }

                into.Append(text, at, count);
                at += count;
                return true;
            }

            if (!head.Contains("transfer-encoding: chunked", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }

            while (true)
            {
                var lineEnd = text.IndexOf("\r\n", at, StringComparison.Ordinal);
                if (lineEnd < 0)
                {
                    return false;
                }

                var size = int.Parse(text.AsSpan(at, lineEnd - at), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                at = lineEnd + 2;
                if (size == 0)
                {
                    var end = string.CompareOrdinal(text, at, "\r\n", 0, 2) == 0 ? at : text.IndexOf("\r\n\r\n", at, StringComparison.Ordinal) + 2;
                    if (end < at || end + 2 > text.Length)
                    {
                        return false;
                    }

                    at = end + 2;
                    return true;
                }

                if (at + size + 2 > text.Length)
                {
                    return false;
                }

                into.Append(text, at, size);
                at += size + 2;
            }
        }
    }
}
