using System.Text;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Stats;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.Http.Headers;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Http.Tests.Codecs.Http2;

/// <summary>How a test's input reaches the codec.</summary>
internal enum Feed
{
    Whole,
    ByteByByte,

    /// <summary>At once, but in slabs of a few bytes each: every frame lies across several.</summary>
    SmallSlabs,
}

/// <summary>
/// A codec with a raw peer, and a log of its events. A test runs once for each <see cref="Feed"/>, and each time must leave no slab,
/// stream or pending byte behind.
/// </summary>
internal sealed class Http2Harness : IHttp2Events
{
    private const int SmallSlabBytes = 5;

    private readonly Feed _feed;
    private readonly IoBuffer _input;
    private readonly Http2WireReader _reader;
    private readonly Http2StreamPool _streams;
    private readonly List<Http2Stream> _held = [];
    private readonly Dictionary<Http2Stream, HeaderMap> _heads = [];
    private readonly List<HeaderMap> _maps = [];
    private readonly StatsStore _store = new(0);

    private Http2Harness(Http2Role role, Feed feed, Http2CodecOptions options)
    {
        _feed = feed;
        _input = new IoBuffer(Pool);
        _reader = new Http2WireReader(client: role == Http2Role.Client);
        _streams = new Http2StreamPool(Pool);
        Role = role;
        Stats = new Http2Stats(_store.Root);
        Codec = new Http2Codec(options, role, this, Pool, _streams, Stats);
    }

    public SlabPool Pool { get; } = new();

    public Http2Role Role { get; }

    public Http2Codec Codec { get; }

    public Http2Stats Stats { get; }

    /// <summary>What happened, in words.</summary>
    public List<string> Log { get; } = [];

    /// <summary>Every frame that the codec has written so far, when <see cref="Flush"/> was last called.</summary>
    public List<Http2WireFrame> Written { get; } = [];

    /// <summary>Whether body bytes are taken as they come.</summary>
    public bool Consumes { get; set; } = true;

    public bool RefusesRequests { get; set; }

    public Dictionary<uint, string> Bodies { get; } = [];

    /// <summary>What to do in an event, beside logging it.</summary>
    public Action<string, Http2Stream>? On { get; set; }

    /// <summary>What to do when SETTINGS have come.</summary>
    public Action? InSettings { get; set; }

    public int Signals { get; private set; }

    /// <summary>Runs a test of a server whose client has sent its preface and empty settings.</summary>
    public static void Server(Action<Http2Harness> test, Http2CodecOptions? options = null) => All(Http2Role.Server, test, options, started: true);

    /// <summary>Runs a test of a client whose server has sent empty settings.</summary>
    public static void Client(Action<Http2Harness> test, Http2CodecOptions? options = null) => All(Http2Role.Client, test, options, started: true);

    /// <summary>Runs a test of a codec that has sent its own start and has received nothing.</summary>
    public static void Fresh(Http2Role role, Action<Http2Harness> test, Http2CodecOptions? options = null) => All(role, test, options, started: false);

    /// <summary>The same for both roles.</summary>
    public static void Both(Action<Http2Harness> test, Http2CodecOptions? options = null)
    {
        Server(test, options);
        Client(test, options);
    }

    /// <summary>Bytes from the peer. Says whether the connection is still well.</summary>
    public bool Receive(params byte[][] parts)
    {
        var bytes = Http2Bytes.Join(parts);
        switch (_feed)
        {
            case Feed.Whole:
                _input.Append(bytes);
                break;
            case Feed.ByteByByte:
                foreach (var b in bytes)
                {
                    _input.Append([b]);
                    Codec.Receive(_input);
                }

                break;
            default:
                foreach (var piece in bytes.Chunk(SmallSlabBytes))
                {
                    var slab = new IoBuffer(Pool);
                    slab.Append(piece);
                    _input.MoveFrom(slab);
                }

                break;
        }

        return Codec.Receive(_input);
    }

    /// <summary>Lets the codec write what it can; the frames of this flush.</summary>
    public List<Http2WireFrame> Flush()
    {
        var frames = new List<Http2WireFrame>();
        bool more;
        do
        {
            more = Codec.FillData(64 * 1024);
            frames.AddRange(_reader.Feed(Codec.Output.ToArray()));
            Codec.Output.Clear();
        }
        while (more);
        Written.AddRange(frames);
        return frames;
    }

