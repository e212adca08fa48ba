using System.Runtime.CompilerServices;
using MeshProxy.Core.Buffers;
using MeshProxy.Core.Config;
using MeshProxy.Core.Event;
using MeshProxy.Core.Network;
using MeshProxy.Core.Network.ProxyProtocol;
using MeshProxy.Core.Streams;

namespace MeshProxy.Core.TransportSockets.ProxyProtocol;

/// <summary>Writes the header before the inner transport socket's handshake; after that it only hands on.</summary>
/// <remarks>
/// The header tells of the client that the connection is made for. A connection that is made for nobody in particular (a health check, a
/// connection that requests of several clients share) says LOCAL in version 2, and its own two addresses in version 1, as in Envoy.
/// </remarks>
internal sealed class UpstreamProxyProtocolSocket(
    ProxyProtocolConfig config, ITransportSocketCallbacks below, ITransportSocket? inner, TransportSocketOptions? options) : ITransportSocket
{
    private string? _failure;

    public TlsInfo? Tls => inner?.Tls;

    public string? FailureReason => _failure ?? inner?.FailureReason;

    [AsyncMethodBuilder(typeof(LoopTaskMethodBuilder<>))]
    public async ValueTask<IoResult> HandshakeAsync()
    {
        var header = new IoBuffer(below.Connection.Loop.Slabs);
        if (!TryWrite(header))
        {
            _failure = "the TLVs of the client's PROXY header are too long for the upstream's";
            return new IoResult(IoStatus.TransportFailed);
        }

        var written = await below.WriteAsync(header, endStream: false);
        header.Clear();
        return written.IsOk && inner is not null ? await inner.HandshakeAsync() : written;
    }

    public ValueTask<IoResult> ReadAsync(IoBuffer into) => inner?.ReadAsync(into) ?? below.ReadAsync(into);

    public ValueTask<IoResult> WriteAsync(IoBuffer data, bool endStream) =>
        inner?.WriteAsync(data, endStream) ?? below.WriteAsync(data, endStream);

    public void Close(CloseType how) => inner?.Close(how);

    private bool TryWrite(IoBuffer header)
    {
        var (source, destination) = (options?.DownstreamRemoteAddress, options?.DownstreamLocalAddress);
        if (config.Version == ProxyProtocolVersion.V2)
        {
            return ProxyProtocolWriter.TryWriteV2(
                header, source, destination, UpstreamProxyProtocolSocketFactory.Select(config, options?.ProxyProtocol));
        }

        if (source is null)
        {
            (source, destination) = (below.Connection.LocalAddress, below.Connection.RemoteAddress);
        }

        ProxyProtocolWriter.WriteV1(header, source, destination);
        return true;
    }
}
