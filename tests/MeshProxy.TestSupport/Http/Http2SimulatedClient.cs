using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http2;
using MeshProxy.TestSupport.Simulation;

namespace MeshProxy.TestSupport.Http;

/// <summary>An HTTP/2 client of an <see cref="HttpExchangeHarness"/> that speaks frame by frame. It answers nothing by itself.</summary>
internal sealed class Http2SimulatedClient
{
    private readonly HttpExchangeHarness _harness;
    private readonly Http2WireReader _reader = new(client: false);

    /// <summary>Connects, and says hello.</summary>
    public Http2SimulatedClient(HttpExchangeHarness harness, params (int Id, uint Value)[] settings)
    {
        _harness = harness;
        Peer = harness.Connect();
        Send(Http2Bytes.Preface, Http2Bytes.Settings(settings));
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

    public Http2WireFrame? GoAway => Frames.LastOrDefault(f => f.Type == Http2FrameType.GoAway);

    /// <summary>Sends frames at once, and runs until nothing is left to do.</summary>
    public void Send(params byte[][] frames)
    {
        Peer.Send(frames.SelectMany(f => f).ToArray());
        _harness.Run();
    }

    public IEnumerable<Http2WireFrame> Of(uint stream) => Frames.Where(f => f.StreamId == stream);

    /// <summary>The last head of a stream that is not informational.</summary>
    public Http2WireFrame Head(uint stream) => Of(stream).First(f => f.Type == Http2FrameType.Headers && f[":status"]?.StartsWith('1') == false);

    public string Status(uint stream) => Head(stream)[":status"]!;

    public string Body(uint stream) => string.Concat(Of(stream).Where(f => f.Type == Http2FrameType.Data).Select(f => f.Text));

    public bool IsEnded(uint stream) => Of(stream).Any(f => f.EndStream);

    /// <summary>The code that the stream was reset with; null if it was not.</summary>
    public Http2ErrorCode? ResetCode(uint stream) => Of(stream).FirstOrDefault(f => f.Type == Http2FrameType.RstStream)?.ErrorCode;
}
