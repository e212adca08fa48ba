using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;

namespace MeshProxy.Core.NetworkFilters.Echo;

/// <summary>Sends back what arrives (envoy.filters.network.echo).</summary>
internal sealed class EchoFilter : ITerminalFilter
{
    private INetworkFilterCallbacks _callbacks = null!;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder))]
    public async ValueTask RunAsync()
    {
        var info = _callbacks.StreamInfo;
        var buffer = new IoBuffer(_callbacks.Loop.Slabs);
        while (true)
        {
            var read = await _callbacks.ReadAsync(buffer);
            if (!read.IsOk && read.Status != IoStatus.EndOfStream)
            {
                break;
            }

            info.BytesReceived += read.Bytes;
            info.BytesSent += read.Bytes;
            var write = await _callbacks.WriteAsync(buffer, endStream: !read.IsOk);
            if (!write.IsOk || !read.IsOk)
            {
                break;
            }
        }

        buffer.Clear();
        _callbacks.Connection.Close(CloseType.FlushWrite);
    }
}