    /// <summary>A client's request, its head sent.</summary>
    public Http2Stream Request(bool endStream = true, KnownMethod method = KnownMethod.Get, Action<RequestHeaders>? with = null)
    {
        var stream = Codec.OpenStream(this).ShouldNotBeNull();
        _held.Add(stream);
        var headers = new RequestHeaders(Pool);
        _maps.Add(headers);
        headers.SetMethod(method);
        headers.SetScheme("http");
        headers.SetPath("/");
        headers.SetAuthority("a.example");
        with?.Invoke(headers);
        Codec.SendHeaders(stream, headers, endStream);
        return stream;
    }

    /// <summary>A server's answer.</summary>
    public void Respond(Http2Stream stream, int status = 200, bool endStream = true, Action<ResponseHeaders>? with = null)
    {
        var headers = new ResponseHeaders(Pool) { Status = status };
        _maps.Add(headers);
        with?.Invoke(headers);
        Codec.SendHeaders(stream, headers, endStream);
    }

    public void SendData(Http2Stream stream, string text, bool endStream = false)
    {
        var data = new IoBuffer(Pool);
        data.Append(Encoding.Latin1.GetBytes(text));
        Codec.SendData(stream, data, endStream);
    }

    public void SendData(Http2Stream stream, int bytes, bool endStream = false) => SendData(stream, new string('x', bytes), endStream);

    public HeaderTrailers Trailers(string name, string value)
    {
        var trailers = new HeaderTrailers(Pool);
        _maps.Add(trailers);
        trailers.Add(name, value);
        return trailers;
    }

    /// <summary>A held stream by its id.</summary>
    public Http2Stream Stream(uint id) => _held.Last(s => s.Id == id);

    public HeaderMap Head(uint id) => _heads[Stream(id)];

    public void Release(Http2Stream stream)
    {
        _held.Remove(stream).ShouldBeTrue();
        Codec.Release(stream);
    }

    public void ShouldBeWell()
    {
        Codec.Error.Reason.ShouldBeNull();
        Receive().ShouldBeTrue();
        Flush().ShouldNotContain(f => f.Type == Http2FrameType.GoAway);
    }

    /// <summary>The connection has ended with this error.</summary>
    public void ShouldFail(Http2ErrorCode code)
    {
        Receive().ShouldBeFalse();
        Codec.Error.IsSet.ShouldBeTrue();
        Codec.Error.Code.ShouldBe(code, Codec.Error.Reason);
        var last = Flush()[^1];
        last.Type.ShouldBe(Http2FrameType.GoAway);
        last.ErrorCode.ShouldBe(code);
    }

    /// <summary>A stream has been reset with this error, and the connection is well.</summary>
    public void ShouldReset(uint streamId, Http2ErrorCode code)
    {
        Codec.Error.Reason.ShouldBeNull();
        Flush().ShouldContain(f => f.Type == Http2FrameType.RstStream && f.StreamId == streamId && f.ErrorCode == code, string.Join("; ", Written));
        Written.ShouldNotContain(f => f.Type == Http2FrameType.GoAway);
        Receive(Http2Bytes.Ping()).ShouldBeTrue();
        Flush().ShouldContain(f => f.Type == Http2FrameType.Ping && f.IsAck);
    }

    public long Counter(string name) => ((Counter)_store.Root.Counter("http2." + name)).Value;

    public RequestHeaders? BeginRequest(Http2Stream stream)
    {
        if (RefusesRequests)
        {
            return null;
        }

        _held.Add(stream);
        var headers = new RequestHeaders(Pool);
        _maps.Add(headers);
        _heads[stream] = headers;
        return headers;
    }

    public ResponseHeaders? BeginResponse(Http2Stream stream)
    {
        var headers = new ResponseHeaders(Pool);
        _maps.Add(headers);
        _heads[stream] = headers;
        return headers;
    }

    public void OnHeaders(Http2Stream stream, bool endStream) => Note($"headers {stream.Id} {Dump(_heads[stream])}{(endStream ? " end" : "")}", "headers", stream);

