using System.Text;
using MeshProxy.Core.Network;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Config;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Simulation;
using static MeshProxy.TestSupport.Http2.Http2Bytes;

namespace MeshProxy.Http.Tests.ConnectionManager.Http2;

/// <summary>Many streams on several connections, with everything going wrong that can, by seeds: nothing may be left of it, and no exception reach the loop.</summary>
public class Http2ChaosTests
{
    [Theory]
    [MemberData(nameof(SeedNumbers))]
    public void Streams_OfAllKinds_LeaveNothing(int seed)
    {
        var random = new Random(seed);
        var gates = new List<TaskCompletionSource>();
        var h = new HttpExchangeHarness(new HttpExchangeOptions
        {
            Network = new SimulatedNetworkOptions
            {
                Seed = seed,
                TearSegments = true,
                SendWouldBlockProbability = 0.2,
                SpuriousEventProbability = 0.1,
                ResetProbability = seed % 4 == 0 ? 0.002 : 0,
                SendBufferBytes = 32 * 1024,
                ReceiveBufferBytes = 32 * 1024,
            },
            BufferLimitBytes = 16 * 1024,
            Manager = c => c with
            {
                StreamErrorOnInvalidHttpMessage = seed % 2 == 0,
                StreamIdleTimeout = TimeSpan.FromSeconds(5),
                Http2ProtocolOptions = c.Http2ProtocolOptions with { AllowConnect = true, MaxConcurrentStreams = 30, InitialStreamWindowSize = 65_535, InitialConnectionWindowSize = 100_000 },
                UpgradeConfigs = [new UpgradeConfig("websocket")],
                CommonHttpProtocolOptions = c.CommonHttpProtocolOptions with { MaxRequestsPerConnection = seed % 3 == 0 ? 20 : null },
            },
            Filters =
            [
                () => new DelegateFilter
                {
                    OnDecodeHeaders = async (filter, _, _) =>
                    {
                        switch (random.Next(8))
                        {
                            case 0:
                                var gate = new TaskCompletionSource();
                                gates.Add(gate);
                                await gate.Task;
                                return FilterStatus.Continue;
                            case 1:
                                filter.Stream.SendLocalReply(418, "no", "test");
                                return FilterStatus.StopIteration;
                            case 2:
                                await filter.Stream.BufferRequestBodyAsync(20_000);
                                return FilterStatus.Continue;
                            default:
                                return FilterStatus.Continue;
                        }
                    },
                },
            ],
        });
        h.Upstreams.Accepted = upstream => Answer(h, upstream, new Random(random.Next()));
        var clients = Enumerable.Range(0, 3).Select(_ => new Client(h, random)).ToList();
        for (var step = 0; step < 120; step++)
        {
            clients[random.Next(clients.Count)].Act();
            if (gates.Count > 0 && random.Next(4) == 0)
            {
                var gate = gates[^1];
                gates.RemoveAt(gates.Count - 1);
                h.OnLoop(gate.SetResult);
            }

            foreach (var upstream in h.Upstreams.Connections)
            {
                Answer(h, upstream, random);
            }

            h.Advance(TimeSpan.FromMilliseconds(random.Next(300)));
        }

        h.OnLoop(() => gates.ForEach(gate => gate.SetResult()));
        h.Counter("http.t.downstream_rq_http2_total").ShouldBeGreaterThan(20);
        h.ShouldBeClean();
    }

    public static TheoryData<int> SeedNumbers => [.. Enumerable.Range(1, 40)];

    private static void Answer(HttpExchangeHarness h, SimulatedPeer upstream, Random random)
    {
        if (!upstream.IsConnected || upstream.TakeReceived() is not { Length: > 0 } bytes)
        {
            return;
        }

        var heads = Encoding.Latin1.GetString(bytes).Split(" HTTP/1.1\r\n").Length - 1;
        for (var i = 0; i < heads; i++)
        {
            switch (random.Next(7))
            {
                case 0:
                    upstream.Close();
                    return;
                case 1:
                    upstream.Send("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ncut");
                    upstream.Reset();
                    return;
                case 2:
                    upstream.Send("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\ntunnel");
                    break;
                case 3:
                    upstream.Send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nx-t: 1\r\n\r\n");
                    break;
                case 4:
                    break;
                default:
                    var size = random.Next(3) == 0 ? 200_000 : 10;
                    upstream.Send($"HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\n" + new string('x', size));
                    break;
            }
        }
    }

    private sealed class Client(HttpExchangeHarness harness, Random random)
    {
        private readonly List<uint> _open = [];
        private SimulatedPeer? _peer;
        private uint _next = 1;

        public void Act()
        {
            if (_peer is not { IsConnected: true, IsEnded: false })
            {
                _peer = harness.Connect();
                _open.Clear();
                _next = 1;
                _peer.Send([.. Preface, .. Settings(random.Next(3) == 0 ? [((ushort)4, 10U)] : [])]);
                return;
            }

            var frames = new List<byte>();
            for (var i = random.Next(6); i >= 0; i--)
            {
                frames.AddRange(Frame());
            }

            _peer.Send([.. frames]);
            _peer.IsReadPaused = random.Next(6) == 0;
            if (random.Next(60) == 0)
            {
                _peer.Close();
            }
        }

        private byte[] Frame()
        {
            var any = _open.Count > 0 ? _open[random.Next(_open.Count)] : 0;
            switch (random.Next(14))
            {
                case 0 or 1 or 2:
                    return Request(Open(stays: false), path: "/get");
                case 3 or 4:
                    return Request(Open(stays: true), "POST", endStream: false);
                case 5:
                    return Head(
                        Open(stays: true),
                        false,
                        (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", "a"));
                case 6 or 7 when any != 0:
                    return Data(any, new byte[random.Next(1, 3000)]);
                case 8 when any != 0:
                    _open.Remove(any);
                    return Data(any, "end", endStream: true);
                case 9 when any != 0:
                    _open.Remove(any);
                    return RstStream(any, Http2ErrorCode.Cancel);
                case 10 when any != 0:
                    _open.Remove(any);
                    return Head(any, true, ("x-trailer", "1"));
                case 11 when random.Next(10) == 0:
                    return Request(Open(stays: false), more: [("connection", "close")]);
                case 12:
                    return WindowUpdate(0, (uint)random.Next(1, 100_000));
                case 13 when any != 0:
                    return WindowUpdate(any, (uint)random.Next(1, 100_000));
                default:
                    return Ping();
            }
        }

        private uint Open(bool stays)
        {
            var id = _next;
            _next += 2;
            if (stays)
            {
                _open.Add(id);
            }

            return id;
        }
    }
}
