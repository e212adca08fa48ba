using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Stats;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Fuzz;

/// <summary>Runs a codec over what a peer sends, whole and in pieces, and compares what came of it. Nothing is written until the end.</summary>
internal sealed class Http2Run : IHttp2Events
{
    /// <summary>An input has 4 KiB; a slab of 8 KiB for each part that can be in use at the same time.</summary>
    private const long MaxBytesInUse = 4 * 1024 * 1024;

    private static readonly Http2Stats s_stats = new(new StatsStore(0).Root);

    [ThreadStatic]
    private static SlabPool? t_pool;

    private readonly SlabPool _pool = t_pool ??= new SlabPool();
    private readonly StringBuilder _log = new();
    private readonly List<Http2Stream> _streams = [];
    private readonly List<HeaderMap> _maps = [];
    private readonly Dictionary<Http2Stream, HeaderMap> _heads = [];
    private readonly Http2Codec _codec;
    private readonly Http2StreamPool _streamPool;

    private Http2Run(Http2Role role, bool streamErrors)
    {
        _streamPool = new Http2StreamPool(_pool);
        var options = new Http2CodecOptions { StreamErrorOnInvalidHttpMessage = streamErrors, Protocol = new() { AllowConnect = true, MaxConcurrentStreams = 4 } };
        _codec = new Http2Codec(options, role, this, _pool, _streamPool, s_stats);
    }

    public static void Check(Http2Role role, ReadOnlySpan<byte> data)
    {
        var streamErrors = data.Length % 2 == 0;
        var whole = Once(role, streamErrors, [data.ToArray()]);
        Once(role, streamErrors, Http1Run.Split(data)).ShouldBe(whole);
    }

    private static string Once(Http2Role role, bool streamErrors, IEnumerable<byte[]> pieces)
    {
        var run = new Http2Run(role, streamErrors);
        var outcome = run.Run(role, pieces);
        run._pool.SlabsInUse.ShouldBe(0);
        run._streamPool.StreamsInUse.ShouldBe(0);
        run._codec.ActiveStreams.ShouldBe(0);
        return outcome;
    }

    private string Run(Http2Role role, IEnumerable<byte[]> pieces)
    {
        var input = new IoBuffer(_pool);
        _codec.Start();
        input.Append(role == Http2Role.Server ? Http2Bytes.ClientStart : Http2Bytes.Settings());
        _codec.Receive(input).ShouldBeTrue();
        if (role == Http2Role.Client)
        {
            Ask(KnownMethod.Get);
            Ask(KnownMethod.Head);
            Ask(KnownMethod.Connect);
        }

        foreach (var piece in pieces)
        {
            input.Append(piece);
            _codec.Receive(input).ShouldBe(!_codec.Error.IsSet);
            _pool.BytesInUse.ShouldBeLessThan(MaxBytesInUse);
        }

        _codec.FillData(int.MaxValue);

        // What we write must be in order, whatever came in.
        foreach (var frame in new Http2WireReader(role == Http2Role.Client).Feed(_codec.Output.ToArray()))
        {
            _log.Append(frame).Append('\n');
        }

        _log.Append(_codec.Error.Reason).Append(' ').Append(input.Length);
        _codec.CloseAll(Http2ErrorCode.NoError, byPeer: true, "");
        _streams.ForEach(_codec.Release);
        _maps.ForEach(map => map.Clear());
        input.Clear();
        return _log.ToString();
    }

    private void Ask(KnownMethod method)
    {
        var headers = new RequestHeaders(_pool);
        _maps.Add(headers);
        headers.SetMethod(method);
        headers.SetPath("/");
        headers.SetAuthority("a:1");
        var stream = _codec.OpenStream(this)!;
        _streams.Add(stream);
        _codec.SendHeaders(stream, headers, endStream: method != KnownMethod.Connect);
    }

    public RequestHeaders? BeginRequest(Http2Stream stream)
    {
        _streams.Add(stream);
        var headers = new RequestHeaders(_pool);
        _maps.Add(headers);
        _heads[stream] = headers;
        return headers;
    }

    public ResponseHeaders? BeginResponse(Http2Stream stream)
    {
        var headers = new ResponseHeaders(_pool);
        _maps.Add(headers);
        _heads[stream] = headers;
        return headers;
    }

    public void OnHeaders(Http2Stream stream, bool endStream)
    {
        var map = _heads[stream];
        _log.Append($"headers {stream.Id} {endStream}\n").Append(Http1Run.Dump(map));
        if (map is not RequestHeaders request)
        {
            return;
        }

        request.Method.IsEmpty.ShouldBeFalse();
        var headers = new ResponseHeaders(_pool) { Status = 200 };
        _maps.Add(headers);
        _codec.SendHeaders(stream, headers, endStream: false);
        var data = new IoBuffer(_pool);
        data.Append(new byte[100]);
        _codec.SendData(stream, data, endStream);
    }

    public void OnData(Http2Stream stream, bool endStream)
    {
        _log.Append($"data {stream.Id} {endStream} ").Append(Http1Run.Text(stream.Received.ToArray())).Append('\n');
        var bytes = (int)stream.Received.Length;
        stream.Received.Clear();
        _codec.Consume(stream, bytes);
    }

    public void OnTrailers(Http2Stream stream) => _log.Append($"trailers {stream.Id}\n").Append(Http1Run.Dump(stream.Trailers!));

    public void OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details)
    {
        _log.Append($"reset {stream.Id} {code} {byPeer} {details}\n");
        if (stream.Id % 4 == 1)
        {
            _streams.Remove(stream);
            _codec.Release(stream);
        }
    }

    public void OnWritable(Http2Stream stream) => _log.Append($"writable {stream.Id}\n");

    public void OnSent(Http2Stream stream) => _log.Append($"sent {stream.Id}\n");

    public void OnGoAway(uint lastStreamId, Http2ErrorCode code) => _log.Append($"goaway {lastStreamId}\n");

    public void OnSettings() => _log.Append("settings\n");

    public void OnPingAck(ulong payload) => _log.Append($"ping {payload}\n");

    public void OnOutput()
    {
    }
}
