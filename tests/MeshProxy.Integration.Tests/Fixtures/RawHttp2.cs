using System.Net.Sockets;
using MeshProxy.Http.Codecs.Http2;
using MeshProxy.TestSupport.Http;
using MeshProxy.TestSupport.Http2;

namespace MeshProxy.Integration.Tests.Fixtures;

/// <summary>An HTTP/2 client that sends what it likes, frame by frame.</summary>
internal sealed class RawHttp2(RawConnection connection) : IDisposable
{
    private readonly Http2WireReader _reader = new(client: false);
    private readonly byte[] _chunk = new byte[64 * 1024];

    public RawConnection Connection { get; } = connection;

    public List<Http2WireFrame> Frames => _reader.Frames;

    /// <summary>The peer has closed, by FIN or RST.</summary>
    public bool IsClosed { get; private set; }

    public Http2WireFrame? GoAway => Frames.LastOrDefault(f => f.Type == Http2FrameType.GoAway);

    public static async Task<RawHttp2> ConnectAsync(Proxy proxy, int? receiveBuffer = null, params (int Id, uint Value)[] settings)
    {
        var client = new RawHttp2(await proxy.ConnectAsync(receiveBuffer));
        await client.SendAsync(Http2Bytes.Preface, Http2Bytes.Settings(settings));
        return client;
    }

    public Task SendAsync(params byte[][] frames) => Connection.SendAsync(frames.SelectMany(f => f).ToArray());

    /// <summary>Sends until the peer has closed, for which it has a bounded number of turns; reads nothing meanwhile.</summary>
    public async Task FloodAsync(byte[] frames, int times)
    {
        try
        {
            for (var i = 0; i < times; i++)
            {
                var send = Connection.SendAsync(frames);
                if (await Task.WhenAny(send, Task.Delay(Settings.Patience)) != send)
                {
                    throw new TimeoutException("the proxy has stopped reading and has not closed");
                }

                await send;
            }
        }
        catch (SocketException)
        {
            IsClosed = true;
        }
    }

    /// <summary>Reads until the frames that have come satisfy a condition, or the peer has closed.</summary>
    public async Task ReadUntilAsync(Func<RawHttp2, bool> condition)
    {
        while (!condition(this) && !IsClosed)
        {
            try
            {
                var count = await Connection.Socket.ReceiveAsync(_chunk).WaitAsync(Settings.Patience);
                IsClosed = count == 0;
                _reader.Feed(_chunk.AsSpan(0, count));
            }
            catch (SocketException)
            {
                IsClosed = true;
            }
        }
    }

    public Task ReadToCloseAsync() => ReadUntilAsync(_ => false);

    public async Task<Http2WireFrame> HeadAsync(uint stream)
    {
        await ReadUntilAsync(c => c.Frames.Any(f => f.Type == Http2FrameType.Headers && f.StreamId == stream));
        return Frames.First(f => f.Type == Http2FrameType.Headers && f.StreamId == stream);
    }

    public void Dispose() => Connection.Dispose();
}
