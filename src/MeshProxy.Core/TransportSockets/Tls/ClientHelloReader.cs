using MeshProxy.Core.Buffers;

namespace MeshProxy.Core.TransportSockets.Tls;

/// <summary>Reads a ClientHello where it stands, and leaves it there for the TLS library.</summary>
internal sealed class ClientHelloReader(IoBuffer source) : IDisposable
{
    private long _seen;

    public ClientHelloParser Parser = new(ClientHelloParser.DefaultMaxBytes);

    public ClientHelloStatus Advance()
    {
        long at = 0;
        var status = Parser.Status;
        for (var i = 0; i < source.SliceCount && status == ClientHelloStatus.NeedMore; i++)
        {
            ref var slice = ref source.SliceAt(i);
            var skip = (int)Math.Clamp(_seen - at, 0, slice.Length);
            status = Parser.Append(slice.Slab.Span(slice.Start + skip, slice.Length - skip));
            at += slice.Length;
        }

        _seen = source.Length;
        return status;
    }

    public void Dispose() => Parser.Dispose();
}
