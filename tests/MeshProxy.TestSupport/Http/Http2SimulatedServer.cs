using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.TestSupport.Http;

/// <summary>An upstream connection of an <see cref="HttpExchangeHarness"/> that speaks HTTP/2 frame by frame. It answers nothing by itself.</summary>
internal sealed class Http2SimulatedServer
{
    private readonly HttpExchangeHarness _harness;
    private readonly Http2WireReader _reader = new(client: true);

    /// <summary>Takes over a connection that the proxy has made: the newest, if none is given. Says nothing yet.</summary>
    public Http2SimulatedServer(HttpExchangeHarness harness, SimulatedPeer? peer = null)
    {
        _harness = harness;
        Peer = peer ?? harness.Upstream;
    }

    public SimulatedPeer Peer { get; }

    /// <summary>Everything that has come.</summary>
    public List<Http2WireFrame> Frames
    {
        get
        {
            _reader.Feed(Peer.TakeReceived());
            return _reader.Frames;
        }
    }

    /// <summary>The ids of the streams that were opened, in order.</summary>
    public IEnumerable<uint> Streams => Frames.Where(f => f.Type == Http2FrameType.Headers).Select(f => f.StreamId).Distinct();

    /// <summary>Sends SETTINGS, and acknowledges the proxy's.</summary>
    public Http2SimulatedServer Hello(params (int Id, uint Value)[] settings)
    {
        Send(Http2Bytes.Settings(settings), Http2Bytes.SettingsAck());
        return this;
    }

    /// <summary>Sends frames at once, and runs until nothing is left to do.</summary>
    public void Send(params byte[][] frames)
    {
        Peer.Send(frames.SelectMany(f => f).ToArray());
        _harness.Run();
    }

    /// <summary>Answers a stream with 200 and a body.</summary>
    public void Answer(uint stream, string body = "hi") =>
        Send(Http2Bytes.Head(stream, endStream: false, (":status", "200")), Http2Bytes.Data(stream, body, endStream: true));

    /// <summary>Says that a stream is answered with a head alone, without ending it.</summary>
    public void Head(uint stream, string status, params (string Name, string Value)[] fields) =>
        Send(Http2Bytes.Head(stream, endStream: false, [(":status", status), .. fields]));

    public IEnumerable<Http2WireFrame> Of(uint stream) => Frames.Where(f => f.StreamId == stream);

    /// <summary>The head of a stream's request.</summary>
    public Http2WireFrame Request(uint stream) => Of(stream).First(f => f.Type == Http2FrameType.Headers);

    public string Body(uint stream) => string.Concat(Of(stream).Where(f => f.Type == Http2FrameType.Data).Select(f => f.Text));

    public bool IsEnded(uint stream) => Of(stream).Any(f => f.EndStream);

    /// <summary>The code that the stream was reset with; null if it was not.</summary>
    public Http2ErrorCode? ResetCode(uint stream) => Of(stream).FirstOrDefault(f => f.Type == Http2FrameType.RstStream)?.ErrorCode;
}