    public void OnData(Http2Stream stream, bool endStream)
    {
        if (Consumes)
        {
            Bodies[stream.Id] = Bodies.GetValueOrDefault(stream.Id, "") + Encoding.Latin1.GetString(stream.Received.ToArray());
            var bytes = (int)stream.Received.Length;
            stream.Received.Clear();
            Codec.Consume(stream, bytes);
        }

        if (endStream)
        {
            Note($"end {stream.Id}", "end", stream);
        }
    }

    public void OnTrailers(Http2Stream stream) => Note($"trailers {stream.Id} {Dump(stream.Trailers!)}", "trailers", stream);

    public void OnReset(Http2Stream stream, Http2ErrorCode code, bool byPeer, string details) =>
        Note($"reset {stream.Id} {code} {(byPeer ? "peer" : "us")} {details}", "reset", stream);

    public void OnWritable(Http2Stream stream) => Note($"writable {stream.Id}", "writable", stream);

    public void OnSent(Http2Stream stream) => Note($"sent {stream.Id}", "sent", stream);

    public void OnGoAway(uint lastStreamId, Http2ErrorCode code) => Log.Add($"goaway {lastStreamId} {code}");

    public void OnSettings()
    {
        Log.Add("settings");
        InSettings?.Invoke();
    }

    public void OnPingAck(ulong payload) => Log.Add($"ping {payload}");

    public void OnOutput() => Signals++;

    /// <summary>The head as text: "GET http a.example / x=y".</summary>
    public static string Dump(HeaderMap map)
    {
        var text = new StringBuilder();
        if (map is RequestHeaders request)
        {
            text.Append(Text(request.Method)).Append(' ').Append(Text(request.Scheme)).Append(' ').Append(Text(request.Authority)).Append(' ').Append(Text(request.Path));
            if (!request.Protocol.IsEmpty)
            {
                text.Append(" protocol=").Append(Text(request.Protocol));
            }
        }
        else if (map is ResponseHeaders response)
        {
            text.Append(response.Status);
        }

        foreach (var header in map)
        {
            if (header.Id != HeaderId.Host)
            {
                text.Append(text.Length == 0 ? "" : " ").Append(Text(header.Name)).Append('=').Append(Text(header.Value));
            }
        }

        return text.ToString();
    }

    private static void All(Http2Role role, Action<Http2Harness> test, Http2CodecOptions? options, bool started)
    {
        foreach (var feed in Enum.GetValues<Feed>())
        {
            var harness = new Http2Harness(role, feed, options ?? new());
            try
            {
                harness.Codec.Start();
                if (started)
                {
                    harness.Receive(role == Http2Role.Server ? Http2Bytes.ClientStart : Http2Bytes.Settings()).ShouldBeTrue();
                    harness.Receive(Http2Bytes.SettingsAck()).ShouldBeTrue();
                    harness.Flush();
                    harness.Written.Clear();
                    harness.Log.Clear();
                    harness.Signals = 0;
                }

                test(harness);
                harness.Finish();
            }
            catch (Exception e)
            {
                throw new Xunit.Sdk.XunitException($"fed {feed}: {e.Message}\nlog: {string.Join("; ", harness.Log)}\nwritten: {string.Join("; ", harness.Written)}\n{e}");
            }
        }
    }

    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.Latin1.GetString(bytes);

    private void Note(string line, string what, Http2Stream stream)
    {
        Log.Add(line);
        On?.Invoke(what, stream);
    }

    /// <summary>Ends the connection: nothing may be left.</summary>
    private void Finish()
    {
        Codec.CloseAll(Http2ErrorCode.NoError, byPeer: true, "test ends");
        foreach (var stream in _held)
        {
            Codec.Release(stream);
        }

        foreach (var map in _maps)
        {
            map.Clear();
        }

        _input.Clear();
        Codec.ActiveStreams.ShouldBe(0);
        Codec.HeldStreams.ShouldBe(0);
        _streams.StreamsInUse.ShouldBe(0);
        Pool.SlabsInUse.ShouldBe(0);
        ((Gauge)_store.Root.Gauge("http2.streams_active")).Value.ShouldBe(0);
        ((Gauge)_store.Root.Gauge("http2.pending_send_bytes")).Value.ShouldBe(0);
    }
}
