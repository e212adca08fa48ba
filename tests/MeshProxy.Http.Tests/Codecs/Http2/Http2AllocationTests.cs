using MeshProxy.Core.Buffers;
using MeshProxy.Core.Stats;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport;

namespace MeshProxy.Http.Tests.Codecs.Http2;

public sealed class Http2AllocationTests
{
    [Fact]
    public void Exchanges_InSteadyState_AllocateNothing()
    {
        using var pair = new Http2Pair();
        pair.Exchange(200);
        var before = GC.GetAllocatedBytesForCurrentThread();
        pair.Exchange(1000);
        (GC.GetAllocatedBytesForCurrentThread() - before).ShouldBeLessThan(Allocations.Noise, "bytes for 1000 exchanges");
    }

    [Fact]
    public void Codec_Idle_HoldsNoSlab()
    {
        using var pair = new Http2Pair();
        pair.Exchange(200);
        pair.Pool.SlabsInUse.ShouldBe(0);
    }

    [Fact]
    public void Codec_Idle_IsSmall()
    {
        const int Count = 500;
        var pool = new SlabPool();
        var streams = new Http2StreamPool(pool);
        var stats = new Http2Stats(new StatsStore(0).Root);
        var options = new Http2CodecOptions();
        using var pair = new Http2Pair();
        pair.Exchange(1);
        var kept = new Http2Codec[Count];
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Count; i++)
        {
            kept[i] = new Http2Codec(options, Http2Role.Server, pair, pool, streams, stats);
        }

        // Before its first header the codec is all that a connection has; the tables of HPACK and the streams grow with use.
        ((GC.GetAllocatedBytesForCurrentThread() - before) / Count).ShouldBeLessThan(2048);
        GC.KeepAlive(kept);
    }

    /// <summary>Our client and our server, wired together: requests with a body, answers with a body and trailers.</summary>
    private sealed class Http2Pair : IHttp2Events, IDisposable
    {
        private readonly Http2Codec _client;
        private readonly Http2Codec _server;
        private readonly Http2StreamPool _streams;
        private readonly IoBuffer _wire;
        private readonly IoBuffer _body;
        private readonly RequestHeaders _request;
        private readonly RequestHeaders _received;
        private readonly ResponseHeaders _response;
        private readonly ResponseHeaders _answer;
        private readonly HeaderTrailers _trailers;
        private int _answered;

        public Http2Pair()
        {
            _streams = new Http2StreamPool(Pool);
            var stats = new Http2Stats(new StatsStore(0).Root);
            _client = new Http2Codec(new(), Http2Role.Client, this, Pool, _streams, stats);
            _server = new Http2Codec(new(), Http2Role.Server, this, Pool, _streams, stats);
            _wire = new IoBuffer(Pool);
            _body = new IoBuffer(Pool);
            _request = new RequestHeaders(Pool);
            _received = new RequestHeaders(Pool);
            _response = new ResponseHeaders(Pool);
            _answer = new ResponseHeaders(Pool);
            _trailers = new HeaderTrailers(Pool);
            _client.Start();
            _server.Start();
            Pass();
        }

        public SlabPool Pool { get; } = new();

        public void Exchange(int count)
        {
            for (var i = 0; i < count; i++)
            {
                var stream = _client.OpenStream(this)!;
                _request.SetMethod(KnownMethod.Post);
                _request.SetScheme("http"u8);
                _request.SetPath("/some/path"u8);
                _request.SetAuthority("a.example"u8);
                _request.Add(HeaderNames.UserAgent, "test"u8);
                _request.Add(HeaderNames.Cookie, "a=b"u8);
                _client.SendHeaders(stream, _request, endStream: false);
                _body.Append("hello, and some more"u8);
                _client.SendData(stream, _body, endStream: true);
                _request.Clear();
                Pass();
            }

            _answered.ShouldBe(count);
            _answered = 0;
            _streams.StreamsInUse.ShouldBe(0);
        }

        public void Dispose()
        {
            _client.CloseAll(Http2ErrorCode.NoError, false, "");
            _server.CloseAll(Http2ErrorCode.NoError, false, "");
        }

        public RequestHeaders? BeginRequest(Http2Stream stream) => _received;

        public ResponseHeaders? BeginResponse(Http2Stream stream) => _answer;

        public void OnHeaders(Http2Stream stream, bool endStream)
        {
        }

        public void OnData(Http2Stream stream, bool endStream)
        {
            var bytes = (int)stream.Received.Length;
            stream.Received.Clear();
            if (_answer.Status != 0)
            {
                _client.Consume(stream, bytes);
                return;
            }

            _server.Consume(stream, bytes);
            if (endStream)
            {
                Answer(stream);
            }
        }

        public void OnTrailers(Http2Stream stream)
        {
            _answer.Clear();
            _client.Release(stream);
            _answered++;
        }

        public void OnSent(Http2Stream stream)
        {
            if (stream.RemoteEnded)
            {
                _trailers.Clear();
                _received.Clear();
                _server.Release(stream);
            }
        }

        public void OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details) => throw new InvalidOperationException(details);

        public void OnWritable(Http2Stream stream)
        {
        }

        public void OnGoAway(uint lastStreamId, Http2ErrorCode code)
        {
        }

        public void OnSettings()
        {
        }

        public void OnPingAck(ulong payload)
        {
        }

        public void OnOutput()
        {
        }

        private void Answer(Http2Stream stream)
        {
            _response.Status = 200;
            _response.Add(HeaderNames.Server, "test"u8);
            _response.Add(HeaderNames.ContentType, "application/grpc"u8);
            _server.SendHeaders(stream, _response, endStream: false);
            _response.Clear();
            _body.Append("an answer"u8);
            _server.SendData(stream, _body, endStream: false);
            _trailers.Add(HeaderNames.GrpcStatus, "0"u8);
            _server.SendTrailers(stream, _trailers);
        }

        private void Pass()
        {
            do
            {
                _client.FillData(64 * 1024);
                _wire.MoveFrom(_client.Output);
                _server.Receive(_wire).ShouldBeTrue();
                _server.FillData(64 * 1024);
                _wire.MoveFrom(_server.Output);
                _client.Receive(_wire).ShouldBeTrue();
            }
            while (!_client.Output.IsEmpty || !_server.Output.IsEmpty);
        }
    }
}
