using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.NetworkFilters.DirectResponse;

/// <summary>Sends a fixed answer and closes (envoy.filters.network.direct_response).</summary>
internal sealed class DirectResponseFilter(byte[] response) : ITerminalFilter
{
    private INetworkFilterCallbacks _callbacks = null!;

    public void Initialize(INetworkFilterCallbacks callbacks) => _callbacks = callbacks;

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder))]
    public async ValueTask RunAsync()
    {
        _callbacks.StreamInfo.ResponseCodeDetails = ResponseCodeDetails.DirectResponse;
        if (response.Length > 0)
        {
            var buffer = new IoBuffer(_callbacks.Loop.Slabs);
            buffer.Append(response);
            _callbacks.StreamInfo.BytesSent += response.Length;
            await _callbacks.WriteAsync(buffer, endStream: false);
        }

        _callbacks.Connection.Close(CloseType.FlushWrite);
    }
}
